"""PyOD's detectors, doing what benchmarks ask of them."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder
from pyod.utils.torch_utility import TorchDataset
from sklearn.preprocessing import StandardScaler

from isthmus.bench.worker import most_held, serve

PLAIN = {"hidden_neuron_list": [64, 16], "batch_norm": False, "dropout_rate": 0.0, "epoch_num": 1, "verbose": 0}
MODULES = {
    "AutoEncoder": "pyod.models.auto_encoder",
    "ECOD": "pyod.models.ecod",
    "IForest": "pyod.models.iforest",
    "KNN": "pyod.models.knn",
    "VAE": "pyod.models.vae",
}
NETWORKS = ("AutoEncoder", "VAE")
SEEDED = (*NETWORKS, "IForest")
kept: dict[str, Any] = {}


def load(file: str, batch_size: int) -> int:
    """Read rows, and make ready to train on them and to score them; the number of rows."""
    x = kept["x"] = np.load(file)
    model = kept["model"] = AutoEncoder(**PLAIN, batch_size=batch_size)
    model.fit(x[: 2 * batch_size])
    rows = TorchDataset(X=x, y=None, mean=model.X_mean, std=model.X_std)
    kept["loader"] = torch.utils.data.DataLoader(rows, batch_size=batch_size, shuffle=True, drop_last=True)
    return len(x)


def train() -> None:
    """One epoch over the rows, with nothing before or after it."""
    kept["model"].model.train()
    kept["model"].train(kept["loader"])


def score() -> None:
    """Score all rows."""
    kept["model"].decision_function(kept["x"])


def fit(train: str, test: str, scores: str, seed: int) -> float:
    """Fit with PyOD's defaults, write the scores of other rows, and tell the seconds of the fit."""
    x = np.load(train)
    began = time.perf_counter()
    model = AutoEncoder(random_state=seed, verbose=0).fit(x)
    seconds = time.perf_counter() - began
    np.save(scores, model.decision_function(np.load(test)))
    return seconds


def detect(name: str, train: str, test: str, scores: str, seed: int) -> None:
    """Fit a detector with PyOD's defaults, on rows scaled by those it learns from, and write the scores of others."""
    scaler = StandardScaler().fit(np.load(train))
    own = {"random_state": seed} if name in SEEDED else {}
    quiet = {"verbose": 0} if name in NETWORKS else {}
    model = vars(import_module(MODULES[name]))[name](**own, **quiet)
    model.fit(scaler.transform(np.load(train)))
    np.save(scores, model.decision_function(scaler.transform(np.load(test))))


if __name__ == "__main__":
    serve(load=load, train=train, score=score, fit=fit, detect=detect, peak=most_held)
