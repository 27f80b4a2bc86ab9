"""The real rows that members are tried on: pictures of digits as numbers, in and out of training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits


def digits() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """1200 digits to train on and 300 held out, 64 grey values in [0, 1] each."""
    pixels = (load_digits().data / 16).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(pixels))
    return pixels[order[:1200]], pixels[order[1200:1500]]


def cells() -> NDArray[np.float32]:
    """569 cells of 30 measurements that hang together, each of mean 0 and variance 1."""
    X = load_breast_cancer().data
    return ((X - X.mean(0)) / X.std(0)).astype(np.float32)


def error(rows: Any, rebuilt: Any) -> float:
    """Share of the rows' variance that is lost."""
    return float(((rebuilt - rows) ** 2).sum() / ((rows - rows.mean(0)) ** 2).sum())
