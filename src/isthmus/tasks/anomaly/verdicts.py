"""What a detector says of a row, whatever it looks at: from its anomaly scores and from those of calibration rows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from isthmus.tasks.anomaly.calibration import (
    FewCalibrationRowsWarning,
    Promise,
    check_budget,
    check_rows,
    p_values,
    place,
    rows_needed,
)
from isthmus.tasks.anomaly.labels import anomalies_in

Floats = NDArray[np.float64]


class Verdicts(OutlierMixin):
    """Verbs on anomaly scores under a budget of false alarms; who inherits says how a row is scored."""

    if TYPE_CHECKING:
        calibration_scores_: Floats
        threshold_: float
        offset_: float
        promise_: Promise

    def anomaly_score(self, X: Any) -> Floats:
        """How anomalous each row is, (n,): higher = more anomalous; an alarm above `threshold_`."""
        raise TypeError(f"{type(self).__name__} is abstract: a detector defines anomaly_score(X)")

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for rows that raise an alarm, +1 for the others, (n,)."""
        return np.where(self.anomaly_score(X) > self.threshold_, -1, 1)

    def score_samples(self, X: Any) -> Floats:
        """How normal each row is, (n,): exactly -anomaly_score(X), so higher = more normal."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Floats:
        """score_samples(X) - offset_, (n,): below 0 where a row raises an alarm."""
        return self.score_samples(X) - self.offset_

    def p_value(self, X: Any) -> Floats:
        """How likely a normal row is to score as high, (n,): the share of calibration rows that do, itself included."""
        return p_values(self.anomaly_score(X), self.calibration_scores_)

    def calibrate(
        self, X: Any, y: ArrayLike | None = None, *, alpha: float | None = None, rule: str = "conformal"
    ) -> Self:
        """Set the threshold anew, from rows that neither training nor the judgement of the detector uses.

        Args:
            X: Rows, those that are normal being like the ones to come.
            y: (n,) labels as in `split_for_detection`; rows marked as anomalies are left out. None: all are normal.
            alpha: The new budget; None keeps the one in `promise_`.
            rule: "conformal" or "percentile", see `calibration.place`.

        Raises:
            TooFewRowsError: fewer than 1 / alpha - 1 normal rows.
            UnknownNameError: no rule of that name.
        """
        check_is_fitted(self)
        budget = self.promise_.alpha if alpha is None else check_budget(alpha)
        scores = self.anomaly_score(X)
        scores = scores if y is None else scores[~anomalies_in(y, len(scores))]
        check_rows(budget, len(scores))
        return self._settled(scores, budget, rule)

    def _settled(self, scores: Floats, alpha: float, rule: str = "conformal") -> Self:
        """Set the threshold from the scores of normal rows, and say what it can promise."""
        n, kth = len(scores), place(alpha, len(scores), rule)
        self.calibration_scores_ = np.sort(scores)
        self.threshold_ = float(self.calibration_scores_[kth - 1])
        self.offset_ = -self.threshold_
        self.promise_ = Promise.of(alpha, n, above=n - kth)
        if n < rows_needed(alpha):
            warnings.warn(
                f"n={n} calibration rows: alpha={alpha:g} needs {rows_needed(alpha)}, so the threshold is the largest "
                f"score, and the promise is {self.promise_}",
                FewCalibrationRowsWarning,
                stacklevel=3,
            )
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a threshold."""
        return hasattr(self, "threshold_")
