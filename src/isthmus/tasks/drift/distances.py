"""How far a window is from quiet time in other words: in units, in bits, by its unit of measurement."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from isthmus.tasks.drift.bins import Bins, Floats

DECILES = 10
ALIKE = 0.2  # in logarithms: how well the middle and the spread must agree on one factor
LEAST_FACTOR = 1.4  # a smaller factor is as likely a change in the world
ENOUGH = 0.5  # of a spread that the middle lies from 0, so that it can be seen to be multiplied


def wasserstein(quiet: ArrayLike, later: ArrayLike) -> float:
    r"""How far the values were moved on average, in standard deviations of the quiet ones; missing values are left out.

    .. math:: \frac{1}{\sigma} \int | F(x) - G(x) | \, dx

    Args:
        quiet: (n,) numbers.
        later: (m,) numbers.

    Paper:
        Kantorovich 1942; Vaserstein 1969.

    Example:
        >>> round(wasserstein(np.arange(100.0), np.arange(100.0) + 29.0), 2)
        1.0
    """
    from scipy.stats import wasserstein_distance

    one, other = _known(quiet), _known(later)
    if not len(one) or not len(other):
        return math.nan
    return float(wasserstein_distance(one, other) / max(float(one.std()), 1e-12))


def psi(quiet: ArrayLike, later: ArrayLike) -> float:
    r"""Population stability index over deciles of the quiet values, or over words; 0.25 is often called a shift.

    .. math:: \sum_k (g_k - f_k) \ln (g_k / f_k)

    Half a row is added to each bin, so that an empty one is no infinity.

    Args:
        quiet: (n,) numbers or words.
        later: (m,) the same.

    Paper:
        Jeffreys 1946 (the divergence); Siddiqi 2006, Credit Risk Scorecards (the index).

    Example:
        >>> psi(np.arange(100.0), np.arange(100.0)) < 0.01 < 0.25 < psi(np.arange(100.0), np.arange(100.0) + 50)
        True
    """
    bins = Bins.of(quiet, DECILES)
    f, g = ((counts + 0.5) / (counts + 0.5).sum() for counts in (bins.shares(quiet), bins.shares(later)))
    return float(((g - f) * np.log(g / f)).sum())


def unit_change(quiet: ArrayLike, later: ArrayLike) -> float | None:
    """The factor by which all values seem to be multiplied, as by another unit; None where nothing looks like it.

    The middle and the spread of the window have to agree on it, and the middle has to lie off zero.

    Args:
        quiet: (n,) numbers.
        later: (m,) numbers.

    Example:
        >>> metres = np.random.default_rng(0).normal(10, 1, 400)
        >>> round(unit_change(metres, 3.28 * metres), 2), unit_change(metres, metres + 2)
        (3.28, None)
    """
    one, other = _known(quiet), _known(later)
    if min(len(one), len(other)) < DECILES:
        return None
    (low, middle, high), (below, centre, above) = (np.quantile(part, [0.1, 0.5, 0.9]) for part in (one, other))
    if high <= low or above <= below or abs(middle) < ENOUGH * (high - low) or centre * middle <= 0:
        return None
    moved, spread = centre / middle, (above - below) / (high - low)
    agrees = abs(math.log(moved / spread)) < ALIKE and abs(math.log(moved)) > math.log(LEAST_FACTOR)
    return float(moved) if agrees else None


def unseen(quiet: ArrayLike, later: ArrayLike) -> tuple[str, ...]:
    """Words of a window that quiet time does not have, sorted; the first ten.

    Example:
        >>> unseen(["tcp", "udp"], ["udp", "sctp", None])
        ('sctp',)
    """
    one, other = ({str(word) for word in np.asarray(part, dtype=object) if word is not None} for part in (quiet, later))
    return tuple(sorted(other - one)[:10])


def _known(values: ArrayLike) -> Floats:
    """Those that are not missing."""
    given = np.asarray(values, dtype=np.float64)
    return given[np.isfinite(given)]
