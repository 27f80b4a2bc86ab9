"""What a score finds at what price: receiver operating characteristic, and precision over recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from isthmus.displays.display import Display
from isthmus.displays.grid import Floats
from isthmus.displays.plots import Curves
from isthmus.metrics import average_precision, roc_auc
from isthmus.tasks.anomaly.labels import anomalies_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isthmus.report import Block


class RocDisplay(Display):
    """The share of anomalies found over the share of normal rows that raise a false alarm.

    Args:
        false_alarms: (k,), rising from 0 to 1.
        found: (k,), rising from 0 to 1.
        roc_auc: The area below.
        name: Of what is judged.
        operating: Both shares at the threshold in use, or None.

    Example:
        >>> display = RocDisplay.of_scores([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0], threshold=2.5)
        >>> float(display.roc_auc), display.operating
        (0.75, (0.5, 0.5))
    """

    def __init__(
        self, false_alarms: Floats, found: Floats, roc_auc: float, name: str, operating: tuple[float, float] | None
    ) -> None:
        self.false_alarms, self.found, self.roc_auc = false_alarms, found, roc_auc
        self.name, self.operating = name, operating

    @classmethod
    def of(cls, estimator: Any, X: Any, y: ArrayLike) -> Self:
        """Judge a model or detector.

        Args:
            estimator: A fitted model or detector.
            X: Rows like those of training.
            y: (n,) True (or 1 beside 0, or -1 beside +1) for an anomaly.

        Raises:
            InputError: not one anomaly, or not one normal row.
        """
        return cls.of_scores(y, *_judged(estimator, X))

    @classmethod
    def of_scores(cls, y: ArrayLike, scores: ArrayLike, threshold: float | None = None, name: str = "scores") -> Self:
        """Judge scores, which are higher where a row is more anomalous.

        Args:
            y: As in `of`.
            scores: (n,).
            threshold: Above it a row raises an alarm, or None.
            name: Of what is judged.
        """
        from sklearn.metrics import roc_curve

        values = np.asarray(scores, dtype=np.float64)
        truth = anomalies_in(y, len(values))
        area = roc_auc(truth, values)
        false_alarms, found, _ = roc_curve(truth, values)
        operating = None if threshold is None else _shares(truth, values > threshold)
        return cls(false_alarms, found, area, name, operating)

    @classmethod
    def from_predictions(cls, y: ArrayLike, scores: ArrayLike, *, ax: Axes | None = None, **options: Any) -> Self:
        """Judge scores as `of_scores` does, and draw."""
        return cls.of_scores(y, scores, **options).plot(ax)

    def picture(self) -> Curves:
        """The curve, chance, and the threshold in use."""
        lines = {f"{self.name}, area {self.roc_auc:.3f}": (self.false_alarms, self.found)}
        chance = ([0.0, 1.0], [0.0, 1.0])
        labels = ("false alarms (share of normal rows)", "found (share of anomalies)")
        marked = (self.operating, "threshold in use")
        return Curves("What is found at what price", lines, *labels, *marked, chance, "chance", square=True)

    def block(self) -> Block:
        """The chart for receiver operating characteristics."""
        from isthmus.report import charts

        rates = {self.name: (self.false_alarms, self.found)}
        return charts.roc(rates, title="What is found at what price", operating=self.operating)


class PrecisionRecallDisplay(Display):
    """The share of alarms that are right over the share of anomalies found.

    Args:
        recall: (k,).
        precision: (k,).
        average_precision: The precision averaged over the ranks of the anomalies.
        name: Of what is judged.
        share: Of anomalies among the rows: the precision of a coin.
        operating: Recall and precision at the threshold in use, or None.

    Example:
        >>> display = PrecisionRecallDisplay.of_scores([0, 0, 1, 1], [1.0, 3.0, 2.0, 4.0], threshold=2.5)
        >>> round(display.average_precision, 3), display.share, display.operating
        (0.833, 0.5, (0.5, 0.5))
    """

    def __init__(
        self,
        recall: Floats,
        precision: Floats,
        average_precision: float,
        name: str,
        share: float,
        operating: tuple[float, float] | None,
    ) -> None:
        self.recall, self.precision, self.average_precision = recall, precision, average_precision
        self.name, self.share, self.operating = name, share, operating

    @classmethod
    def of(cls, estimator: Any, X: Any, y: ArrayLike) -> Self:
        """Judge a model or detector.

        Args:
            estimator: A fitted model or detector.
            X: Rows like those of training.
            y: (n,) True (or 1 beside 0, or -1 beside +1) for an anomaly.

        Raises:
            InputError: not one anomaly.
        """
        return cls.of_scores(y, *_judged(estimator, X))

    @classmethod
    def of_scores(cls, y: ArrayLike, scores: ArrayLike, threshold: float | None = None, name: str = "scores") -> Self:
        """Judge scores, as `RocDisplay.of_scores` does."""
        from sklearn.metrics import precision_recall_curve

        values = np.asarray(scores, dtype=np.float64)
        truth = anomalies_in(y, len(values))
        mean = average_precision(truth, values)
        precision, recall, _ = precision_recall_curve(truth, values)
        operating = None
        if threshold is not None and (alarms := values > threshold).any():
            operating = float(alarms[truth].mean()), float(truth[alarms].mean())
        return cls(recall, precision, mean, name, float(truth.mean()), operating)

    @classmethod
    def from_predictions(cls, y: ArrayLike, scores: ArrayLike, *, ax: Axes | None = None, **options: Any) -> Self:
        """Judge scores as `of_scores` does, and draw."""
        return cls.of_scores(y, scores, **options).plot(ax)

    def picture(self) -> Curves:
        """The curve, the coin, and the threshold in use."""
        lines = {f"{self.name}, average {self.average_precision:.3f}": (self.recall, self.precision)}
        coin = ([0.0, 1.0], [self.share, self.share])
        labels = ("recall (share of anomalies found)", "precision (share of alarms that are right)")
        marked = (self.operating, "threshold in use")
        return Curves("How many alarms are right", lines, *labels, *marked, coin, "coin", square=True)


def _judged(estimator: Any, X: Any) -> tuple[Floats, float | None, str]:
    """Scores, threshold and name of a model or detector."""
    return estimator.anomaly_score(X), getattr(estimator, "threshold_", None), type(estimator).__name__


def _shares(truth: Any, alarms: Any) -> tuple[float, float]:
    """False alarms among normal rows, and alarms among anomalies."""
    return float(alarms[~truth].mean()), float(alarms[truth].mean())
