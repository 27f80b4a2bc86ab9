"""Members on statically binarised MNIST: how likely test rows are under each, and how long it learnt."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from _mnist import Rows, part

import isthmus

JUDGED = 1000  # test rows
IMPORTANCE, OF_IMAGES = 5000, 1000  # draws from the posterior of each, and by a convolutional decoder
SHAPE = {"latent_dim": 50, "hidden_dims": (200, 200), "activation": "tanh", "likelihood": "bernoulli"}
IMAGES = {"latent_dim": 40, "hidden_dims": (32, 64), "architecture": "conv", "likelihood": "bernoulli"}
NLL, BOUND, GAP = "-log p(x) of test rows", "-bound of test rows", "bound of training rows above that of test rows"


class Rung(NamedTuple):
    """A member as the ladder has it.

    Args:
        make: The unfitted member, given `random_state=`.
        epochs: Passes over the 60,000 training rows, in batches of 100.
        published: Its published figure, and whose.
        as_images: Whether it is shown images, and not rows.
    """

    make: Callable[..., Any]
    epochs: int
    published: str
    as_images: bool = False


LADDER: dict[str, Rung] = {
    "VAE": Rung(partial(isthmus.VAE, **SHAPE), 60, "89.8 (pythae, 200 draws)"),
    "VAE, 10 epochs": Rung(partial(isthmus.VAE, **SHAPE), 10, "a control, for members that learnt as long"),
    "VAE, Vamp prior": Rung(partial(isthmus.VAE, prior="vamp", **SHAPE), 60, "85.6 (paper, 500 pseudo-inputs)"),
    "IWAE, 50 draws": Rung(partial(isthmus.IWAE, samples=50, **SHAPE), 10, "86.8 (pythae, 5000 draws), 87.1 (paper)"),
    "convolutional VAE": Rung(partial(isthmus.VAE, **IMAGES), 10, "none known to us", as_images=True),
    "convolutional VAE, flow prior": Rung(
        partial(isthmus.VAE, prior="flow", **IMAGES), 10, "80.1 (paper, 40 numbers, some 20 couplings)", as_images=True
    ),
}
"""Another prior or posterior is one more rung."""


@cache
def binary(name: str) -> Rows:
    """Rows of "train" or "test", each pixel black or white with the probability of its grey, drawn once for all."""
    x = part(name).x
    return (np.random.default_rng(0 if name == "train" else 1).random(x.shape) < x).astype(np.float32)


def shown(name: str, which: str) -> Rows:
    """Rows of "train" or "test" as a rung's member is shown them."""
    rows = binary(which)
    return rows.reshape(-1, 28, 28, 1) if LADDER[name].as_images else rows


def draws(name: str) -> int:
    """From each row's posterior, by which a rung is judged."""
    return OF_IMAGES if LADDER[name].as_images else IMPORTANCE


def rung(name: str, seed: int) -> dict[str, Any]:
    """What a member gives test rows, and the minutes that it learnt for."""
    begun, train, test = time.perf_counter(), shown(name, "train"), shown(name, "test")
    model = LADDER[name].make(epochs=LADDER[name].epochs, batch_size=100, learning_rate=1e-3, random_state=seed)
    model.fit(train)
    minutes = (time.perf_counter() - begun) / 60
    judged = test[:JUDGED]
    evidence = model.log_likelihood(judged, draws(name))
    bound = model.elbo(judged)
    return {
        NLL: float(-evidence.mean()),
        "standard error over rows": float(evidence.std() / np.sqrt(JUDGED)),
        BOUND: float(-bound.mean()),
        GAP: float(model.elbo(train[:JUDGED]).mean() - bound.mean()),
        "active units": isthmus.metrics.active_units(model.transform(test)),
        "minutes": minutes,
    }
