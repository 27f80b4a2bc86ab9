"""How well anomalies are told from normal rows: by alarms at a threshold, or by the order of the scores.

Everywhere `anomalous` is (n,) and true where a row is an anomaly; a score is higher where a row is more anomalous.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError


def false_alarm_rate(anomalous: ArrayLike, alarms: ArrayLike) -> float:
    """Share of the normal rows that raised an alarm.

    Args:
        anomalous: (n,) truth.
        alarms: (n,) true where an alarm was raised.

    Raises:
        InputError: arrays of different lengths, or no normal row.

    Example:
        >>> false_alarm_rate([0, 0, 0, 0, 1], [0, 1, 0, 0, 1])
        0.25
    """
    truth, raised = paired(anomalous, alarms)
    return float(raised[~some_of(truth, False)].mean())


def recall(anomalous: ArrayLike, alarms: ArrayLike) -> float:
    """Share of the anomalies that raised an alarm.

    Args:
        anomalous: (n,) truth.
        alarms: (n,) true where an alarm was raised.

    Raises:
        InputError: arrays of different lengths, or no anomaly.

    Example:
        >>> recall([0, 0, 1, 1], [0, 1, 1, 0])
        0.5
    """
    truth, raised = paired(anomalous, alarms)
    return float(raised[some_of(truth, True)].mean())


def roc_auc(anomalous: ArrayLike, scores: ArrayLike) -> float:
    """Chance that an anomaly scores higher than a normal row, ties counted half: the area under the ROC curve.

    Args:
        anomalous: (n,) truth.
        scores: (n,).

    Raises:
        InputError: arrays of different lengths, no anomaly or no normal row.

    Example:
        >>> roc_auc([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0])
        0.75
    """
    from sklearn.metrics import roc_auc_score

    truth, values = paired(anomalous, scores, np.float64)
    return float(roc_auc_score(some_of(some_of(truth, True), False), values))


def average_precision(anomalous: ArrayLike, scores: ArrayLike) -> float:
    """Precision averaged over the ranks of the anomalies; the score of a coin is the share of anomalies.

    Args:
        anomalous: (n,) truth.
        scores: (n,).

    Raises:
        InputError: arrays of different lengths, or no anomaly.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0]), 4)
        0.8333
    """
    from sklearn.metrics import average_precision_score

    truth, values = paired(anomalous, scores, np.float64)
    return float(average_precision_score(some_of(truth, True), values))


def paired(anomalous: ArrayLike, other: ArrayLike, dtype: type = np.bool_) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Truth and what is judged, as arrays of one length."""
    truth: NDArray[np.bool_] = np.asarray(anomalous, dtype=bool)
    judged: NDArray[Any] = np.asarray(other, dtype=dtype)
    if truth.ndim != 1 or truth.shape != judged.shape:
        came = f"{truth.shape} labels and {judged.shape} judgements"
        raise InputError(came, "each row has one label and one judgement, (n,) both", "pass arrays of one length")
    return truth, judged


def some_of(truth: NDArray[np.bool_], kind: bool) -> NDArray[np.bool_]:
    """The truth, once it is known to hold a row of this kind."""
    if not (truth == kind).any():
        what = "anomaly" if kind else "normal row"
        raise InputError(f"{len(truth)} rows without one {what}", "a rate needs something to count", "add one")
    return truth
