"""What sparse dictionaries find of features that are known, by activation."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np

import isthmus
from isthmus.data import feature_tree, toy_dictionary
from isthmus.metrics import best_latents, dead_share, explained_variance, mcc, mmcs

FROZEN = "frozen at random"
JUDGED = 20_000  # rows that were not learnt from
TREE_ROWS = 30_000


@cache
def toy(seed: int) -> Any:
    """128 features in 64 dimensions, four on in a row: 200 000 rows to learn from, and others to be judged on."""
    return toy_dictionary(200_000 + JUDGED, seed)


def found_in_toy(method: str, seed: int) -> dict[str, Any]:
    """What a dictionary of as many latents finds, all but its size as usual."""
    made = toy(seed)
    began = time.perf_counter()
    model = isthmus.SAE(n_latents=128, activation=method, **wanted(method, 4), random_state=seed)
    model.fit(made.X[:-JUDGED])
    seconds = time.perf_counter() - began
    codes = model.transform(made.X[-JUDGED:])
    return {
        "MMCS": mmcs(model.components_, made.features),
        "MCC": mcc(model.components_, made.features).true,
        "dead": dead_share(codes),
        "on": codes.nnz / codes.shape[0],
        "seconds": seconds,
        "explained": explained_variance(made.X[-JUDGED:], model.inverse_transform(codes)),
    }


@cache
def tree(seed: int) -> Any:
    """8 parents, three children of each that exclude each other, and 32 features alone, at right angles."""
    return feature_tree(TREE_ROWS + JUDGED, seed)


def found_in_tree(method: str, seed: int) -> dict[str, Any]:
    """How well the best latent of each true feature tells where it is; of directions that never learnt, too."""
    made = tree(seed)
    activation = "topk" if method == FROZEN else method
    usual = {"learning_rate": 1e-12, "epochs": 1} if method == FROZEN else {"epochs": 12}
    on = made.codes.nnz / made.codes.shape[0]
    model = isthmus.SAE(n_latents=made.features.shape[0], activation=activation, **wanted(activation, on), **usual)
    model.set_params(random_state=seed).fit(made.X[:-JUDGED])
    codes = model.transform(made.X[-JUDGED:])
    return {
        "F1": float(np.mean(best_latents(codes, made.codes[-JUDGED:]).f1)),
        "MMCS": mmcs(model.components_, made.features),
        "on": codes.nnz / codes.shape[0],
    }


def wanted(activation: str, on: float) -> dict[str, Any]:
    """How much is to be on, as the activation takes it."""
    return {"k": max(1, round(on))} if activation in ("topk", "batch-topk", "matryoshka") else {"l0": float(on)}
