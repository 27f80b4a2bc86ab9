"""`FewLabelDetector`: a detector of normal rows and a classifier of a few labelled ones, under one budget."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.data.memory import TensorSource
from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.beyond import in_numbers
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning, Promise, check_budget, check_rows, rows_needed
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.digests import Digests, digests
from isthmus.tasks.anomaly.evidence import taken
from isthmus.tasks.anomaly.few_labels import states as few_label_states
from isthmus.tasks.anomaly.few_labels.cuts import TINY, Cuts
from isthmus.tasks.anomaly.few_labels.first_stage import fitted, in_memory, is_fitted, ready
from isthmus.tasks.anomaly.few_labels.second_stage import CLASSIFIERS, FEATURES, Classifier, Labelled, opinions
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.anomaly.leakage import refuse_shared
from isthmus.tasks.anomaly.scored import Floats, Scored
from isthmus.tasks.anomaly.states import sign

PIECE = 2**16  # rows told of at once
LEAST = (TINY, 1.0)  # log odds are nats, and a spread of less than one counts as one


@dataclass(eq=False, repr=False)
class FewLabelDetector(Scored, BaseEstimator):
    r"""Adds what a few labelled rows teach to a detector of normal rows, within the same budget of false alarms.

        rows -> detector -> anomaly score s ------------------------> s > S? -
                         -> score, code, columns -> classifier c ---> c > C? --> either -> alarm

    .. math:: \text{alarm} \iff s(x) > S_k \;\text{or}\; c(x) > C_k, \quad k = \lfloor (n + 1) \alpha / 2 \rfloor

    The detector knows normal rows, and finds anomalies that nobody has seen before; the classifier knows a few
    anomalies, and finds more like them. Neither can silence the other. Both thresholds come from n normal rows that
    neither has learnt from: the rows are cut off by the two scores in turn, see `Cuts`, so each spends half of alpha,
    and the share of normal rows under alarm is Beta(2k, n + 1 - 2k) distributed whatever the two have in common. It
    takes 2 / alpha rows to keep the budget. The promise is exact but for the pull of calibration rows on the scale of
    the detector's score, where `fit` trains the detector as well.

    Args:
        detector: An `AnomalyDetector`. A fitted one serves as it is; an unfitted one is copied and fitted.
        classifier: "boosting" (scikit-learn's HistGradientBoostingClassifier) or "logistic" (LogisticRegression of
            standardised features).
        features: What the classifier is told of a row beside the anomaly score: the model's "code", the columns
            ("raw", as the encoder receives them), or "both", since what a code leaves out may tell anomalies apart.
        alpha: The budget of false alarms of both together; None takes the detector's.
        random_state: Seed of the shares, of a detector without one of its own, and of the classifier.

    Paper:
        Adding an unsupervised score to the features of a classifier: Zhao & Hryniewicki 2018, IJCNN (XGBOD). There
        the classifier alone decides.

    Example:
        >>> from sklearn.datasets import load_breast_cancer
        >>> from isthmus.models import family
        >>> X, benign = load_breast_cancer(return_X_y=True)
        >>> normal, labelled = X[benign == 1][:300], [*range(15), *range(540, 560)]
        >>> quick = AnomalyDetector(family()["autoencoder"](epochs=10), members=1)
        >>> detector = FewLabelDetector(quick, "logistic", alpha=0.1, random_state=0)
        >>> detector = detector.fit(normal, X_labelled=X[labelled], y_labelled=benign[labelled] == 0)
        >>> detector.labelled_
        Labelled(anomalies=15, normal=20, left_out=0)
        >>> float((detector.predict(X[20:][benign[20:] == 0]) == -1).mean()) > 0.8
        True
    """

    _states: ClassVar[Any] = few_label_states

    detector: Any
    classifier: str = "boosting"
    features: str = "both"
    _: KW_ONLY
    alpha: float | None = None
    random_state: Any = None

    if TYPE_CHECKING:  # what `fit` leaves behind
        detector_: AnomalyDetector = field(init=False)
        classifier_: Classifier = field(init=False)
        cuts_: Cuts = field(init=False)
        labelled_: Labelled = field(init=False)
        promise_: Promise = field(init=False)
        trained_: Digests = field(init=False)

    # Training and calibration. ---------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        X_labelled: Any,
        y_labelled: ArrayLike,
        X_calibration: Any = None,
        groups: ArrayLike | None = None,
        time: ArrayLike | None = None,
    ) -> Self:
        """Learn what normal rows are, what the labelled rows tell, and set both thresholds on rows that are new.

        Args:
            X: Normal rows, labelled or not. An unfitted detector learns from them, but for the share that its
                `calibration` holds out, equal rows together. A fitted one has learnt: all of them set the thresholds.
                They may stay in files where the detector takes such rows, and none has to be held out or left out.
            y: Ignored; X is taken to be normal. Rows of X that are labelled anomalous are left out.
            X_labelled: Rows that somebody has looked at, anomalies among them: drawn at random, from the top of the
                alarms, or however.
            y_labelled: (m,) their labels, as in `split_for_detection`.
            X_calibration: Normal rows that set the thresholds, none of them in X; None takes them from X. They must
                be like rows to come: drawn before any were picked for labelling, not what was left then.
            groups: (n,) rows of X of one group stay on one side, as equal rows do.
            time: (n,) when each row of X was taken: the last ones set the thresholds, and the detector's spans reach
                back from the latest that trains.

        Raises:
            ParameterError: a parameter outside its domain, or rows for calibration twice.
            InputError: labels of another kind, or of another number; rows in files that would have to be shared out.
            TooFewRowsError: no labelled anomaly, no labelled normal row, or too few rows to hold some out.
            LeakageError: rows that calibrate are among those that the detector learnt from, or rows in files are
                labelled anomalous.

        Warns:
            FewCalibrationRowsWarning: too few rows for the budget; each threshold is the largest score then, and
                `promise_` says what that can promise.
        """
        alpha, random = self._checked(), check_random_state(self.random_state)
        looked_at = in_memory(X_labelled)
        anomalous = _both_kinds(y_labelled, looked_at.shape[0])
        if is_fitted(self.detector):
            first = ready(self.detector, X, X_calibration, groups, time)
        else:
            first = fitted(self.detector, X, X_calibration, groups, time, taken(looked_at, anomalous), random)
        self.detector_ = first.detector
        free = self._learn(first.held, X_labelled, anomalous, int(random.randint(2**31 - 1)))
        cuts = Cuts.of(self.both_scores(first.held)[:, free], LEAST)
        _warn_of_few(cuts, alpha)
        return self.settled(cuts, alpha)

    def calibrate(self, X: Any, y: ArrayLike | None = None, *, alpha: float | None = None) -> Self:
        """Set both thresholds anew, from rows that nothing has learnt from.

        Args:
            X: Rows, those that are normal being like the ones to come.
            y: (n,) labels as in `split_for_detection`. None: all are normal.
            alpha: The new budget; None keeps the one in `promise_`.

        Raises:
            LeakageError: rows of X are among those that trained.
            TooFewRowsError: too few normal rows for half the budget.
        """
        check_is_fitted(self)
        budget = self.promise_.alpha if alpha is None else check_budget(alpha)
        refuse_shared("X", digests(read(self.detector_.model_, X)), "the training rows", self.trained_)
        pairs = self.both_scores(X)
        normal = np.ones(pairs.shape[1], dtype=bool) if y is None else ~anomalies_in(y, pairs.shape[1])
        check_rows(budget / 2, int(normal.sum()))
        return self.settled(Cuts.of(pairs[:, normal], LEAST), budget)

    # Judgement. ------------------------------------------------------------------------------------------------------

    def both_scores(self, X: Any) -> Floats:
        """The anomaly score of each row and the classifier's log odds that it is an anomaly, (2, n)."""
        check_is_fitted(self, "classifier_")
        source = read(self.detector_.model_, X)
        pieces = [
            self._both(source.block(at, min(at + PIECE, len(source))), source.spec)
            for at in range(0, len(source), PIECE)
        ]
        return np.concatenate(pieces, axis=1)

    def anomaly_score(self, X: Any) -> Floats:
        """-ln of the share of normal rows that lie as far out by either score, (n,): in nats, an alarm above
        `threshold_`, which is about -ln alpha.
        """
        check_is_fitted(self)
        with np.errstate(over="ignore"):
            return in_numbers(self.cuts_.surprise(self.both_scores(X)))

    def p_value(self, X: Any) -> Floats:
        """How likely a normal row is to lie as far out by either score, (n,): exact, not twice the smaller of two."""
        check_is_fitted(self)
        return self.cuts_.p_values(self.both_scores(X))

    def probability(self, X: Any) -> Floats:
        """The classifier's probability that a row is an anomaly, (n,), among rows picked as the labelled ones were."""
        odds: Floats = np.exp(-np.logaddexp(0.0, -self.both_scores(X)[1]))
        return odds

    # The detector itself. --------------------------------------------------------------------------------------------

    @property
    def model_(self) -> Estimator:
        """The fitted model of the detector below."""
        check_is_fitted(self)
        return self.detector_.model_

    def _checked(self) -> float:
        """The budget, once every parameter is known to be in its domain."""
        if not isinstance(self.detector, AnomalyDetector):
            allowed = "the first stage is a detector of normal rows, fitted or not"
            raise ParameterError(f"detector={self.detector!r:.60}", allowed, "use isthmus.AnomalyDetector()")
        if self.classifier not in CLASSIFIERS:
            raise UnknownNameError.among("classifier", self.classifier, CLASSIFIERS)
        if self.features not in FEATURES:
            raise UnknownNameError.among("features", self.features, FEATURES)
        theirs = self.detector.promise_.alpha if is_fitted(self.detector) else self.detector.alpha
        return check_budget(theirs if self.alpha is None else self.alpha)

    def _both(self, x: Tensor, spec: Spec) -> Floats:
        """Both scores of some rows, (2, n); a stream's rows are never all in memory."""
        told = opinions(self.detector_, TensorSource(x, spec), self.features)
        with np.errstate(over="ignore", invalid="ignore"):  # of a row beyond all numbers
            return in_numbers(np.stack([told[:, 0], self.classifier_.log_odds(told)]))

    def _learn(self, held: Any, X: Any, anomalous: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
        """Teach the classifier; which of the held rows may calibrate, (n,): those that are not known as anomalies."""
        model = self.detector_.model_
        names, others = digests(read(model, X)), digests(read(model, held))
        free = ~np.isin(others, names[anomalous])
        used = ~np.isin(names, others[free])
        labels = _both_kinds(anomalous[used], int(used.sum()), " that do not calibrate")
        told = opinions(self.detector_, X, self.features)[used]
        self.classifier_ = CLASSIFIERS[self.classifier].learnt(told, labels, seed)
        self.labelled_ = Labelled(int(labels.sum()), int((~labels).sum()), int((~used).sum()))
        self.trained_ = np.union1d(self.detector_.trained_, names[used])
        sign(self, model)
        return free

    def settled(self, cuts: Cuts, alpha: float) -> Self:
        """Take both thresholds over."""
        self.cuts_, self.promise_ = cuts, cuts.promise(alpha)
        self.threshold_ = cuts.threshold(alpha)
        self.offset_ = -self.threshold_
        return self


def _both_kinds(y: ArrayLike, n: int, which: str = "") -> NDArray[np.bool_]:
    """Labels as truth, (n,), with anomalies and normal rows among them.

    Raises:
        InputError: labels of another kind, or of another number.
        TooFewRowsError: only one of the two.
    """
    anomalous = anomalies_in(y, n)
    if anomalous.all() or not anomalous.any():
        came = f"{int(anomalous.sum())} anomalies among {n} labelled rows{which}"
        allowed = "a classifier learns from rows of both kinds, one of each at least"
        raise TooFewRowsError(came, allowed, "label more rows; without an anomaly isthmus.AnomalyDetector() needs none")
    return anomalous


def _warn_of_few(cuts: Cuts, alpha: float) -> None:
    """Warn where two thresholds cannot keep the budget."""
    needed = rows_needed(alpha / 2)
    if cuts.n < needed:
        warnings.warn(
            f"n={cuts.n} calibration rows: alpha={alpha:g} for two thresholds needs {needed}, so each is the largest "
            f"score, and the promise is {cuts.promise(alpha)}",
            FewCalibrationRowsWarning,
            stacklevel=3,
        )
