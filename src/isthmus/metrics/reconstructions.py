"""What of the rows comes out again, in parts that can be added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError


@dataclass(frozen=True)
class Residuals:
    """What is left over of some rows, and how far they spread; two of them add up to that of all the rows.

    Args:
        rows: n.
        mean: Of the rows, (d,).
        spread: Sum of the squared distances of the rows from their mean.
        error: Sum of the squared distances of the rows from what came out.

    Example:
        >>> X = np.arange(12.0).reshape(6, 2)
        >>> parts = Residuals.of(X[:2], 0.9 * X[:2]) + Residuals.of(X[2:], 0.9 * X[2:])
        >>> bool(np.isclose(parts.explained_variance, explained_variance(X, 0.9 * X)))
        True
    """

    rows: int
    mean: NDArray[np.float64]
    spread: float
    error: float

    @classmethod
    def of(cls, X: ArrayLike, rebuilt: ArrayLike) -> Residuals:
        """Of rows and what came out for them, (n, ...) both; axes behind the first count as one.

        Raises:
            InputError: the two have different shapes, or no row.
        """
        given, other = np.asarray(X, dtype=np.float64), np.asarray(rebuilt, dtype=np.float64)
        if given.shape != other.shape or given.ndim < 2 or not len(given):
            came = f"X of shape {given.shape} with rebuilt of shape {other.shape}"
            raise InputError(came, "both are (n, ...), n >= 1", "rebuild the rows that are given")
        rows, back = given.reshape(len(given), -1), other.reshape(len(given), -1)
        mean: NDArray[np.float64] = rows.mean(0)
        return cls(len(rows), mean, float(((rows - mean) ** 2).sum()), float(((rows - back) ** 2).sum()))

    def __add__(self, other: Residuals) -> Residuals:
        """Those of the rows of both."""
        rows = self.rows + other.rows
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.rows / rows)
        between = float(apart @ apart) * self.rows * other.rows / rows
        return Residuals(rows, mean, self.spread + other.spread + between, self.error + other.error)

    @property
    def explained_variance(self) -> float:
        """1 - error / spread; NaN where the rows are all the same."""
        return 1 - self.error / self.spread if self.spread else float("nan")

    @property
    def mse(self) -> float:
        """Mean squared error of a number."""
        return self.error / (self.rows * len(self.mean))


def explained_variance(X: ArrayLike, rebuilt: ArrayLike) -> float:
    r"""The share of the variance of the rows that comes out again.

    .. math:: 1 - \frac{\sum_i \lVert x_i - \hat x_i \rVert^2}{\sum_i \lVert x_i - \bar x \rVert^2}

    All columns are taken together, around the mean of all rows: whoever answers with the mean has 0, and parts that are
    added up by `Residuals` give what the whole gives.

    Args:
        X: (n, ...) rows.
        rebuilt: What came out for them.

    Returns:
        At most 1; below 0 where the mean would have been nearer; NaN where all rows are the same.

    Raises:
        InputError: the two have different shapes, or no row.

    Example:
        >>> X = np.array([[0.0, 1.0], [2.0, 3.0]])
        >>> explained_variance(X, X), explained_variance(X, np.broadcast_to(X.mean(0), X.shape))
        (1.0, 0.0)
    """
    return Residuals.of(X, rebuilt).explained_variance
