"""A detector beside the trivial controls on the same rows, over several splits: who is better, and how surely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics import Interval, average_precision, false_alarm_rate, recall, resampled_interval, roc_auc
from isthmus.tasks.anomaly.calibration import place
from isthmus.tasks.anomaly.controls import Floats, controls
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.splits import Split, split_for_detection

DETECTOR = "detector"


class Result(NamedTuple):
    """What one method reached on the test rows of one split.

    Args:
        roc_auc: Chance that an anomaly scores higher than a normal row.
        average_precision: Precision averaged over the ranks of the anomalies.
        recall: Share of the anomalies above the threshold.
        false_alarm_rate: Share of the normal test rows above it.
    """

    roc_auc: float
    average_precision: float
    recall: float
    false_alarm_rate: float


class Trial(NamedTuple):
    """One split: its rows, the detector fitted on them, and each method's result by name."""

    split: Split
    detector: AnomalyDetector
    results: dict[str, Result]


class Verdict(NamedTuple):
    """Who wins by ROC-AUC.

    Args:
        winner: "detector", "control" or "undecided".
        control: The best of the controls.
        lead: The detector's ROC-AUC minus that control's, over the splits.
    """

    winner: str
    control: str
    lead: Interval


def winner_by(lead: Interval) -> str:
    """Whom a lead's interval names; nobody while it holds 0."""
    return "detector" if lead.low > 0 else "control" if lead.high < 0 else "undecided"


@dataclass(frozen=True)
class Comparison:
    """The trials of several splits of the same rows.

    Args:
        trials: One for each split, at least two.
    """

    trials: list[Trial]

    @property
    def methods(self) -> list[str]:
        """The detector's name, then the controls'."""
        return list(self.trials[0].results)

    def values(self, method: str, figure: str) -> Floats:
        """One figure of one method on each split, (J,)."""
        return np.array([getattr(trial.results[method], figure) for trial in self.trials])

    def interval(self, method: str, figure: str) -> Interval:
        """A figure's mean over the splits with its 95 % interval, kept within 0 and 1."""
        mean, low, high = resampled_interval(self.values(method, figure), self._test_per_train)
        return Interval(mean, max(low, 0.0), min(high, 1.0))

    def figures(self) -> dict[str, dict[str, Interval]]:
        """Every figure of every method."""
        return {method: {name: self.interval(method, name) for name in Result._fields} for method in self.methods}

    def verdict(self) -> Verdict:
        """Compare the detector with the best control; undecided while the interval of the difference holds 0."""
        rivals = {name: self.values(name, "roc_auc").mean() for name in self.methods if name != DETECTOR}
        best = max(rivals, key=lambda name: rivals[name])
        differences = self.values(DETECTOR, "roc_auc") - self.values(best, "roc_auc")
        lead = resampled_interval(differences, self._test_per_train)
        return Verdict(winner_by(lead), best, lead)

    @property
    def _test_per_train(self) -> float:
        """Rows that judge over rows that were learnt from."""
        split = self.trials[0].split
        return len(split.test) / (len(split.train) + len(split.calibration))


def trial(X: Floats, anomalous: NDArray[np.bool_], alpha: float, seed: int, framed: Callable[[Floats], Any]) -> Trial:
    """Split the rows, fit the detector and the controls on the same ones, and judge all of them alike.

    Every threshold is the conformal quantile of the same calibration rows; the test rows choose nothing.

    Args:
        X: Rows, (n, D), all numbers.
        anomalous: (n,) truth.
        alpha: The budget of false alarms.
        seed: Of the split and of the detector.
        framed: Gives rows the names of their columns, for the detector.
    """
    split = split_for_detection(X, anomalous, random_state=seed)
    train, calibration, test = (X[rows] for rows in split)
    detector = AnomalyDetector(alpha=alpha, random_state=seed)
    detector.fit(framed(train), X_calibration=framed(calibration))
    truth = anomalous[split.test]
    results = {DETECTOR: judged(detector.anomaly_score(framed(test)), truth, detector.threshold_)}
    for name, score in controls(train, detector.scorer_.model.latent_dim_).items():
        own = np.sort(score(calibration))
        results[name] = judged(score(test), truth, own[place(alpha, len(own)) - 1])
    return Trial(split, detector, results)


def judged(scores: Floats, anomalous: NDArray[np.bool_], threshold: float) -> Result:
    """What scores and a threshold reach.

    Example:
        >>> judged(np.array([1.0, 2.0, 3.0]), np.array([False, False, True]), 1.5)
        Result(roc_auc=1.0, average_precision=1.0, recall=1.0, false_alarm_rate=0.5)
    """
    alarms = scores > threshold
    ranks = roc_auc(anomalous, scores), average_precision(anomalous, scores)
    return Result(*ranks, recall(anomalous, alarms), false_alarm_rate(anomalous, alarms))
