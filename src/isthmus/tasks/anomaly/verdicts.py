"""What a detector says of a row, whatever it looks at: from its anomaly scores and from those of calibration rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.tasks.anomaly.calibration import Promise, check_budget, p_values
from isthmus.tasks.anomaly.evidence import Evidence
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.scored import Floats, Scored
from isthmus.tasks.anomaly.thresholds import Threshold, check_rule, chosen


class Verdicts(Scored):
    """Verbs of a detector whose rows are independent of each other; who inherits says how a row is scored."""

    if TYPE_CHECKING:
        calibration_scores_: Floats
        promise_: Promise
        band_: Tensor

    def p_value(self, X: Any) -> Floats:
        """How likely a normal row is to score as high, (n,): the share of calibration rows that do, itself included."""
        return p_values(self.anomaly_score(X), self.calibration_scores_)

    def calibrate(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        alpha: float | None = None,
        rule: str = "conformal",
        costs: tuple[float, float] | None = None,
    ) -> Self:
        """Set the threshold anew, from rows that neither training nor the judgement of the detector uses.

        Args:
            X: Rows, those that are normal being like the ones to come.
            y: (n,) labels as in `split_for_detection`. None: all are normal.
            alpha: The new budget; None keeps the one in `promise_`.
            rule: "conformal" keeps the budget on average over calibration sets; "percentile" is the plain 1 - alpha
                quantile of the scores; "fpr" finds as much as the upper end of `promise_` leaves room for below
                alpha; "trimmed" is "conformal" without the tail of X, where a few unlabelled anomalies may be. "f1"
                and "cost" follow the labels instead, as if later rows held as many anomalies as these.
            costs: The price of a missed anomaly and of a false alarm, for "cost".

        Raises:
            LeakageError: rows of X are among those that trained.
            TooFewRowsError: too few normal rows for the budget, or fewer than ten labelled ones of either kind.
            UnknownNameError: no rule of that name.
            ParameterError: a budget or costs beside a rule that has none.
        """
        check_is_fitted(self)
        check_rule(rule, alpha, costs)
        budget = self.promise_.alpha if alpha is None else check_budget(alpha)
        evidence = self._evidence(X)
        anomalous = np.zeros(len(evidence.scores), dtype=bool) if y is None else anomalies_in(y, len(evidence.scores))
        threshold = chosen(rule, evidence.scores, anomalous, budget, costs)
        return self._settled(evidence.only(~anomalous & (evidence.scores <= threshold.scores[-1])), threshold)

    def _evidence(self, X: Any) -> Evidence:
        """Scores and residuals of rows that are refused where they trained."""
        raise TypeError(f"{type(self).__name__} is abstract: a detector defines _evidence(X)")

    def _settled(self, evidence: Evidence, threshold: Threshold) -> Self:
        """Take a threshold over, and what the rows that calibrated it say of each column."""
        self.calibration_scores_, self.promise_ = threshold.scores, threshold.promise
        self.threshold_, self.offset_ = threshold.value, -threshold.value
        self.band_ = evidence.band(self.promise_.alpha)
        return self
