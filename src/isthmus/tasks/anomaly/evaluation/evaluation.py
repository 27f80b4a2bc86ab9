"""What a finished detector reaches on labelled rows that nothing was learnt from; none of its settings moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics import Confusion, Interval, average_precision_interval, roc_auc_interval, roc_auc_lead
from isthmus.tasks.anomaly.calibration import place, rows_needed
from isthmus.tasks.anomaly.controls import Floats
from isthmus.tasks.anomaly.demo.comparison import DETECTOR, Verdict, winner_by
from isthmus.tasks.anomaly.evaluation.anomalies import Anomaly
from isthmus.tasks.anomaly.evaluation.operation import DAYS, Operation
from isthmus.tasks.anomaly.evaluation.rivals import Judge, Judged
from isthmus.tasks.anomaly.explanation.incidents import Incident
from isthmus.tasks.anomaly.few_labels.detector import FewLabelDetector

ALPHAS = (0.001, 0.005, 0.01, 0.02, 0.05)  # budgets that the table of thresholds shows
REASONS = 4  # columns of each row that is explained
MOST_FOUND = 0.9  # the share of the anomalies to which the reviewing is counted


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
        parts: The scores that raise alarms together, each with the threshold at which it does alone; none where there
            is one score.
    """

    detector: Judge
    anomalous: NDArray[np.bool_]
    methods: dict[str, Judged]
    seen: int
    operation: Operation
    top: list[Anomaly]
    incidents: list[Incident] = field(default_factory=list)
    parts: dict[str, Judged] = field(default_factory=dict)

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
        return self._confused(self.methods[method])

    def figures(self) -> dict[str, dict[str, Interval]]:
        """For each method the order of its scores, and what it finds at its frozen threshold."""
        return {method: self._figures(one) for method, one in self.methods.items()}

    def figures_of_parts(self) -> dict[str, dict[str, Interval]]:
        """The same for each of the scores that raise alarms together."""
        return {part: self._figures(one) for part, one in self.parts.items()}

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
        lines = [self._line("in use", self.detector.threshold_)]
        for alpha in ALPHAS:
            needed, threshold = _budgeted(self.detector, alpha)
            lacking = f" (needs {needed} calibration rows)" if self.detector.promise_.n < needed else ""
            lines.append(self._line(f"{100 * alpha:g} %{lacking}", threshold))
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
            "figures": _plainly(self.figures()),
            "scores": _plainly(self.figures_of_parts()),
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

    def _confused(self, one: Judged) -> Confusion:
        """The four counts of one score at its threshold."""
        return Confusion.of(self.anomalous, one.scores > one.threshold)

    def _figures(self, one: Judged) -> dict[str, Interval]:
        """The order of one score, and what it finds at its threshold."""
        confusion = self._confused(one)
        return {
            "roc_auc": roc_auc_interval(self.anomalous, one.scores),
            "average_precision": average_precision_interval(self.anomalous, one.scores),
            "recall": confusion.recall,
            "false_alarm_rate": confusion.false_alarm_rate,
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


def _budgeted(detector: Judge, alpha: float) -> tuple[int, float]:
    """The calibration rows that a budget asks for, and the threshold that those at hand set for it."""
    if isinstance(detector, FewLabelDetector):
        return rows_needed(alpha / 2), detector.cuts_.threshold(alpha)
    scores = detector.calibration_scores_
    return rows_needed(alpha), float(scores[place(alpha, len(scores)) - 1])


def _plainly(figures: dict[str, dict[str, Interval]]) -> dict[str, Any]:
    """Figures of several scores as JSON."""
    return {name: {figure: _plain(interval) for figure, interval in its.items()} for name, its in figures.items()}


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
