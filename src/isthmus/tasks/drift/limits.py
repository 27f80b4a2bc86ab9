"""Limits that keep to a stated run length: one false alarm in so many windows, on the user's own quiet time."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import ParameterError
from isthmus.tasks.drift.bins import Floats

Bools: TypeAlias = NDArray[np.bool_]
NEEDED, AMONG = 2, 3
USUAL = 0.9  # the quantile of a stream's own distances that its limit is a multiple of
WIDEST, HALVINGS, STEP = 50.0, 20, 0.01  # times that: where the search begins, how often it halves, and then its steps


def confirmed(beyond: Bools) -> Bools:
    """Windows that raise an alarm, (..., T, S): they are beyond a limit, and so is one of the two before them.

    A window within its limit raises none, whatever came before it.

    Example:
        >>> beyond = np.array([1, 0, 1, 0, 0, 1, 1], dtype=bool)[:, None]
        >>> confirmed(beyond)[:, 0].astype(int)
        array([0, 0, 1, 0, 0, 0, 1])
    """
    seen = np.zeros(beyond.shape, dtype=np.int64)
    for back in range(1, AMONG):
        seen[..., back:, :] += beyond[..., :-back, :]
    return np.asarray(beyond & (seen >= NEEDED - 1))


def onsets(alarms: Bools) -> Bools:
    """Where a run of alarms begins, (..., T): what somebody is called for, once."""
    before = np.zeros_like(alarms)
    before[..., 1:] = alarms[..., :-1]
    return np.asarray(alarms & ~before)


def limits_for(distances: Floats, floors: Floats, run_length: float) -> Floats:
    r"""Limits, (S,), under which quiet windows raise one alarm in `run_length` windows, all streams together.

    .. math:: \ell_s = \max(\text{floor}_s, \kappa q_s)

    q_s is what nine in ten distances of stream s stay below, so that one factor serves all of them; kappa is the least
    with at most R T / run_length alarms among the R T windows that were drawn, with a standard error to spare.

    Args:
        distances: (R, T, S) of windows in which nothing has changed.
        floors: (S,).
        run_length: Windows.

    Raises:
        ParameterError: a run length below 1, or one for which too few windows were drawn.

    Example:
        >>> distances = np.random.default_rng(0).random((50, 52, 1))
        >>> limit = limits_for(distances, np.zeros(1), 52.0)
        >>> 0.85 < float(limit[0]) < 0.95  # one in ten beyond it, twice in three windows: 0.1 x 0.19 = 1 in 52
        True
    """
    drawn = distances.shape[0] * distances.shape[1]
    if not 1 <= run_length <= drawn / 4:
        allowed = f"between 1 and {drawn / 4:.0f} windows, as {drawn} are drawn to see what chance does"
        raise ParameterError(f"run_length={run_length!r}", allowed, "use run_length=52 for one a year of weeks")
    usual, most = np.maximum(np.quantile(distances, USUAL, axis=(0, 1)), 1e-12), drawn / run_length

    def under(factor: float) -> Bools:
        return np.asarray(confirmed(distances > np.maximum(floors, factor * usual)).any(-1))

    low, high = 0.0, WIDEST
    for _ in range(HALVINGS):  # windows under alarm grow fewer as the limit rises; alarms that begin may not
        middle = (low + high) / 2
        low, high = (low, middle) if _is_rare(under(middle), most) else (middle, high)
    while high > STEP and _is_rare(onsets(under(high - STEP)), most):
        high -= STEP
    return np.asarray(np.maximum(floors, high * usual))


def _is_rare(alarms: Bools, most: float) -> bool:
    """Whether there are at most so many, with a standard error to spare."""
    count = float(alarms.sum())
    return count + math.sqrt(count) <= most
