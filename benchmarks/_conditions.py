"""Digits drawn for a class, and how many of them a classifier of real digits puts into it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from _mnist import drawn, part
from sklearn.svm import SVC

import isthmus

ROWS, EPOCHS, EACH = 20_000, 40, 100
OPTIONS = {"latent_dim": 4, "hidden_dims": (512, 256), "likelihood": "bernoulli", "scaling": "unit", "architecture": "mlp"}
METHODS = ("told the digit", "told shuffled digits", "test rows")
RECOGNISED = "recognised"


@cache
def judge(rows: int = 10_000) -> Any:
    """A classifier of real digits: a support vector machine with a radial kernel, on rows of no seed's own."""
    seen = drawn(rows, 1_000)
    return SVC(C=10.0).fit(seen.x, seen.y)


def conditional(method: str, seed: int, rows: int = ROWS, epochs: int = EPOCHS) -> dict[str, Any]:
    """The share of drawn digits that the judge recognises as the class asked for; of test rows as their own."""
    asked = np.repeat(np.arange(10), EACH)
    if method == "test rows":
        test = part("test")
        return {RECOGNISED: float((judge().predict(test.x) == test.y).mean())}
    train = drawn(rows, seed)
    y = train.y if method == "told the digit" else np.random.default_rng(seed).permutation(train.y)
    model = isthmus.ConditionalVAE(**OPTIONS, epochs=epochs, random_state=seed).fit(_images(train.x), y)
    new = model.sample(len(asked), y=asked, random_state=seed).reshape(len(asked), -1)
    pictures = np.round(255 * new[::EACH].clip(0, 1)).astype(int).tolist()
    return {RECOGNISED: float((judge().predict(new) == asked).mean()), "pictures": pictures}


def _images(x: Any) -> Any:
    """Rows as pictures of one channel."""
    return x.reshape(-1, 28, 28, 1)
