"""`evaluate`: a finished detector judged on labelled rows, whichever kind of detector it is."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import AbilityError, ParameterError
from isthmus.tasks.anomaly.demo.comparison import DETECTOR
from isthmus.tasks.anomaly.evaluation.anomalies import highest
from isthmus.tasks.anomaly.evaluation.evaluation import Evaluation
from isthmus.tasks.anomaly.evaluation.operation import Operation
from isthmus.tasks.anomaly.evaluation.rivals import Judge, Judged, Rivals, rivals
from isthmus.tasks.anomaly.explanation.incidents import incidents_among
from isthmus.tasks.anomaly.few_labels.detector import FewLabelDetector
from isthmus.tasks.anomaly.labels import anomalies_in, check_kinds
from isthmus.tasks.anomaly.series.detector import TimeSeriesDetector
from isthmus.tasks.anomaly.series.evaluation import SeriesEvaluation, evaluate_series

SHOWN = 5  # rows that are explained
USUAL = Operation()


@overload
def evaluate(
    detector: Judge,
    X: Any,
    y: ArrayLike,
    *,
    X_normal: Any = None,
    operation: Operation = USUAL,
) -> Evaluation: ...


@overload
def evaluate(
    detector: TimeSeriesDetector, X: Any, y: ArrayLike, *, X_normal: Any = None, operation: Operation = USUAL
) -> SeriesEvaluation: ...


def evaluate(
    detector: Any, X: Any, y: ArrayLike, *, X_normal: Any = None, operation: Operation = USUAL
) -> Evaluation | SeriesEvaluation:
    """Judge a fitted detector on labelled rows; its threshold stays what its calibration rows made it.

    Args:
        detector: An `AnomalyDetector`, an `ImageDetector`, a `FewLabelDetector`, each of whose two scores is then
            judged as well, or a `TimeSeriesDetector`, whose rows are points of a series.
        X: Rows that it has not seen, in memory.
        y: (n,) True (or 1 beside 0, or -1 beside +1) for an anomaly.
        X_normal: The rows that the detector was fitted on; trivial controls then learn from them and are judged on X.
            Those of a series need none.
        operation: Rows a day, the share of anomalies among them, and prices; a series has none.

    Raises:
        AbilityError: another kind of detector.
        InputError: y has another length or other values, or knows one kind of row only.
        ParameterError: rows to learn from, or prices, of a series.

    Example:
        >>> import isthmus
        >>> from sklearn.datasets import load_breast_cancer
        >>> X, benign = load_breast_cancer(return_X_y=True)
        >>> split = isthmus.split_for_detection(X, benign == 0, random_state=0)
        >>> normal = X[[*split.train, *split.calibration]]
        >>> quick = isthmus.Autoencoder(epochs=5)
        >>> detector = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0).fit(normal)
        >>> found = isthmus.evaluate(detector, X[split.test], benign[split.test] == 0, X_normal=normal)
        >>> found.confusion().recall.low > 0.5
        True
    """
    if isinstance(detector, TimeSeriesDetector):
        if X_normal is not None or operation != USUAL:
            came = "X_normal=" if X_normal is not None else "operation="
            allowed = "the controls of a series learn nothing, and its episodes have no price"
            raise ParameterError(f"{came} beside a TimeSeriesDetector", allowed, "leave it out")
        return evaluate_series(detector, X, y)
    if not isinstance(detector, Judge):
        allowed = "detectors of rows, images and series are judged, with or without labels of their own"
        fix = "compare detector.predict(X) with y by isthmus.metrics"
        raise AbilityError(f"detector of type {type(detector).__name__}", allowed, fix)
    return _of_rows(detector, X, y, X_normal, operation)


def _of_rows(detector: Judge, X: Any, y: ArrayLike, X_normal: Any, operation: Operation) -> Evaluation:
    """Judge a detector of rows."""
    first: Any = detector.detector_ if isinstance(detector, FewLabelDetector) else detector
    scores = detector.anomaly_score(X)
    anomalous = anomalies_in(y, len(scores))
    check_kinds(anomalous)
    beside = Rivals({}, np.zeros(len(scores), dtype=bool)) if X_normal is None else rivals(detector, X_normal, X)
    told = first.model_.spec_.kind == "table"
    return Evaluation(
        detector,
        anomalous,
        {DETECTOR: Judged(scores, detector.threshold_), **beside.methods},
        int((beside.seen & ~anomalous).sum()),
        operation,
        highest(first, X, scores, anomalous, SHOWN),
        incidents_among(first.scorer_, X, scores, detector.threshold_) if told else [],
        _parts(detector, X) if isinstance(detector, FewLabelDetector) else {},
    )


def _parts(detector: FewLabelDetector, X: Any) -> dict[str, Judged]:
    """Each of the two scores, with the cut of its half of the budget."""
    names = ("anomaly score", "classifier")
    ends = detector.cuts_.ends(detector.promise_.alpha)
    return {
        name: Judged(scores, float(end)) for name, scores, end in zip(names, detector.both_scores(X), ends, strict=True)
    }
