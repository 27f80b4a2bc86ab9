"""How well alarms tell the events of a series: runs of anomalous points, each of them one incident to somebody.

Everywhere `labels` is (n,) and true where a point of the series is anomalous, `predictions` is (n,) and true where an
alarm was raised: by a threshold that was set before, on other data. A threshold chosen on these labels is no result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.metrics.detection import paired, some_of

SHUFFLES = 20  # places that alarms at random are put in

Ints = NDArray[np.intp]


class Rates(NamedTuple):
    """Precision, recall, and their harmonic mean."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, precision: float, recall: float) -> Rates:
        """The two with their harmonic mean, 0 where both are 0."""
        return cls(precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0)


class Inflated(NamedTuple):
    """A point-adjusted F1, and what as many alarms at random places get by the same rule."""

    f1: float
    at_random: float


def runs(mask: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Where each run of true begins, and the place behind its end.

    Example:
        >>> runs(np.array([True, False, True, True]))
        (array([0, 2]), array([1, 4]))
    """
    edges = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def event_f1(labels: ArrayLike, predictions: ArrayLike) -> Rates:
    """Precision, recall and F1 of events: an event is found if any of its points raises an alarm.

    A run of alarms that touches no event is one false alarm. recall = found events / events; precision = found events
    / (found events + false alarms). One alarm over the whole series would find everything at no price, so look at
    `false_alarm_rate` or `affiliation` as well.

    Args:
        labels: (n,) truth.
        predictions: (n,) alarms.

    Raises:
        InputError: arrays of different lengths, or no event.

    Paper:
        Hundman et al. 2018, KDD, section 4.2.

    Example:
        >>> event_f1([0, 1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 1])
        Rates(precision=0.5, recall=0.5, f1=0.5)
    """
    truth, alarms = paired(labels, predictions)
    found = _touched(some_of(truth, True), alarms)
    false = int((~_touched(alarms, truth)).sum())
    hits = int(found.sum())
    return Rates.of(hits / (hits + false) if hits else 0.0, hits / len(found))


def point_adjusted_f1(labels: ArrayLike, predictions: ArrayLike) -> Inflated:
    """F1 of points after every point of an event counts as found if one is: inflated, and here to be recognised.

    One lucky alarm pays for a whole event, so alarms at random score high where events are long. The second figure is
    their mean over 20 fixed shuffles of `predictions`; a first one that is no higher says nothing.

    Args:
        labels: (n,) truth.
        predictions: (n,) alarms.

    Raises:
        InputError: arrays of different lengths, or no event.

    Paper:
        Xu et al. 2018, WWW, section 4.1; what is wrong with it: Kim et al. 2022, AAAI.

    Example:
        >>> labels = np.arange(1000) >= 700
        >>> figure = point_adjusted_f1(labels, np.arange(1000) % 100 == 99)
        >>> figure.f1 > 0.95, figure.at_random > 0.9
        (True, True)
    """
    truth, alarms = paired(labels, predictions)
    random = np.random.default_rng(0)
    shuffled = [_adjusted(some_of(truth, True), random.permutation(alarms)) for _ in range(SHUFFLES)]
    return Inflated(_adjusted(truth, alarms), float(np.mean(shuffled)))


def _adjusted(truth: NDArray[np.bool_], alarms: NDArray[np.bool_]) -> float:
    """F1 of points once found events are filled up."""
    starts, stops = runs(truth)
    found = int((stops - starts)[_touched(truth, alarms)].sum())
    false = int((alarms & ~truth).sum())
    return Rates.of(found / (found + false) if found else 0.0, found / int(truth.sum())).f1


def _touched(mask: NDArray[np.bool_], by: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which runs of `mask` hold a place where `by` is true as well."""
    starts, stops = runs(mask)
    counts = np.append(0, np.cumsum(by))
    return np.asarray(counts[stops] > counts[starts])
