"""Data sets by name: scikit-learn's bundled ones, made ones whose truth is known, and one to be downloaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.errors import ParameterError, UnknownNameError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Dataset:
    """Rows, what is known about each, and how they came to be.

    Args:
        X: A table (n, D), images (n, h, w) of uint8, or films (n, t, h, w) of uint8.
        y: The class of each row, by name where it has one; a number where the set is one of regression; (n,).
        columns: Names of a table's columns; empty for anything else.
        truth: What the rows were made from, by name; empty for measured ones.
    """

    X: Array
    y: Array
    columns: tuple[str, ...] = ()
    truth: dict[str, Array] = field(default_factory=dict)

    def table(self) -> dict[str, Array]:
        """Every column by its name, y last and called "target": what `write` takes."""
        return {**dict(zip(self.columns, self.X.T, strict=True)), "target": self.y}

    def arrays(self) -> dict[str, Array]:
        """X, y and each part of the truth by its name: what an .npz file takes."""
        return {"X": self.X, "y": self.y, **self.truth}


@dataclass(frozen=True)
class Known:
    """A data set that `load` knows.

    Args:
        sentence: What it is.
        make: Makes it; a made set takes n and random_state, a downloaded one its source.
        kind: "bundled" with scikit-learn, "made", or "downloaded".
    """

    sentence: str
    make: Callable[..., Dataset]
    kind: str = "bundled"


def load(name: str, *, rows: int | None = None, random_state: int = 0, source: str | None = None) -> Dataset:
    """A data set by name.

    Args:
        name: One of `SETS`.
        rows: How many to make, of a made set; None for its usual number.
        random_state: Seed of a made set.
        source: Where a downloaded set lies: the address of a mirror, or a folder; None for the usual place.

    Raises:
        UnknownNameError: there is no set of that name.
        ParameterError: `rows` of a set that is what it is, or `source` of one that is not downloaded.
        DataFileError: a download that cannot be reached, or is not what was published.

    Example:
        >>> wine = load("wine")
        >>> wine.X.shape, wine.columns[0], str(wine.y[0])
        ((178, 13), 'alcohol', 'class_0')
    """
    if name not in SETS:
        raise UnknownNameError.among("data set", name, SETS)
    known = SETS[name]
    for option, value, kind in (("rows", rows, "made"), ("source", source, "downloaded")):
        if value is not None and known.kind != kind:
            came = f"{option}={value!r} for {name}, a {known.kind} set"
            raise ParameterError(came, f"only a {kind} set has a choice there", f"leave {option} out")
    if known.kind == "made":
        return known.make(random_state=random_state) if rows is None else known.make(rows, random_state=random_state)
    return known.make(source=source) if known.kind == "downloaded" else known.make()


def is_at_hand(path: Path) -> bool:
    """Whether a path that leads nowhere is the name of a set that needs no download."""
    known = SETS.get(str(path))
    return known is not None and known.kind != "downloaded" and not path.exists()


def blobs(n: int = 1000, columns: int = 8, classes: int = 4, *, random_state: int = 0) -> Dataset:
    """Classes as round clouds of unit spread, whose centres are drawn with a spread of 5.

    Args:
        n: Rows, as many of each class as of any other, to within one.
        columns: D.
        classes: Their number.
        random_state: Seed of all draws.

    Returns:
        X (n, D) float64 and y (n,); truth: `centres` (classes, D).

    Raises:
        ParameterError: fewer rows than classes, or no columns.

    Example:
        >>> made = blobs(10, columns=2, classes=3)
        >>> made.X.shape, made.truth["centres"].shape, sorted(made.y.tolist())
        ((10, 2), (3, 2), [0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    """
    if not 1 <= classes <= n or columns < 1:
        came = f"n={n}, columns={columns}, classes={classes}"
        raise ParameterError(came, "each class needs a row, and each row a column", "use n=1000, columns=8, classes=4")
    draws = np.random.default_rng(random_state)
    centres = draws.normal(scale=5.0, size=(classes, columns))
    y = draws.permutation(np.arange(n) % classes)
    X = centres[y] + draws.normal(size=(n, columns))
    return Dataset(X, y, _counted(columns), {"centres": centres})


def factors(
    n: int = 2000,
    columns: int = 20,
    rank: int = 3,
    *,
    noise: float = 0.1,
    anomalies: float = 0.02,
    size: float = 1.0,
    random_state: int = 0,
) -> Dataset:
    r"""Rows that a few factors explain, and some that leave the plane of those factors.

    .. math:: x = z W + \sigma \epsilon + a\, s\, u, \quad z, \epsilon \sim N(0, I),\ u \perp W,\ |u| = 1

    An autoencoder of that rank can carry z W and nothing else, so its squared error on a row is sigma^2 (D - rank)
    in the mean, and s^2 more where a = 1.

    Args:
        n: Rows.
        columns: D.
        rank: Factors, the width of z; less than D.
        noise: sigma, in units of x.
        anomalies: Share of the rows with a = 1.
        size: s, how far those lie off the plane, in units of x.
        random_state: Seed of all draws.

    Returns:
        X (n, D) float64 and y (n,), 1 where a = 1; truth: `z` (n, rank) and `loadings` W (rank, D).

    Raises:
        ParameterError: `rank` is not between 1 and D - 1, or `anomalies` not between 0 and 1.

    Example:
        >>> made = factors(1000, columns=6, rank=2, anomalies=0.05)
        >>> made.X.shape, int(made.y.sum())
        ((1000, 6), 50)
    """
    if not 1 <= rank < columns:
        came = f"rank={rank} with columns={columns}"
        raise ParameterError(came, "1 <= rank < columns: some direction leads off the plane", f"use rank={columns - 1}")
    if not 0 <= anomalies <= 1:
        raise ParameterError(f"anomalies={anomalies}", "a share of the rows lies between 0 and 1", "use anomalies=0.02")
    draws = np.random.default_rng(random_state)
    z, loadings = draws.normal(size=(n, rank)), draws.normal(size=(rank, columns)) / np.sqrt(rank)
    off = np.linalg.svd(loadings)[2][rank:]  # an orthonormal basis of what W does not reach, (D - rank, D)
    u = draws.normal(size=(n, columns - rank)) @ off
    y = draws.permutation(np.arange(n) < round(anomalies * n)).astype(np.int64)
    X = z @ loadings + noise * draws.normal(size=(n, columns)) + (size * y / np.linalg.norm(u, axis=1))[:, None] * u
    return Dataset(X, y, _counted(columns), {"z": z, "loadings": loadings})


def swiss_roll(n: int = 1500, *, noise: float = 0.0, random_state: int = 0) -> Dataset:
    """A sheet rolled up in space: two dimensions that no straight projection unrolls.

    Args:
        n: Rows.
        noise: Standard deviation of the noise, in units of x.
        random_state: Seed of all draws.

    Returns:
        X (n, 3) float64 and y (n,), the angle along the roll in radians; truth: `angle` (n,) and `height` (n,).

    Raises:
        ParameterError: no row.

    Example:
        >>> swiss_roll(4).X.shape
        (4, 3)
    """
    from sklearn.datasets import make_swiss_roll

    if n < 1:
        raise ParameterError(f"n={n}", "a set holds at least one row", "use n=1500")
    smooth, angle = make_swiss_roll(n, random_state=random_state)
    X = smooth + noise * np.random.default_rng(random_state).normal(size=smooth.shape)
    return Dataset(X, angle, ("x", "y", "z"), {"angle": angle, "height": smooth[:, 1]})


def _counted(columns: int) -> tuple[str, ...]:
    """Names for columns that have none."""
    return tuple(f"x{i}" for i in range(columns))


def _bundled(name: str) -> Dataset:
    """One of the tables that scikit-learn carries."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    classes = getattr(bunch, "target_names", None)
    y = bunch.target if classes is None else np.asarray(classes)[bunch.target]
    return Dataset(bunch.data, y, tuple(map(str, bunch.feature_names)))


def _digits() -> Dataset:
    """scikit-learn's digits as images; their greys 0 to 16 are spread over those of a byte."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Dataset((15 * bunch.images).astype(np.uint8), bunch.target)


def _elsewhere(module: str, name: str) -> Callable[..., Dataset]:
    """A maker in another module of this folder, which is imported when the set is wanted."""

    def make(*rows: int, **options: Any) -> Dataset:
        made: Dataset = getattr(importlib.import_module(f"isthmus.data.{module}"), name)(*rows, **options)
        return made

    return make


SETS: dict[str, Known] = {
    "blobs": Known("1,000 rows of 4 round classes in 8 columns", blobs, "made"),
    "breast-cancer": Known(
        "569 tumours, 30 measures of nuclei; benign or malignant", partial(_bundled, "breast_cancer")
    ),
    "diabetes": Known("442 patients, 10 measures; progress of the disease after a year", partial(_bundled, "diabetes")),
    "digits": Known("1,797 written digits, 8 x 8 grey", _digits),
    "factors": Known("2,000 rows of 3 factors in 20 columns, 2 % of them off the plane", factors, "made"),
    "iris": Known("150 irises, 4 lengths; 3 species", partial(_bundled, "iris")),
    "mnist": Known("70,000 written digits, 28 x 28 grey", _elsewhere("downloads", "mnist"), "downloaded"),
    "moving-digits": Known(
        "500 films of 10 pictures, 32 x 32 grey: two digits that bounce", _elsewhere("moving", "moving_digits"), "made"
    ),
    "patches": Known("10,000 patches of two photographs, 12 x 12 grey", _elsewhere("photographs", "patches"), "made"),
    "sprites": Known("2,000 sprites, 32 x 32 grey, of 5 known factors", _elsewhere("drawings", "named"), "made"),
    "swiss-roll": Known("1,500 rows on a rolled sheet in 3 columns", swiss_roll, "made"),
    "wine": Known("178 wines, 13 measures; 3 growers", partial(_bundled, "wine")),
}
"""Every set by its name."""
