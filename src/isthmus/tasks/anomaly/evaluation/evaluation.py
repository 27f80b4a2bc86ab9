"""What a finished detector reaches on labelled rows that nothing was learnt from; none of its settings moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError
from isthmus.metrics import Confusion, Interval, average_precision_interval, roc_auc_interval, roc_auc_lead
from isthmus.tasks.anomaly.calibration import place, rows_needed
from isthmus.tasks.anomaly.controls import Floats
from isthmus.tasks.anomaly.demo.comparison import DETECTOR, Verdict, winner_by
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.evaluation.anomalies import Anomaly, highest
from isthmus.tasks.anomaly.evaluation.operation import DAYS, Operation
from isthmus.tasks.anomaly.evaluation.rivals import Judged, Rivals, rivals
from isthmus.tasks.anomaly.explanation.incidents import Incident, incidents_among
from isthmus.tasks.anomaly.labels import anomalies_in

ALPHAS = (0.001, 0.005, 0.01, 0.02, 0.05)  # budgets that the table of thresholds shows
SHOWN, REASONS = 5, 4  # rows that are explained, and columns of each
MOST_FOUND = 0.9  # the share of the anomalies to which the reviewing is counted
USUAL = Operation()


class Line(NamedTuple):
    """One threshold and what it comes to.

    Args:
        name: "in use", the budget that it is for, or "best F1".
        threshold: Rows that score more raise an alarm.
        confusion: What that makes of the labelled rows.
        cost: Price of a day; None where nothing has one.
    """

    name: str
    threshold: float
    confusion: Confusion
    cost: float | None


@dataclass(frozen=True)
class Evaluation:
    """A detector's scores of labelled rows beside those of the controls, and every figure that follows.

    Args:
        detector: As it was fitted and calibrated.
        anomalous: (n,) truth.
        methods: Scores and threshold of the detector, then of each control, by name.
        seen: How many of the normal rows equal one that was learnt from, as far as is known.
        operation: What the detector is meant for.
        top: The rows with the highest scores.
        incidents: The alarms, those that are alike put together; none where the rows are no table's.
    """

    detector: AnomalyDetector
    anomalous: NDArray[np.bool_]
    methods: dict[str, Judged]
    seen: int
    operation: Operation
    top: list[Anomaly]
    incidents: list[Incident] = field(default_factory=list)

    @property
    def scores(self) -> Floats:
        """The detector's, (n,)."""
        return self.methods[DETECTOR].scores

    @property
    def share(self) -> float:
        """Of anomalies among the rows to come."""
        told = self.operation.anomaly_share
        return float(self.anomalous.mean()) if told is None else told

    def confusion(self, method: str = DETECTOR) -> Confusion:
        """The four counts at a method's frozen threshold."""
        scores, threshold = self.methods[method]
        return Confusion.of(self.anomalous, scores > threshold)

    def figures(self) -> dict[str, dict[str, Interval]]:
        """For each method the order of its scores, and what it finds at its frozen threshold."""
        return {
            method: {
                "roc_auc": roc_auc_interval(self.anomalous, scores),
                "average_precision": average_precision_interval(self.anomalous, scores),
                "recall": self.confusion(method).recall,
                "false_alarm_rate": self.confusion(method).false_alarm_rate,
            }
            for method, (scores, _) in self.methods.items()
        }

    def verdict(self) -> Verdict | None:
        """Who wins by ROC-AUC, the detector or the best control; None where there are no controls."""
        leads = {
            name: roc_auc_lead(self.anomalous, self.scores, one.scores)
            for name, one in self.methods.items()
            if name != DETECTOR
        }
        best = min(leads, key=lambda name: leads[name].value, default=None)
        return None if best is None else Verdict(winner_by(leads[best]), best, leads[best])

    def alerts(self) -> Interval:
        """Alarms a day, at the ends of the intervals of recall and false-alarm rate together."""
        return self._between(self.operation.alerts)

    def band(self) -> tuple[int, int]:
        """The least and the most false alarms among these rows that the calibration rows promise."""
        return self.detector.promise_.band(int((~self.anomalous).sum()))

    @property
    def kept(self) -> bool:
        """Whether the false alarms lie within that band."""
        low, high = self.band()
        return low <= self.confusion().false_positives <= high

    def saving(self) -> Interval | None:
        """What a year with the detector saves beside the cheapest year without; None where nothing has a price."""
        if not self.operation.miss:
            return None
        _, without = self.operation.without(self.share)
        return self._between(lambda *rates: DAYS * (without - self.operation.cost(*rates)))

    def thresholds(self) -> list[Line]:
        """The threshold in use, those for other budgets by the same calibration rows, and the best F1 in hindsight."""
        sorted_scores = self.detector.calibration_scores_
        n = len(sorted_scores)
        lines = [self._line("in use", self.detector.threshold_)]
        for alpha in ALPHAS:
            lacking = f" (needs {rows_needed(alpha)} calibration rows)" if n < rows_needed(alpha) else ""
            lines.append(self._line(f"{100 * alpha:g} %{lacking}", float(sorted_scores[place(alpha, n) - 1])))
        return [*lines, self._line("best F1", best_f1(self.anomalous, self.scores))]

    def work(self, method: str = DETECTOR) -> tuple[Floats, Floats]:
        """Share of the rows reviewed, the most anomalous first, and share of the anomalies found; equal scores at once.

        Example: rows reviewed (0, 0.5, 1) and anomalies found (0, 1, 1) where the order is perfect.
        """
        scores = self.methods[method].scores
        order = np.argsort(-scores, kind="stable")
        last = np.append(np.diff(scores[order]) != 0, True)
        found = np.cumsum(self.anomalous[order])[last] / self.anomalous.sum()
        reviewed = (np.flatnonzero(last) + 1) / len(scores)
        return np.append(0.0, reviewed), np.append(0.0, found)

    def reviewed(self, found: float = MOST_FOUND, method: str = DETECTOR) -> float:
        """The share of the rows to review, in the order of the scores, until so large a share of anomalies is found."""
        rows, anomalies = self.work(method)
        return float(rows[np.searchsorted(anomalies, found - 1e-12)])

    def to_json(self) -> dict[str, Any]:
        """Every figure as plain JSON; an interval is its value with both ends."""
        verdict, saving, confusion = self.verdict(), self.saving(), self.confusion()
        return {
            "rows": len(self.anomalous),
            "anomalies": int(self.anomalous.sum()),
            "threshold": self.detector.threshold_,
            "confusion": confusion._asdict(),
            "precision": _plain(confusion.precision),
            "f1": _plain(confusion.f1),
            "figures": {
                method: {name: _plain(interval) for name, interval in figures.items()}
                for method, figures in self.figures().items()
            },
            "promise": {
                **self.detector.promise_.to_json(),
                "band": self.band(),
                "kept": self.kept,
            },
            "verdict": verdict and {**verdict._asdict(), "lead": _plain(verdict.lead)},
            "thresholds": [_described(line) for line in self.thresholds()],
            "alerts_per_day": _plain(self.alerts()),
            "reviewed": {"found": MOST_FOUND, "rows": self.reviewed()},
            "saving_per_year": _plain(saving),
            "rows_seen_in_training": self.seen,
            "top": [one.to_json(REASONS) for one in self.top],
            "incidents": [one._asdict() for one in self.incidents],
        }

    def _line(self, name: str, threshold: float) -> Line:
        """What a threshold comes to."""
        confusion = Confusion.of(self.anomalous, self.scores > threshold)
        rates = confusion.recall.value, confusion.false_alarm_rate.value, self.share
        return Line(name, threshold, confusion, self.operation.cost(*rates) if self.operation.miss else None)

    def _between(self, figure: Callable[[float, float, float], float]) -> Interval:
        """A figure of recall, false-alarm rate and share of anomalies, and its least and most within the intervals."""
        recall, false = self.confusion().recall, self.confusion().false_alarm_rate
        corners = [figure(*ends, self.share) for ends in product(recall[1:], false[1:])]
        return Interval(figure(recall.value, false.value, self.share), min(corners), max(corners))


def evaluate(
    detector: AnomalyDetector, X: Any, y: ArrayLike, *, X_normal: Any = None, operation: Operation = USUAL
) -> Evaluation:
    """Judge a fitted detector on labelled rows; its threshold stays what its calibration rows made it.

    Args:
        detector: Fitted.
        X: Rows that it has not seen, in memory.
        y: (n,) True (or 1 beside 0, or -1 beside +1) for an anomaly.
        X_normal: The rows that the detector was fitted on; trivial controls then learn from them and are judged on X.
        operation: Rows a day, the share of anomalies among them, and prices.

    Raises:
        InputError: y has another length or other values, or knows one kind of row only.

    Example:
        >>> import isthmus
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, benign = load_breast_cancer(return_X_y=True)
        >>> split = isthmus.split_for_detection(X, benign == 0, random_state=0)
        >>> normal = X[[*split.train, *split.calibration]]
        >>> detector = isthmus.AnomalyDetector(alpha=0.05, random_state=0).fit(normal)
        >>> found = isthmus.evaluate(detector, X[split.test], benign[split.test] == 0, X_normal=normal)
        >>> found.confusion().recall.low > 0.5
        True
    """
    scores = detector.anomaly_score(X)
    anomalous = anomalies_in(y, len(scores))
    _check_kinds(anomalous)
    beside = Rivals({}, np.zeros(len(scores), dtype=bool)) if X_normal is None else rivals(detector, X_normal, X)
    told = detector.model_.spec_.kind == "table"
    return Evaluation(
        detector,
        anomalous,
        {DETECTOR: Judged(scores, detector.threshold_), **beside.methods},
        int((beside.seen & ~anomalous).sum()),
        operation,
        highest(detector, X, scores, anomalous, SHOWN),
        incidents_among(detector.scorer_, X, scores, detector.threshold_) if told else [],
    )


def best_f1(anomalous: NDArray[np.bool_], scores: Floats) -> float:
    """The threshold with the highest F1, which only these labels know: an upper bound for any other.

    Example:
        >>> best_f1(np.array([False, True, False, True]), np.array([1.0, 2.0, 3.0, 4.0])) < 2.0
        True
    """
    ranked, rows = np.unique(-scores, return_counts=True)
    alarms = np.cumsum(rows)
    found = np.searchsorted(np.sort(-scores[anomalous]), ranked, side="right")
    f1 = 2 * found / (alarms + anomalous.sum())
    return float(np.nextafter(-ranked[f1.argmax()], -np.inf))


def _check_kinds(anomalous: NDArray[np.bool_]) -> None:
    """Refuse rows of one kind."""
    if anomalous.all() or not anomalous.any():
        kind = "anomalies" if anomalous.all() else "normal rows"
        allowed = "what is found and what is a false alarm shows on rows of both kinds"
        raise InputError(f"y with {len(anomalous)} {kind} only", allowed, "add rows of the other kind")


def _plain(interval: Interval | None) -> dict[str, float] | None:
    """An interval as JSON."""
    return None if interval is None else interval._asdict()


def _described(line: Line) -> dict[str, Any]:
    """A line of the table as JSON."""
    confusion = line.confusion
    return {
        "name": line.name,
        "threshold": line.threshold,
        **confusion._asdict(),
        "precision": confusion.precision and confusion.precision.value,
        "recall": confusion.recall.value,
        "f1": confusion.f1.value,
        "false_alarm_rate": confusion.false_alarm_rate.value,
        "cost_per_day": line.cost,
    }
