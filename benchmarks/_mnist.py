"""MNIST as the benchmarks take it: rows drawn by seed to learn from, and the whole test set to judge by."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk
from isthmus.data.idx import read_idx

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("ISTHMUS_DATA", ROOT.parent / "shared" / "data")) / "mnist"
FILES = {"train": "train", "test": "t10k"}

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]


class Digits(NamedTuple):
    """Grey values in [0, 1], (n, 784), and which digit each row is, (n,)."""

    x: Rows
    y: Labels


@cache
def part(name: str) -> Digits:
    """All rows of "train" (60,000) or "test" (10,000)."""
    images = read_idx(FOLDER / f"{FILES[name]}-images-idx3-ubyte.gz")
    labels = read_idx(FOLDER / f"{FILES[name]}-labels-idx1-ubyte.gz")
    return Digits((images.reshape(len(images), -1) / 255).astype(np.float32), labels.astype(np.int64))


def drawn(count: int, seed: int) -> Digits:
    """Rows of the training part, in an order of the seed's own."""
    all_of = part("train")
    chosen = np.random.default_rng(seed).permutation(len(all_of.x))[:count]
    return Digits(all_of.x[chosen], all_of.y[chosen])


def with_mnist(measure: Callable[[Desk], Figure]) -> Callable[[Desk], Figure | Absent]:
    """The same measurement, absent where the files are."""

    @wraps(measure)
    def measured(desk: Desk) -> Figure | Absent:
        if any(not (FOLDER / f"{file}-images-idx3-ubyte.gz").is_file() for file in FILES.values()):
            return Absent("MNIST is not at hand: ISTHMUS_DATA names the folder that holds mnist/", is_due=True)
        return measure(desk)

    return measured


def first_of_each() -> list[int]:
    """The first test row of each digit."""
    return [int(np.flatnonzero(part("test").y == digit)[0]) for digit in range(10)]


def greys(x: Any) -> list[Any]:
    """Values in [0, 1] as whole numbers from 0 to 255, for a picture to be drawn from what is kept."""
    found: list[Any] = np.round(255 * np.clip(x, 0, 1)).astype(int).tolist()
    return found


def error(x: Any, rebuilt: Any) -> float:
    """Mean squared error of a pixel, which runs from 0 to 1."""
    return float(((np.asarray(rebuilt, dtype=np.float64) - x) ** 2).mean())
