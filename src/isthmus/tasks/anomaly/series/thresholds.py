"""Rules that choose a threshold for points, which are not independent of each other, with or without labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import TooFewRowsError
from isthmus.tasks.anomaly.calibration import check_rows, place
from isthmus.tasks.anomaly.series.channels import Stretch
from isthmus.tasks.anomaly.series.promise import SeriesPromise, settled
from isthmus.tasks.anomaly.series.sheets import Floats
from isthmus.tasks.anomaly.series.windows import Windows
from isthmus.tasks.anomaly.thresholds import LABELLED, TRIMMED, by_labels
from isthmus.tasks.anomaly.trimming import tail

Bools = NDArray[np.bool_]


class SeriesThreshold(NamedTuple):
    """A threshold and what it rests on.

    Args:
        value: Points that score more raise an alarm.
        scores: (m,) of the normal points that calibrated it, rising.
        promise: What they can promise.
    """

    value: float
    scores: Floats
    promise: SeriesPromise


def conformal(scores: Floats, alpha: float, span: int) -> SeriesThreshold:
    """The threshold of a normal series; too few points warn, and the largest score is taken.

    Args:
        scores: (m,) as served, NaN where a point has none.
        alpha: The budget of false alarms.
        span: Points that count once.
    """
    ranked = np.sort(scores[~np.isnan(scores)])
    value, promise = settled(ranked, alpha, span)
    return SeriesThreshold(value, ranked, promise)


def chosen(
    rule: str,
    normal: Floats,
    anomalies: Floats,
    alpha: float,
    span: int,
    costs: tuple[float, float] | None = None,
) -> SeriesThreshold:
    r"""The threshold that a rule gives.

    A rule says how many of n independent scores may lie above the threshold, a; the same share of the m points do:

    .. math:: t = c_{(m - \lfloor a m / n \rfloor)}, \quad n = \lfloor m / \text{span} \rfloor

    Args:
        rule: As `AnomalyDetector.calibrate` has it.
        normal: (m,) scores of normal points.
        anomalies: Scores of points that are labelled as anomalies.
        alpha: The budget of false alarms.
        span: Points that count once.
        costs: Of a missed point and of a false alarm, for "cost".

    Raises:
        TooFewRowsError: too few points for the budget, or too few labelled ones.

    Example:
        >>> found = chosen("fpr", np.arange(50_000.0), np.empty(0), alpha=0.01, span=50)
        >>> found.value, found.promise.high < 0.01
        (49849.0, True)
    """
    ranked = np.sort(normal)
    if rule == "conformal":
        return conformal(ranked, alpha, span)
    kept = ranked[ranked <= ranked[0] + tail(ranked - ranked[0])] if rule == TRIMMED else ranked
    m, n = len(kept), max(1, len(kept) // span)
    if rule in LABELLED:
        over = m - by_labels(kept, anomalies, costs if rule == "cost" else None)
    elif rule == "percentile":
        over = m - place(alpha, m, rule)
    else:
        order = "conformal" if rule == TRIMMED else rule
        check_rows(alpha, n, order)
        over = (n - place(alpha, n, order)) * m // n
    promise = SeriesPromise.of(alpha, n, over * n / m, m, len(ranked) - m, rule)
    return SeriesThreshold(float(kept[m - 1 - over]), kept, promise)


def parted(scored: Iterable[tuple[Stretch, Floats]], truth: Bools, windows: Windows) -> tuple[Floats, Floats]:
    """Scores of normal points, and of those that are labelled as anomalies.

    Args:
        scored: Stretches with the scores of their points, NaN where there is none.
        truth: (n,) which points of the whole series are anomalous.
        windows: How a stretch is looked at; what depends on an anomalous point is no score of a normal one.

    Raises:
        TooFewRowsError: no normal point.
    """
    normal, anomalies = list[Floats](), list[Floats]()
    for stretch, scores in scored:
        known, off = ~np.isnan(scores), truth[stretch.rows]
        normal.append(scores[known & untouched(off, windows)])
        anomalies.append(scores[known & off])
    found = np.concatenate(normal), np.concatenate(anomalies)
    if not len(found[0]):
        came = f"a series of {len(truth)} points, none of which has a score that depends on normal points alone"
        raise TooFewRowsError(came, "normal points set the threshold", "add a stretch without an anomaly")
    return found


def untouched(truth: Bools, windows: Windows) -> Bools:
    """Which points of a stretch have a score that depends on no anomalous point, (t,).

    Args:
        truth: (t,) which are anomalous.
        windows: How the stretch is looked at.

    Example:
        >>> untouched(np.arange(8) == 4, Windows(length=2, stride=1, smooth=1)).tolist()
        [True, True, True, False, False, False, True, True]
    """
    reach = windows.length - 1
    ahead = np.convolve(truth, np.ones(reach + 1))[reach:]  # an anomaly among the points up to `reach` beyond
    behind = np.convolve(truth, np.ones(reach + windows.smooth))[: len(truth)]
    clean: Bools = (ahead < 0.5) & (behind < 0.5)
    return clean
