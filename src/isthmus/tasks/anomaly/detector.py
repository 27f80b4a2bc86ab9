"""`AnomalyDetector`: any member of the family under a stated budget of false alarms."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from isthmus.errors import ParameterError, UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.tasks.anomaly import states
from isthmus.tasks.anomaly.calibration import check_budget
from isthmus.tasks.anomaly.diagnosis.diagnosis import Diagnosed
from isthmus.tasks.anomaly.digests import Digests
from isthmus.tasks.anomaly.evidence import Evidence, check_shared_out, fresh, given, held_out
from isthmus.tasks.anomaly.explanation.explained import Explained
from isthmus.tasks.anomaly.member import SCORES
from isthmus.tasks.anomaly.recipe import Recipe, unfitted
from isthmus.tasks.anomaly.score_name import ScoreName
from isthmus.tasks.anomaly.scored import Floats
from isthmus.tasks.anomaly.scorer import Scorer
from isthmus.tasks.anomaly.spans import spans_of, times_of
from isthmus.tasks.anomaly.thresholds import conformal
from isthmus.tasks.anomaly.trimming import Trimmed, set_aside
from isthmus.tasks.anomaly.verdicts import Verdicts


@dataclass(eq=False, repr=False)
class AnomalyDetector(Diagnosed, Explained, Verdicts, BaseEstimator):
    r"""Raises an alarm for at most a share alpha of the normal rows, and for as many anomalies as it can.

        rows -> model -> what is lost, how far the code lies -> anomaly score -> above the threshold? -> alarm

    .. math:: s(x) = \tfrac12 u\Bigl(\sum_d \ln(1 + w_d^2)\Bigr)^{1/2} + \tfrac12 u\bigl(\min_i \lVert z - z_i \rVert
              \bigr)^{1/2}, \quad w = \Sigma^{-1/2} (x - E[x | z]), \quad
              \text{alarm} \iff s(x) > c_{(k)}, \; k = \lceil (n + 1)(1 - \alpha) \rceil

    w is what the model loses of a row, under the shrunk covariance of what it loses of training rows, and priced with
    heavy tails; z_i are their codes; u counts standard deviations from what is usual for the first calibration rows.
    So a row stands out that is not rebuilt, and one that is rebuilt far from all that was learnt.

    The model learns from normal rows only. The threshold is the k-th smallest score of n calibration rows that it
    never saw, so the promise holds whatever the model is: a bad model finds fewer anomalies, and raises no more
    alarms. `fit(X)` shares the rows out itself, equal ones together. With few rows it scores each by a model trained
    on the others, and a training row keeps that score, so that `fit_predict` judges rows that it was given. The promise
    is exact where rows were held out, up to the pull of one row on the means and deviations in u; it is close where
    five models stand in for the one that serves.

    Args:
        model: "auto" (an `Autoencoder`), a member's name ("vae"), or an unfitted estimator of ours.
        alpha: The budget of false alarms: the share of normal rows that may raise one.
        score: "fusion" is s, in standard deviations. "mahalanobis" is half the square of w and the model's own rate,
            "distortion" the model's own cost: distortion + rate, both in nats; "latent" how far the nearest z_i is;
            "density" half the squared Mahalanobis distance of z from all z_i; "reconstruction-probability" minus the
            log of the mean of p(x | z) over stored draws of a posterior, which a `VAE` has; "disagreement" the
            variance over members of what they rebuild, summed over columns.
        members: Models with other seeds whose scores are averaged; "disagreement" needs two, and is better of five. Or
            what each learns from: ("day", "week", "month") gives one member the last day of the training rows, one the
            last week, one the last 30 days; "hour" is another, and a number stands for so many members of all rows.
            `fit` then needs `time`, as datetimes.
        critic: Whether a second network learns beside each model to tell the rows from disturbed ones. Its log odds are
            a third term of "fusion"; it makes rows that were forged against the score harder to find, not easier.
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

    _states: ClassVar[Any] = states

    model: Any = "auto"
    _: KW_ONLY
    alpha: float = 0.01
    score: ScoreName = ScoreName("fusion")
    members: int | tuple[int | str, ...] = 2
    critic: bool = False
    calibration: float = 0.2
    random_state: Any = None
    device: str = "auto"
    verbose: int = 0

    if TYPE_CHECKING:  # what `fit` leaves behind; no fields where Python looks
        scorer_: Scorer = field(init=False)
        trained_: Digests = field(init=False)
        trimmed_: Trimmed | None = field(init=False)
        n_features_in_: int = field(init=False)

    # Training and calibration. ---------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        X_calibration: Any = None,
        y_calibration: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        time: ArrayLike | None = None,
        trim: float | str | None = None,
    ) -> Self:
        """Learn what normal rows are, and set the threshold on rows that training never saw.

        Args:
            X: Normal rows: a table, images or series.
            y: Ignored; X is taken to be normal.
            X_calibration: Normal rows that set the threshold, none of them in X; None takes them from X.
            y_calibration: (m,) labels of those, as in `split_for_detection`, where some of them are anomalies.
            groups: (n,) rows of one group (a patient, a machine) stay on one side, as equal rows always do.
            time: (n,) when each row was taken: the last rows set the threshold, even where they are too few. Spans in
                `members` reach back from the latest row that trains, with X_calibration too.
            trim: For X with a few anomalies in it: the share of the rows to set aside, or "auto"; see `isthmus.trim`.
                `trimmed_` lists them. They neither train nor calibrate, so normal ones among them lower the threshold:
                the rate of false alarms may reach about alpha + trim on clean rows (measured at alpha=0.05: 6.5 % for
                "auto", 9.4 % for 0.05), and the interval of `promise_` reaches as far. X_calibration is never trimmed.

        Raises:
            ParameterError: a parameter outside its domain, or `groups` or `time` where nothing is shared out.
            AbilityError: a score that draws from a posterior, of a model that has none.
            LeakageError: rows of X_calibration are equal to rows of X.
            TooFewRowsError: too few different rows to hold some out, to trim, or in a span of `members`.
            InputTypeError: spans, and a time that is no datetime.

        Warns:
            FewCalibrationRowsWarning: too few rows for the budget; the largest score is the threshold, and
                `promise_` says what that can promise.
        """
        alpha, random = self._checked(), check_random_state(self.random_state)
        models = partial(unfitted, self.model, int(random.randint(2**31 - 1)), device=self.device, verbose=self.verbose)
        recipe = Recipe(models, self.get_params(deep=False)["score"], spans_of(self.members), self.critic)
        recipe.check()
        if recipe.has_spans:
            time = times_of(time, recipe.spans)
        alone = None if recipe.has_spans else time
        check_shared_out(X_calibration, y_calibration, None if trim is not None else groups, alone)
        self.trimmed_, share = None, 0.0
        if trim is not None:
            self.trimmed_ = trimmed = set_aside(recipe, X, trim, groups, random)
            X, groups, time = trimmed.keep(X), trimmed.kept_of(groups), trimmed.kept_of(time)
        if X_calibration is None:
            held = held_out(recipe, X, self.calibration, alpha, random, groups=groups, time=time)
            share = 0.0 if self.trimmed_ is None else self.trimmed_.share
        else:
            held = given(recipe.at(time), X, X_calibration, y_calibration)
        self.scorer_, self.trained_ = held.scorer, held.trained
        states.sign(self, held.scorer.model)
        return self._settled(held.evidence, conformal(held.evidence.scores, alpha, share))

    # Judgement. ------------------------------------------------------------------------------------------------------

    def anomaly_score(self, X: Any) -> Floats:
        """How anomalous each row is, (n,): higher = more anomalous; an alarm above `threshold_`."""
        if "scorer_" not in vars(self):
            check_is_fitted(self)  # whose question takes as long as a product
        return self.scorer_.scores(X)

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
        if self.critic and score != "fusion":
            allowed = "a critic's log odds are a term of the fusion alone"
            raise ParameterError(f"critic=True with score={score!r}", allowed, "use score='fusion' or critic=False")
        if not (isinstance(self.calibration, (int, float)) and 0 < self.calibration < 1):
            allowed = "it is the share of the rows that sets the threshold, between 0 and 1"
            raise ParameterError(f"calibration={self.calibration!r}", allowed, "use calibration=0.2")
        return check_budget(self.alpha)

    def _evidence(self, X: Any) -> Evidence:
        """Scores of new rows, none of which trained."""
        return fresh(self.scorer_, X, self.trained_)
