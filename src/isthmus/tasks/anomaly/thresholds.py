"""Rules that choose a threshold: from normal rows alone, from labelled anomalies, or from rows that hold a few.

Whatever the rule, the threshold is one of the scores of the normal rows: between two of them the lower end finds as
many anomalies as any other place does, and raises no more false alarms among those rows.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.tasks.anomaly.calibration import RULES as BUDGETED
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning, Floats, Promise, check_rows, place, rows_needed
from isthmus.tasks.anomaly.trimming import tail

LABELLED = ("cost", "f1")
TRIMMED = "trimmed"
RULES = (*BUDGETED, *LABELLED, TRIMMED)
FEWEST = 10  # labelled rows of each kind


@dataclass(frozen=True, eq=False)
class Threshold:
    """A threshold and what it rests on.

    Args:
        value: Rows that score more raise an alarm.
        scores: (n,) of the normal rows that calibrated it, rising.
        promise: What they can promise.
    """

    value: float
    scores: Floats
    promise: Promise

    @classmethod
    def at(cls, kth: int, scores: Floats, alpha: float, *, aside: int = 0, rule: str = "conformal") -> Threshold:
        """The kth of the sorted scores, counted from 1."""
        promise = Promise.of(alpha, len(scores), len(scores) - kth, aside, rule)
        return cls(float(scores[kth - 1]), scores, promise)


def conformal(scores: Floats, alpha: float, trimmed: float = 0.0) -> Threshold:
    """The threshold of rows that `fit` found to calibrate with; too few of them warn, and the largest score is taken.

    Args:
        scores: (n,), higher = more anomalous.
        alpha: The budget of false alarms.
        trimmed: The share of such rows that was set aside before.
    """
    n = len(scores)
    threshold = Threshold.at(place(alpha, n), np.sort(scores), alpha, aside=round(n * trimmed / (1 - trimmed)))
    if n < rows_needed(alpha):
        warnings.warn(
            f"n={n} calibration rows: alpha={alpha:g} needs {rows_needed(alpha)}, so the threshold is the largest "
            f"score, and the promise is {threshold.promise}",
            FewCalibrationRowsWarning,
            stacklevel=3,
        )
    return threshold


def check_rule(rule: str, alpha: float | None, costs: Any) -> None:
    """Refuse what does not go together.

    Args:
        rule: One of `RULES`.
        alpha: The budget; None where none was given.
        costs: The price of a missed anomaly and of a false alarm; None where none were given.

    Raises:
        UnknownNameError: no rule of that name.
        ParameterError: a budget beside a rule that has none, costs beside one that has none, or none for "cost".
    """
    if rule not in RULES:
        raise UnknownNameError.among("rule", rule, RULES)
    if alpha is not None and rule in LABELLED:
        allowed = f"{rule!r} follows the labels, whatever that makes of false alarms"
        raise ParameterError(f"alpha={alpha!r} with rule={rule!r}", allowed, "leave alpha out, or use rule='fpr'")
    if rule == "cost":
        _check_costs(costs)
    elif costs is not None:
        allowed = "only rule='cost' has prices"
        raise ParameterError(f"costs={costs!r} with rule={rule!r}", allowed, "leave costs out, or use rule='cost'")


def chosen(rule: str, scores: Floats, anomalous: NDArray[np.bool_], alpha: float, costs: Any = None) -> Threshold:
    """The threshold that a rule gives.

    Args:
        rule: One of `RULES`.
        scores: (n,), higher = more anomalous.
        anomalous: (n,) which rows are known to be anomalies; they are no part of what is promised.
        alpha: The budget of false alarms.
        costs: Of a missed anomaly and of a false alarm, for "cost".

    Raises:
        TooFewRowsError: too few rows for the budget, or too few labelled ones.

    Example:
        >>> scores, anomalous = np.arange(100.0), np.arange(100) >= 90
        >>> chosen("f1", scores, anomalous, 0.01).value
        89.0
    """
    normal = np.sort(scores[~anomalous])
    if rule in LABELLED:
        kth = by_labels(normal, scores[anomalous], costs if rule == "cost" else None)
        return Threshold.at(kth, normal, alpha, rule=rule)
    order = rule if rule in BUDGETED else "conformal"
    check_rows(alpha, len(normal), order)
    kept = normal[normal <= normal[0] + tail(normal - normal[0])] if rule == TRIMMED else normal
    check_rows(alpha, len(kept), order)
    return Threshold.at(place(alpha, len(kept), order), kept, alpha, aside=len(normal) - len(kept), rule=rule)


def by_labels(normal: Floats, anomalies: Floats, costs: tuple[float, float] | None) -> int:
    """Which of the normal scores separates best, counted from 1: by price, or by F1 where there is none.

    Of equally good ones the highest, which raises the fewest false alarms.

    Args:
        normal: (n,) rising.
        anomalies: (m,).
        costs: Of a missed anomaly and of a false alarm.

    Raises:
        TooFewRowsError: fewer than ten labelled rows of either kind.
    """
    if min(len(normal), len(anomalies)) < FEWEST:
        came = f"{len(anomalies)} anomalies and {len(normal)} normal rows"
        allowed = f"which threshold is best follows chance with fewer than {FEWEST} of either"
        raise TooFewRowsError(came, allowed, "label more rows, or use rule='conformal', which needs no anomaly")
    false = len(normal) - np.searchsorted(normal, normal, side="right")  # alarms above each normal score
    missed = np.searchsorted(np.sort(anomalies), normal, side="right")
    found = len(anomalies) - missed
    gain = 2 * found / (found + false + len(anomalies)) if costs is None else -(costs[0] * missed + costs[1] * false)
    return len(gain) - int(np.argmax(gain[::-1]))


def _check_costs(costs: Any) -> None:
    """Two positive prices."""
    given = np.asarray(costs if isinstance(costs, tuple | list) else (), dtype=object)
    priced = given.shape == (2,) and all(isinstance(cost, int | float | np.number) and cost > 0 for cost in given)
    if not priced:
        allowed = "rule='cost' needs two prices in one currency: of a missed anomaly, and of a false alarm"
        raise ParameterError(
            f"costs={costs!r}", allowed, "use costs=(100, 1) where a miss costs a hundred false alarms"
        )
