"""Data sets at hand without a network: scikit-learn's bundled ones by name, and made ones whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.errors import ParameterError, UnknownNameError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Dataset:
    """Rows, what is known about each, and how they came to be.

    Args:
        X: A table (n, D), or images (n, h, w) of uint8.
        y: The class of each row, by name where it has one; a number where the set is one of regression; (n,).
        columns: Names of a table's columns; empty for images.
        truth: What the rows were made from, by name; empty for measured ones.
    """

    X: Array
    y: Array
    columns: tuple[str, ...] = ()
    truth: dict[str, Array] = field(default_factory=dict)

    def table(self) -> dict[str, Array]:
        """Every column by its name, y last and called "target": what `write` takes."""
        return {**dict(zip(self.columns, self.X.T, strict=True)), "target": self.y}


def load(name: str) -> Dataset:
    """A data set by name.

    Args:
        name: One of `SETS`.

    Raises:
        UnknownNameError: there is no set of that name.

    Example:
        >>> wine = load("wine")
        >>> wine.X.shape, wine.columns[0], str(wine.y[0])
        ((178, 13), 'alcohol', 'class_0')
    """
    if name not in SETS:
        raise UnknownNameError.among("data set", name, SETS)
    return SETS[name][1]()


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


SETS: dict[str, tuple[str, Callable[[], Dataset]]] = {
    "blobs": ("made: 1,000 rows of 4 round classes in 8 columns", blobs),
    "breast-cancer": (
        "569 tumours, 30 measures of nuclei; benign or malignant",
        lambda: _bundled("breast_cancer"),
    ),
    "diabetes": ("442 patients, 10 measures; progress of the disease after a year", lambda: _bundled("diabetes")),
    "digits": ("1,797 written digits, 8 x 8 grey", _digits),
    "factors": ("made: 2,000 rows of 3 factors in 20 columns, 2 % of them off the plane", factors),
    "iris": ("150 irises, 4 lengths; 3 species", lambda: _bundled("iris")),
    "wine": ("178 wines, 13 measures; 3 growers", lambda: _bundled("wine")),
}
"""Every set: what it is, and who makes it."""
