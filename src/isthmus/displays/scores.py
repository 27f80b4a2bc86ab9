"""How anomalous rows are, and where the threshold lies."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from isthmus.displays.display import Display
from isthmus.displays.grid import Floats
from isthmus.displays.plots import Counts
from isthmus.tasks.anomaly.labels import anomalies_in

FAR = 20.0  # times the median: a tail that reaches so far hides everything else on an even axis


class ScoreDisplay(Display):
    """A histogram of anomaly scores, one outline for each kind of row, with the threshold where there is one.

    Args:
        groups: Name -> anomaly scores, (n,).
        threshold: Above it a row raises an alarm; None for a model that has none.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> from isthmus import AnomalyDetector, Autoencoder
        >>> X, benign = load_breast_cancer(return_X_y=True)
        >>> detector = AnomalyDetector(Autoencoder(epochs=5), alpha=0.05, random_state=0).fit(X[benign == 1])
        >>> list(ScoreDisplay.of(detector, X, benign == 0).groups)
        ['normal', 'anomaly']
    """

    def __init__(self, groups: dict[str, Floats], threshold: float | None) -> None:
        self.groups, self.threshold = groups, threshold

    @classmethod
    def of(cls, estimator: Any, X: Any = None, y: ArrayLike | None = None) -> Self:
        """Score rows.

        Args:
            estimator: A fitted model or detector.
            X: Rows like those of training; None, of a detector alone, shows the rows that set its threshold.
            y: (n,) True (or 1 beside 0, or -1 beside +1) for an anomaly; None for one outline.
        """
        threshold = getattr(estimator, "threshold_", None)
        if X is None and threshold is not None:
            return cls({"calibration rows": np.asarray(estimator.calibration_scores_)}, threshold)
        scores: Floats = estimator.anomaly_score(X)
        if y is None:
            return cls({"rows": scores}, threshold)
        truth = anomalies_in(y, len(scores))
        groups = {"normal": scores[~truth], "anomaly": scores[truth]}
        return cls({name: values for name, values in groups.items() if len(values)}, threshold)

    def picture(self) -> Counts:
        """The histogram; its axis is logarithmic where a tail reaches far."""
        together = np.concatenate(list(self.groups.values()))
        far = bool(together.min() > 0 and together.max() > FAR * np.median(together))
        return Counts("How anomalous rows are", self.groups, "anomaly score", self.threshold, far)
