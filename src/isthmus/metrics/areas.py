"""Areas under ROC curves with intervals: of one score, and of the difference of two on the same rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.metrics.detection import roc_auc
from isthmus.metrics.intervals import Interval


def auc_interval(anomalous: ArrayLike, scores: ArrayLike, level: float = 0.95) -> Interval:
    r"""The area under the ROC curve with its interval: how surely anomalies score higher than normal rows.

    .. math:: A \pm q \sqrt{s_{10} / m + s_{01} / n}

    over m anomalies and n normal rows; s10 is the variance over anomalies of the share of normal rows that each
    outscores, s01 that over normal rows of the share of anomalies that outscore each. It stays within 0 and 1.

    Args:
        anomalous: (n,) truth.
        scores: (n,) higher = more anomalous.
        level: Confidence.

    Raises:
        InputError: arrays of different lengths, no anomaly or no normal row.

    Paper:
        DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, pp. 837-845.

    Example:
        >>> truth = np.repeat([False, True], 50)
        >>> area = auc_interval(truth, np.arange(100) % 50 + 20 * truth)
        >>> round(area.value, 2), round(area.low, 2), round(area.high, 2)
        (0.82, 0.74, 0.9)
    """
    value, half = roc_auc(anomalous, scores), _reach(_placements(anomalous, scores), level)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def auc_lead(anomalous: ArrayLike, scores: ArrayLike, rival: ArrayLike, level: float = 0.95) -> Interval:
    """By how much a score's area exceeds a rival's on the same rows, with the interval of the difference.

    Args:
        anomalous: (n,) truth.
        scores: (n,) higher = more anomalous.
        rival: (n,) the other score of the same rows.
        level: Confidence.

    Raises:
        InputError: arrays of different lengths, no anomaly or no normal row.

    Paper:
        DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, pp. 837-845.

    Example:
        >>> auc_lead([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
        Interval(value=0.0, low=0.0, high=0.0)
    """
    value = roc_auc(anomalous, scores) - roc_auc(anomalous, rival)
    pairs = zip(_placements(anomalous, scores), _placements(anomalous, rival), strict=True)
    half = _reach([own - its for own, its in pairs], level)
    return Interval(value, value - half, value + half)


def _placements(anomalous: ArrayLike, scores: ArrayLike) -> list[NDArray[np.float64]]:
    """Of each anomaly the share of normal rows below it, of each normal row the share of anomalies above it."""
    truth, values = np.asarray(anomalous, dtype=bool), np.asarray(scores, dtype=np.float64)
    high, low = values[truth], values[~truth]
    return [_below(high, low), 1 - _below(low, high)]


def _below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the others below each value, those that tie counted half."""
    ordered = np.sort(others)
    least, most = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((least + most) / (2 * len(others)), dtype=np.float64)


def _reach(placements: list[NDArray[np.float64]], level: float) -> float:
    """How far the interval reaches to either side; a kind of row with one example alone adds nothing."""
    from scipy.stats import norm

    variance = sum(float(shares.var(ddof=1)) / len(shares) for shares in placements if len(shares) > 1)
    return float(norm.ppf(0.5 + level / 2)) * math.sqrt(variance)
