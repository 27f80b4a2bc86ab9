"""`AnomalyDetector`: any member of the family under a stated budget of false alarms."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.errors import ParameterError, UnknownNameError
from isthmus.estimator import persistence
from isthmus.estimator.face import Estimator
from isthmus.models import family
from isthmus.tasks.anomaly import states
from isthmus.tasks.anomaly.calibration import (
    FewCalibrationRowsWarning,
    Promise,
    check_budget,
    check_rows,
    p_values,
    place,
    rows_needed,
)
from isthmus.tasks.anomaly.diagnosis import Diagnosed
from isthmus.tasks.anomaly.evidence import Evidence, Recipe, held_out
from isthmus.tasks.anomaly.explanation import Reason, reasons
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.score_name import ScoreName
from isthmus.tasks.anomaly.scorer import SCORES, Scorer
from isthmus.tasks.anomaly.trimming import Trimmed, set_aside

WORKHORSE = "autoencoder"


@dataclass(eq=False, repr=False)
class AnomalyDetector(Diagnosed, OutlierMixin, BaseEstimator):
    r"""Raises an alarm for at most a share alpha of the normal rows, and for as many anomalies as it can.

        rows -> model -> what is lost + what crosses -> anomaly score -> above the threshold? -> alarm

    .. math:: s(x) = \tfrac12 \lVert r \rVert^2_{\Sigma_r} + \tfrac12 \lVert z - m \rVert^2_{\Sigma_z}, \quad
              r = x - E[x | z], \qquad
              \text{alarm} \iff s(x) > c_{(k)}, \; k = \lceil (n + 1)(1 - \alpha) \rceil

    The model learns from normal rows only. The threshold is the k-th smallest score of n calibration rows that it
    never saw, so the promise holds whatever the model is: a bad model finds fewer anomalies, and raises no more
    alarms. `fit(X)` shares the rows out itself, equal ones together. With few rows it scores each by a model trained
    on the others, and a training row keeps that score, so that `fit_predict` judges rows that it was given; the
    promise is exact where rows were held out, and close where five models stand in for the one that serves.

    Args:
        model: "auto" (an `Autoencoder`), a member's name ("vae"), or an unfitted estimator of ours.
        alpha: The budget of false alarms: the share of normal rows that may raise one.
        score: "fusion" adds what is lost and what crosses, both in nats: the residual r and the code z, each under a
            normal distribution with the shrunk covariance that it has on the training rows. "mahalanobis" is the
            first of the two and the model's own rate, "distortion" the model's own cost: distortion + rate.
        calibration: Share of the rows that `fit(X)` holds out to set the threshold.
        random_state: Seed of the shares and of the model's fit (an estimator with a seed of its own keeps that).
        device: Where a model given by name runs; an estimator has its own device.
        verbose: 1 shows the progress of a model given by name.

    Paper:
        The threshold: Vovk, Gammerman & Shafer 2005, chapter 4.2 (split conformal); the distance: Mahalanobis 1936.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, benign = load_breast_cancer(return_X_y=True)
        >>> detector = AnomalyDetector(alpha=0.05, random_state=0).fit(X[benign == 1])
        >>> detector.promise_.n
        71
        >>> float((detector.predict(X[benign == 0]) == -1).mean()) > 0.6
        True
    """

    model: Any = "auto"
    _: KW_ONLY
    alpha: float = 0.01
    score: ScoreName = ScoreName("fusion")
    calibration: float = 0.2
    random_state: Any = None
    device: str = "auto"
    verbose: int = 0

    if TYPE_CHECKING:  # what `fit` leaves behind; no fields where Python looks
        scorer_: Scorer = field(init=False)
        calibration_scores_: NDArray[np.float64] = field(init=False)
        threshold_: float = field(init=False)
        offset_: float = field(init=False)
        promise_: Promise = field(init=False)
        trimmed_: Trimmed | None = field(init=False)
        band_: Tensor = field(init=False)
        n_features_in_: int = field(init=False)

    # Training and calibration. ---------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        X_calibration: Any = None,
        groups: ArrayLike | None = None,
        trim: float | str | None = None,
    ) -> Self:
        """Learn what normal rows are, and set the threshold on rows that training never saw.

        Args:
            X: Normal rows: a table, images or series.
            y: Ignored; X is taken to be normal.
            X_calibration: Normal rows that set the threshold, none of them in X; None takes them from X.
            groups: (n,) rows of one group (a patient, a machine) stay on one side, as equal rows always do.
            trim: For X with a few anomalies in it: the share of the rows to set aside, or "auto"; see `isthmus.trim`.
                `trimmed_` lists them. They neither train nor calibrate, so normal ones among them lower the threshold:
                the rate of false alarms may reach about alpha + trim on clean rows (measured at alpha=0.05: 6.5 % for
                "auto", 9.4 % for 0.05), and the interval of `promise_` reaches as far. X_calibration is never trimmed.

        Raises:
            ParameterError: a parameter outside its domain, or `groups` where nothing is shared out.
            TooFewRowsError: too few different rows to hold some out, or to trim.

        Warns:
            FewCalibrationRowsWarning: too few rows for the budget; the largest score is the threshold, and
                `promise_` says what that can promise.
        """
        alpha, random = self._checked(), check_random_state(self.random_state)
        recipe = Recipe(partial(self._unfitted, int(random.randint(2**31 - 1))), self.get_params(deep=False)["score"])
        self.trimmed_ = None
        if trim is not None:
            self.trimmed_ = trimmed = set_aside(recipe, X, trim, groups, random)
            X, groups = trimmed.keep(X), None if groups is None else np.asarray(groups)[trimmed.kept]
        if X_calibration is None:
            scorer, evidence = held_out(recipe, X, groups, self.calibration, alpha, random)
        elif groups is not None and trim is None:
            allowed = "groups keep rows on one side where fit() shares them out, and X_calibration shares them out"
            raise ParameterError("groups= beside X_calibration=", allowed, "leave one of them out")
        else:
            scorer = recipe.cooked(X)
            evidence = Evidence.of(scorer, X_calibration)
        self.scorer_ = scorer
        states.sign(self, scorer.model)
        return self._settled(evidence, alpha, "conformal", X_calibration is None)

    def calibrate(
        self, X: Any, y: ArrayLike | None = None, *, alpha: float | None = None, rule: str = "conformal"
    ) -> Self:
        """Set the threshold anew, from rows that neither training nor the judgement of the detector uses.

        Args:
            X: Rows, those that are normal being like the ones to come.
            y: (n,) labels as in `split_for_detection`; rows marked as anomalies are left out. None: all are normal.
            alpha: The new budget; None keeps the one in `promise_`.
            rule: "conformal" keeps the budget on average over calibration sets; "percentile" is the plain 1 - alpha
                quantile of the scores.

        Raises:
            TooFewRowsError: fewer than 1 / alpha - 1 normal rows.
            UnknownNameError: no rule of that name.
        """
        check_is_fitted(self)
        budget = self.promise_.alpha if alpha is None else check_budget(alpha)
        evidence = Evidence.of(self.scorer_, X)
        if y is not None:
            evidence = evidence.only(~anomalies_in(y, len(evidence.scores)))
        check_rows(budget, len(evidence.scores))
        return self._settled(evidence, budget, rule)

    # Judgement. ------------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for rows that raise an alarm, +1 for the others, (n,)."""
        return np.where(self.anomaly_score(X) > self.threshold_, -1, 1)

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """How anomalous each row is, in nats, (n,): higher = more anomalous; an alarm above `threshold_`."""
        check_is_fitted(self)
        return self.scorer_.scores(X)

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """How normal each row is, (n,): exactly -anomaly_score(X), so higher = more normal."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """score_samples(X) - offset_, (n,): below 0 where a row raises an alarm."""
        return self.score_samples(X) - self.offset_

    def p_value(self, X: Any) -> NDArray[np.float64]:
        """How likely a normal row is to score as high, (n,): the share of calibration rows that do, itself included."""
        return p_values(self.anomaly_score(X), self.calibration_scores_)

    def explain(self, X: Any, *, most: int = 5) -> list[Reason]:
        """Which columns make each row what it is: what was seen, what the model expected, and how far off is usual.

        Args:
            X: Rows of a table.
            most: Columns for each row, those with the largest share first.

        Returns:
            One `Reason` for each of them, row after row; pandas.DataFrame(...) makes a frame of the list.

        Raises:
            AbilityError: the detector was not fitted on a table.
        """
        check_is_fitted(self)
        return reasons(self.scorer_, self.band_, X, most)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters, as scikit-learn reads them."""
        return {**super().get_params(deep), "score": vars(self)["score"]}

    # The detector itself. --------------------------------------------------------------------------------------------

    @property
    def model_(self) -> Estimator:
        """The fitted model."""
        check_is_fitted(self)
        model: Estimator = self.scorer_.model
        return model

    def abilities(self) -> dict[str, bool | str]:
        """{verb: True, or the reason why not}."""
        return states.abilities_of(self)

    def save(self, path: str | Path) -> Path:
        """Write the detector as a folder of JSON and safetensors; `isthmus.load` reads it."""
        check_is_fitted(self)
        return persistence.save(self, path, states.card(self))

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `save` writes."""
        return states.to_saved(self)

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """The detector that `to_saved` described."""
        detector: Self = states.restored(cls, config, tensors)
        return detector

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a threshold."""
        return hasattr(self, "threshold_")

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn may expect: what the models accept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _checked(self) -> float:
        """The budget, once every parameter is known to be in its domain."""
        score = self.get_params(deep=False)["score"]
        if score not in SCORES:
            raise UnknownNameError.among("score", str(score), SCORES)
        if not (isinstance(self.calibration, (int, float)) and 0 < self.calibration < 1):
            allowed = "it is the share of the rows that sets the threshold, between 0 and 1"
            raise ParameterError(f"calibration={self.calibration!r}", allowed, "use calibration=0.2")
        return check_budget(self.alpha)

    def _unfitted(self, seed: int) -> Any:
        """A fresh model with this seed."""
        if isinstance(self.model, str):
            name = WORKHORSE if self.model == "auto" else self.model
            if name not in family():
                raise UnknownNameError.among("model", name, ("auto", *family()))
            return family()[name](random_state=seed, device=self.device, verbose=self.verbose)
        if not isinstance(self.model, Estimator):
            allowed = "it is 'auto', the name of a member of the family, or an unfitted estimator of ours"
            raise ParameterError(f"model={self.model!r:.60}", allowed, "use model='auto' or isthmus.VAE(...)")
        model = clone(self.model)
        return model if model.random_state is not None else model.set_params(random_state=seed)

    def _settled(self, evidence: Evidence, alpha: float, rule: str, own: bool = False) -> Self:
        """Set the threshold from evidence, and say what it can promise; whether rows of `fit` are the evidence."""
        scores, n = np.sort(evidence.scores), len(evidence.scores)
        share = self.trimmed_.share if own and self.trimmed_ is not None else 0.0
        kth = place(alpha, n, rule)
        self.calibration_scores_, self.threshold_ = scores, float(scores[kth - 1])
        self.offset_ = -self.threshold_
        self.promise_ = Promise.of(alpha, n, above=n - kth, aside=round(n * share / (1 - share)))
        self.band_ = evidence.band(alpha)
        if n < rows_needed(alpha):
            warnings.warn(
                f"n={n} calibration rows: alpha={alpha:g} needs {rows_needed(alpha)}, so the threshold is the largest "
                f"score, and the promise is {self.promise_}",
                FewCalibrationRowsWarning,
                stacklevel=3,
            )
        return self
