"""One bad input: the call that must fail, its error, and words that each of the three parts must say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import isthmus
from isthmus.errors import IsthmusError

ROWS = np.random.default_rng(0).normal(size=(40, 5))
IMAGES = np.random.default_rng(0).integers(0, 255, (12, 6, 6), dtype=np.uint8)


@dataclass(frozen=True)
class Case:
    """A call, given an empty folder to work in, and what its error says.

    Args:
        name: What is wrong.
        call: What somebody does.
        error: The very class that is raised.
        came: Words of what came.
        allowed: Words of what is allowed.
        fix: Words of what to do.
    """

    name: str
    call: Callable[[Path], Any]
    error: type[IsthmusError]
    came: str
    allowed: str
    fix: str


def model(**params: Any) -> Any:
    """An unfitted autoencoder, small and quick."""
    return isthmus.Autoencoder(**{"latent_dim": 2, "hidden_dims": (4,), "epochs": 1, "random_state": 0, **params})


def fit(X: Any, sample_weight: Any = None, **params: Any) -> Callable[[Path], Any]:
    """The call that fits on X."""
    return lambda folder: model(**params).fit(X, sample_weight=sample_weight)


def table() -> pd.DataFrame:
    """Columns of every kind; only `age` has gaps."""
    return pd.DataFrame(
        {
            "age": [31.0, None, 52.0, 40.0] * 10,
            "height": np.linspace(1.5, 2.0, 40),
            "colour": ["red", "blue", "red", "green"] * 10,
            "member": [True, False] * 20,
            "since": pd.date_range("2020-01-01", periods=40),
        }
    )


@cache
def fitted(what: str) -> Any:
    """A model fitted on a table, on numbers, or on images."""
    return model().fit({"table": table, "rows": lambda: ROWS, "images": lambda: IMAGES}[what]())


def later(what: str, X: Any, verb: str = "transform") -> Callable[[Path], Any]:
    """The call that shows X to a model fitted on something else."""
    return lambda folder: getattr(fitted(what), verb)(X)


def with_cell(value: Any, row: int = 3, column: int = 1, dtype: Any = float) -> np.ndarray:
    """The rows with one cell replaced."""
    rows = ROWS.astype(dtype)
    rows[row, column] = value
    return rows
