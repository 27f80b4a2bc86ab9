"""How near alarms are to events, and events to alarms, in units of chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.metrics.detection import paired, some_of
from isthmus.metrics.events import Rates, runs

PARTS = 4  # of a step between points: no kink of what is integrated lies within a quarter

Floats = NDArray[np.float64]


def affiliation(labels: ArrayLike, predictions: ArrayLike) -> Rates:
    r"""Precision and recall by distance in time: how much nearer alarms and events lie to each other than by chance.

    .. math:: P_j = \operatorname{mean}_{x \in A_j} \Pr(d(X, E_j) \ge d(x, E_j)), \quad
              R_j = \operatorname{mean}_{y \in E_j} \Pr(|X - y| \ge d(y, A_j)), \quad X \sim U(Z_j)

    E_j is an event, Z_j the zone of all times that are nearer to it than to any other, A_j the alarms in that zone.
    Precision is the mean of P_j over the zones with an alarm, recall that of R_j over all events, 0 where a zone has
    none. A point i is the interval [i, i + 1). Alarms at random places get about 0.5, so compare with those.

    Args:
        labels: (n,) truth.
        predictions: (n,) alarms.

    Raises:
        InputError: arrays of different lengths, or no event.

    Paper:
        Huet, Navarro & Rossi 2022, KDD, sections 3 and 4. Without any alarm they leave precision undefined; here it
        is 0.

    Example:
        >>> late = affiliation([0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0, 0])
        >>> round(late.precision, 3), round(late.recall, 3)
        (0.5, 0.75)
    """
    truth, alarms = paired(labels, predictions)
    starts, stops = runs(some_of(truth, True))
    middles = (stops[:-1] + starts[1:]) / 2
    zones = zip(np.append(0, middles), np.append(middles, len(truth)), starts, stops, strict=True)
    found = [_in_zone(alarms, *zone) for zone in zones]
    precisions = [precision for precision, _ in found if precision is not None]
    return Rates.of(float(np.mean(precisions or [0.0])), float(np.mean([recall for _, recall in found])))


def _in_zone(alarms: NDArray[np.bool_], low: float, high: float, start: int, stop: int) -> tuple[float | None, float]:
    """P_j and R_j of the event [start, stop) in the zone [low, high); both integrals are exact sums over quarters."""
    first, last = round(low * PARTS), round(high * PARTS)
    quarters = np.arange(first, last)
    times = (quarters + 0.5) / PARTS
    alarmed = alarms[quarters // PARTS]
    if not alarmed.any():
        return None, 0.0
    outside = np.maximum(np.maximum(start - times, times - stop), 0.0)[alarmed]
    covered = stop - start + np.minimum(outside, start - low) + np.minimum(outside, high - stop)
    precision = np.where(outside > 0, 1 - covered / (high - low), 1.0).mean()
    within = times[(times > start) & (times < stop)]
    off = _distance(within, alarmed, low)
    reached = np.minimum(off, within - low) + np.minimum(off, high - within)
    return float(precision), float((1 - reached / (high - low)).mean())


def _distance(times: Floats, alarmed: NDArray[np.bool_], low: float) -> Floats:
    """How far each time is from the nearest alarm of its zone."""
    begins, ends = (low + edges / PARTS for edges in runs(alarmed))
    after = np.searchsorted(begins, times)  # the first alarm that begins later
    until_next = np.append(begins, np.inf)[after] - times
    since_last = times - np.append(-np.inf, ends)[after]
    off: Floats = np.maximum(np.minimum(until_next, since_last), 0.0)
    return off
