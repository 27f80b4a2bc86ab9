"""Heavy tails: which columns have one, and the log scale that they are then put on."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

HEAVY = 10.0
"""Robust standard deviations that the middle 99 % of a column span at most where it has no heavy tail."""

OUTER = (0.005, 0.995)
"""The quantiles between which a column's middle 99 % lie."""

LONGEST = 600.0
"""The largest x on a log scale that is led back as it is: e^600 times any usual scale is a float64."""


def bent(u: npt.ArrayLike) -> Floats:
    r"""A log scale that keeps the sign, and the unit near 0.

    .. math:: x = \operatorname{sign}(u) \ln(1 + |u|)

    In float64 whatever came, so that a cell has the same bits beside any others.

    Example:
        >>> bent([0.0, np.e - 1, 1 - np.e])
        array([ 0.,  1., -1.])
    """
    given = np.asarray(u, dtype=np.float64)
    return np.copysign(np.log1p(np.abs(given)), given)


def straightened(x: npt.ArrayLike) -> Floats:
    r"""The way back from a log scale.

    .. math:: u = \operatorname{sign}(x) (e^{|x|} - 1)

    Beyond x of 600, further than any float64 lies, it stays where it is: what a network makes up has a finite value.

    Example:
        >>> straightened(bent([-3.0, 0.0, 1e6])).round(6)
        array([-3.e+00,  0.e+00,  1.e+06])
    """
    given = np.asarray(x, dtype=np.float64)
    return np.copysign(np.expm1(np.minimum(np.abs(given), LONGEST)), given)


def heavy(outer: Floats, spread: Floats) -> npt.NDArray[np.bool_]:
    r"""Which columns have a heavy tail, (D,): their middle 99 % span more than ten robust standard deviations.

    .. math:: q_{0.995} - q_{0.005} > 10 s, \quad s = \frac{q_{0.75} - q_{0.25}}{1.35}

    It is 5.2 for a normal distribution and 6.5 for an exponential one; 12 for a lognormal with sigma = 1, whose log is
    normal. A few rows far out change nothing, so that anomalies among training rows do not decide it. Where most cells
    are alike the quartiles coincide, and s is how far the others lie from them in the middle.

    Args:
        outer: Quantiles 0.005 and 0.995 of each column, (2, D).
        spread: s, (D,), positive.

    Paper:
        Hogg 1974, J. American Statistical Association 69, pp. 909-923; this ratio: Crow & Siddiqui 1967, same journal
        62, pp. 353-389.

    Example:
        >>> heavy(np.array([[-2.6, 0.1], [2.6, 13.1]]), np.array([1.0, 1.1]))
        array([False,  True])
    """
    found: npt.NDArray[np.bool_] = outer[1] - outer[0] > HEAVY * spread
    return found
