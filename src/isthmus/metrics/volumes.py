"""The volume under the surface of precision and recall: the order of a series' scores, with soft edges of events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError, ParameterError
from isthmus.metrics.detection import paired, some_of
from isthmus.metrics.events import runs

LEVELS = 250  # thresholds, at evenly spaced ranks of the scores

Floats = NDArray[np.float64]


def vus_pr(labels: ArrayLike, scores: ArrayLike, window: int) -> float:
    r"""Area under precision and recall, averaged over how far around an event an alarm still counts in part.

    .. math:: \frac1{W+1} \sum_{w=0}^W \sum_k (R_k - R_{k-1}) P_k, \quad
              P_k = \frac{T_k}{|A_k|}, \quad
              R_k = \min\Big(\frac{T_k}{N + B_k / 2}, 1\Big) \cdot \frac{\text{events found}}{\text{events}}

    Within w/2 points of an event a point counts sqrt(1 - d/w), d points off. A_k are the points with a score of at
    least the k-th of 250 thresholds, T_k what they count together, B_k the part of it outside of events, N the points
    in events. Events whose surroundings meet are found as one. No threshold is chosen and no hit counts for more than
    its points, so neither luck nor adjustment helps; the score of a coin is about the share of anomalous points.

    Args:
        labels: (n,) truth.
        scores: (n,), higher = more anomalous.
        window: W, in points: the period of the series, or the longest delay that is still worth something.

    Raises:
        InputError: arrays of different lengths, no event, or a score that is NaN.
        ParameterError: a window that is no whole number from 0 on.

    Paper:
        Paparrizos et al. 2022, PVLDB 15, section 4, with the details of TSB-AD (Liu & Paparrizos 2024): 250
        thresholds, and recall times the share of events found.

    Example:
        >>> labels = np.arange(200) // 20 == 5
        >>> vus_pr(labels, labels.astype(float), 10) > 0.9, vus_pr(labels, np.zeros(200), 10) < 0.15
        (True, True)
    """
    truth, values = paired(labels, scores, np.float64)
    _check(some_of(truth, True), values, window)
    thresholds = np.sort(values)[::-1][np.linspace(0, len(values) - 1, LEVELS).astype(int)]
    level = np.searchsorted(-thresholds, -values)  # the first threshold that each point reaches, (n,)
    return float(np.mean([_area(truth, level, width) for width in range(window + 1)]))


def _area(truth: NDArray[np.bool_], level: NDArray[np.intp], width: int) -> float:
    """Area under precision and recall where points around events, within half of `width`, count in part."""
    worth = _worth(truth, width)
    counted, around = _reached(level, worth), _reached(level, np.where(truth, 0.0, worth))
    recall = np.minimum(counted / (truth.sum() + around / 2), 1.0) * _found(truth, level, width // 2)
    return float(np.diff(recall, prepend=0.0) @ (counted / _reached(level, np.ones(len(truth)))))


def _reached(level: NDArray[np.intp], worth: Floats) -> Floats:
    """What the points that reach each threshold are worth together, (LEVELS,)."""
    return np.cumsum(np.bincount(level, worth, minlength=LEVELS))


def _worth(truth: NDArray[np.bool_], width: int) -> Floats:
    """What each point counts, (n,): 1 in an event, less with the distance around it."""
    worth, off = truth.astype(np.float64), np.arange(1, width // 2 + 1)
    starts, stops = runs(truth)
    for places in (starts[:, None] - off, stops[:, None] - 1 + off):
        inside = (places >= 0) & (places < len(truth))
        np.add.at(worth, places[inside], np.broadcast_to(np.sqrt(1 - off / max(width, 1)), places.shape)[inside])
    return np.minimum(worth, 1.0)


def _found(truth: NDArray[np.bool_], level: NDArray[np.intp], reach: int) -> Floats:
    """Share of the events that have a point at or above each threshold within reach, (LEVELS,)."""
    starts, stops = runs(truth)
    apart = stops[:-1] - 1 + reach < starts[1:] - reach
    begins = np.maximum(starts[np.append(True, apart)] - reach, 0)
    ends = np.minimum(stops[np.append(apart, True)] + reach, len(truth))
    padded = np.append(level, LEVELS)
    first = np.minimum.reduceat(padded, np.column_stack([begins, ends]).ravel())[::2]
    return np.cumsum(np.bincount(first, minlength=LEVELS)) / len(first)


def _check(truth: NDArray[np.bool_], scores: Floats, window: Any) -> None:
    """Refuse scores without an order, and windows that are no number of points."""
    if np.isnan(scores).any():
        came = f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN"
        raise InputError(
            came, "a score that is no number has no rank", "leave those points out, labels and scores both"
        )
    if isinstance(window, bool) or not hasattr(window, "__index__") or window < 0:
        raise ParameterError(f"window={window!r}", "it is a whole number of points >= 0", "use window=100")
