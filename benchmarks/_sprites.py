"""Members on drawn sprites: what their units stand for, and what 50 labels make of their codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

import isthmus
from isthmus import metrics
from isthmus.data.drawings import LEVELS
from isthmus.estimator.inputs import read

ROWS, JUDGED, EPOCHS = 4000, 2000, 20
UNITS, HIDDEN = 10, (256, 128)
LABELLED, DRAWS = 50, 20  # labels, and how often others are drawn
NUMBERS = [list(LEVELS).index(name) for name in ("scale", "x", "y")]  # factors that are numbers; a turn comes round

METHODS: dict[str, Callable[..., Any]] = {
    "VAE": isthmus.VAE,
    "beta-VAE, 4": partial(isthmus.BetaVAE, beta=4.0),
    "FactorVAE, 10": partial(isthmus.FactorVAE, gamma=10.0),
    "beta-TCVAE, 6": partial(isthmus.BetaTCVAE, beta=6.0),
}
MIG, WRONG = "MIG", "share of scale, x and y not told by 50 labels"
KNOWN_ROWS = 1000  # over which information is taken, which takes the square of so many steps


@cache
def judged_by() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Sprites that no member learns from, and their factors."""
    return isthmus.data.sprites(JUDGED, random_state=10_000)


def sprite(method: str, seed: int) -> dict[str, Any]:
    """All figures of one member, trained on sprites of the seed's own."""
    shape = {"latent_dim": UNITS, "architecture": "mlp", "hidden_dims": HIDDEN, "likelihood": "bernoulli"}
    X, _ = isthmus.data.sprites(ROWS, random_state=seed)
    model = METHODS[method](**shape, epochs=EPOCHS, batch_size=64, learning_rate=1e-3, random_state=seed).fit(X)
    images, factors = judged_by()
    codes = model.transform(images).astype(np.float64)
    told = metrics.dci(codes, factors)
    return {
        MIG: metrics.mig(codes, factors),
        "SAP": metrics.sap(codes, factors),
        "disentanglement": told.disentanglement,
        "completeness": told.completeness,
        "informativeness": told.informativeness,
        "factor metric": metrics.factor_metric(codes, factors),
        "beta metric": metrics.beta_metric(codes, factors),
        "active units": metrics.active_units(codes),
        WRONG: untold(codes, factors, seed),
        **carried(model, images[:KNOWN_ROWS]),
    }


def carried(model: Any, images: NDArray[np.uint8]) -> dict[str, float]:
    """Distortion, rate and what the rate is made of, in nats."""
    x = read(model, images).block(0, len(images))
    with torch.no_grad():
        mean, log_var = model.network_.bottleneck.posterior(model.network_.encoder(x))
    found = metrics.mutual_information(mean.numpy(), log_var.numpy())
    distortion = float(-model.score(images) - found.rate)
    return {"distortion": distortion, "rate": found.rate, "total correlation": found.total_correlation}


def untold(codes: NDArray[np.float64], factors: NDArray[np.int64], seed: int) -> float:
    """1 - R2 of a ridge regression from codes to factors that learnt from few labels, over draws of these."""
    wanted, random, lost = factors[:, NUMBERS].astype(np.float64), np.random.default_rng(seed), []
    for _ in range(DRAWS):
        order = random.permutation(len(codes))
        few, rest = order[:LABELLED], order[LABELLED:]
        answers = RidgeCV(np.logspace(-3, 3, 13)).fit(codes[few], wanted[few]).predict(codes[rest])
        squares = ((answers - wanted[rest]) ** 2).mean(0) / wanted[rest].var(0)
        lost.append(float(squares.mean()))
    return float(np.mean(lost))
