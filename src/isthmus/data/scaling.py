"""Centre and spread of columns: learnt chunk by chunk (exact moments, a fixed sample for quantiles), and applied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from isthmus.data.tails import bent, straightened

Floats: TypeAlias = npt.NDArray[np.float64]

CHUNK_CELLS = 2**17
"""Cells measured at once: a megabyte of float64, which stays in the processor's cache."""

RESERVOIR = 16_384
"""Rows that quantiles are read off: all of a smaller set, else a uniform sample (a median is then off by 0.01 sd)."""

ROUNDING = {"float16": 1e-2, "bfloat16": 1e-1, "float32": 1e-6}
"""The part of a column's magnitude below which its spread is rounding, by type; 1e-12 for all others."""

CONSTANT_SHARE = 0.01
"""What one unit of x is worth in a constant column: this part of its magnitude, and 1.0 where that is zero."""

NORMAL_IQR = 1.3489795003921634  # interquartile range of N(0, 1), so that robust units equal standard ones there


class Moments:
    r"""Count, mean, squared deviations, least and greatest value of each column; NaN cells are left out.

    Each chunk is measured in two passes (mean, then squares about it) and merged by the pairwise formulas

    .. math:: \delta = m_b - m_a, \quad m = m_a + \delta \tfrac{n_b}{n}, \quad S = S_a + S_b + \delta^2
        \tfrac{n_a n_b}{n}

    so that the result does not depend on where the chunks were cut, up to rounding.

    Args:
        columns: D, their number.

    Paper:
        Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".

    Example:
        >>> moments = Moments(1).update(np.array([[1.0], [2.0]])).update(np.array([[6.0], [np.nan]]))
        >>> moments.mean, moments.deviation, moments.gaps
        (array([3.]), array([2.1602469]), array([ True]))
    """

    def __init__(self, columns: int) -> None:
        self.rows = 0
        self.count, self.mean, self.squares = np.zeros(columns), np.zeros(columns), np.zeros(columns)
        self.low, self.high = np.full(columns, np.inf), np.full(columns, -np.inf)

    @property
    def gaps(self) -> npt.NDArray[np.bool_]:
        """Which columns had missing cells, (D,)."""
        return self.count < self.rows

    @property
    def deviation(self) -> Floats:
        """Standard deviation of each column, (D,): the root of the mean squared deviation."""
        return np.sqrt(self.squares / np.maximum(self.count, 1))

    @property
    def magnitude(self) -> Floats:
        """Largest absolute value of each column, (D,); 0 where it has none."""
        return np.where(self.count > 0, np.maximum(np.abs(self.low), np.abs(self.high)), 0.0)

    def update(self, chunk: Floats) -> Moments:
        """Take in the rows of `chunk`, (n, D), NaN where a cell is missing; no infinities.

        Returns:
            Itself, for the next call.
        """
        if len(chunk) == 0:
            return self
        self.rows += len(chunk)
        missing = np.isnan(chunk) if np.isnan(chunk.sum()) else None
        count = np.full(chunk.shape[1], len(chunk)) if missing is None else len(chunk) - missing.sum(axis=0)
        mean = _filled(chunk, missing).sum(axis=0) / np.maximum(count, 1)
        deviations = _filled(chunk - mean, missing)
        self._merge(count, mean, np.einsum("nd,nd->d", deviations, deviations))
        self.low = np.fmin(self.low, np.fmin.reduce(chunk, axis=0))
        self.high = np.fmax(self.high, np.fmax.reduce(chunk, axis=0))
        return self

    def _merge(self, count: npt.NDArray[np.int_], mean: Floats, squares: Floats) -> None:
        """Join another set's count, mean and squared deviations to these."""
        total = np.maximum(self.count + count, 1)
        delta = np.where(count > 0, mean - self.mean, 0.0)
        self.mean = self.mean + delta * (count / total)
        self.squares = self.squares + squares + delta**2 * (self.count * count / total)
        self.count = self.count + count


def _filled(chunk: Floats, missing: npt.NDArray[np.bool_] | None) -> Floats:
    """The chunk with 0 in its missing cells."""
    return chunk if missing is None else np.where(missing, 0.0, chunk)


class Reservoir:
    """A uniform sample of at most `RESERVOIR` rows that depends on their order alone, not on where chunks were cut.

    Each row draws a number from one fixed stream, and the rows with the smallest numbers stay.

    Args:
        columns: D, their number.

    Example:
        >>> sample = Reservoir(1).update(np.arange(5.0)[:, None])
        >>> sample.quantiles((0.25, 0.5, 0.75))
        array([[1.], [2.], [3.]])
    """

    def __init__(self, columns: int) -> None:
        self.draws = np.random.default_rng(0)
        self.keys = np.zeros(0)
        self.rows = np.zeros((0, columns))

    def update(self, chunk: Floats) -> Reservoir:
        """Let the rows of `chunk`, (n, D), compete for a place.

        Returns:
            Itself, for the next call.
        """
        keys = self.draws.random(len(chunk))
        ceiling = self.keys.max() if len(self.keys) == RESERVOIR else np.inf
        better = keys < ceiling
        self.keys = np.concatenate([self.keys, keys[better]])
        self.rows = np.concatenate([self.rows, chunk[better]])
        if len(self.keys) > RESERVOIR:
            stay = np.argpartition(self.keys, RESERVOIR)[:RESERVOIR]
            self.keys, self.rows = self.keys[stay], self.rows[stay]
        return self

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Quantiles of each column at these levels, (levels, D), of its known cells; 0 where it has none."""
        known = np.where(np.isnan(self.rows).all(axis=0), 0.0, self.rows)
        return np.asarray(np.nanquantile(known, levels, axis=0), dtype=np.float64)

    def reach(self, center: Floats) -> Floats:
        """How far the cells that are not at the centre, (D,), lie from it in the middle, (D,); 0 where none is."""
        distances = np.abs(self.rows - center)
        distances[~(distances > 0)] = np.nan
        return np.asarray(np.nanmedian(np.where(np.isnan(distances).all(axis=0), 0.0, distances), axis=0))


def floored(spread: Floats, magnitude: Floats, dtypes: Sequence[str]) -> Floats:
    r"""The spread of each column, or, where it is no more than rounding, a share of the column's magnitude.

    .. math:: s = \sigma \text{ if } \sigma > \epsilon m, \text{ else } 0.01 m, \text{ or 1 where } m = 0

    Args:
        spread: Measured spread, (D,).
        magnitude: m, the largest absolute value, (D,).
        dtypes: Type of each column, whose rounding is epsilon: 1e-6 in float32, 1e-12 in float64 and integers.

    Example:
        >>> floored(np.array([0.0, 0.0, 2.0]), np.array([500.0, 0.0, 500.0]), ["float64"] * 3)
        array([5., 1., 2.])
    """
    rounding = np.array([ROUNDING.get(dtype.lower(), 1e-12) for dtype in dtypes])
    share = np.where(magnitude > 0, CONSTANT_SHARE * magnitude, 1.0)
    return np.where(spread <= magnitude * rounding, share, spread)


def scaled(
    values: npt.NDArray[Any], center: npt.ArrayLike, scale: npt.ArrayLike, logs: Sequence[int] = ()
) -> npt.NDArray[np.float32]:
    """(values - center) / scale as new, contiguous float32, its columns `logs` on a log scale.

    Types that float32 holds exactly are computed in float32, all others in float64.

    Example:
        >>> scaled(np.array([[10, 20]]), [0.0, 10.0], [10.0, 5.0])
        array([[1., 2.]], dtype=float32)
    """
    exact = np.can_cast(values.dtype, np.float32, "safe")
    dtype = np.float32 if exact else np.float64
    x: npt.NDArray[Any] = np.subtract(values, np.asarray(center, dtype), dtype=dtype, order="C", casting="unsafe")
    x /= np.asarray(scale, dtype)
    if logs:
        x[:, list(logs)] = bent(x[:, list(logs)])
    single: npt.NDArray[np.float32] = x.astype(np.float32, copy=False)
    return single


def unscaled(x: Floats, center: npt.ArrayLike, scale: npt.ArrayLike, logs: Sequence[int] = ()) -> Floats:
    """The values that `scaled` made x of, in float64.

    Args:
        x: (..., D).
        center: What was taken away.
        scale: What one unit is worth.
        logs: Columns on a log scale.

    Example:
        >>> unscaled(np.array([1.0, np.log(3.0)]), 10.0, 5.0, logs=[1])
        array([15., 20.])
    """
    if logs:
        x = x.copy()
        x[..., list(logs)] = straightened(x[..., list(logs)])
    values: Floats = x * np.asarray(scale) + np.asarray(center)
    return values


def whole(values: Floats, dtype: str) -> Floats:
    """Rounded and clipped to the type's range, if it is one of integers.

    Example:
        >>> whole(np.array([0.6, 300.0]), "uint8"), whole(np.array([0.6]), "float32")
        (array([  1., 255.]), array([0.6]))
    """
    kind = re.match(r"u?int(8|16|32|64)\b", dtype.lower())
    if kind is None:
        return values
    bounds = np.iinfo(kind[0])
    top = float(bounds.max)
    top = top if int(top) <= bounds.max else float(np.nextafter(top, 0.0))  # 2**63 - 1 is no float64
    return np.clip(np.rint(values), float(bounds.min), top)
