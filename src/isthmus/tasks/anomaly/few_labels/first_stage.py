"""The detector under a classifier: fitted on normal rows or taken as it is, and the rows that neither learns from."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from isthmus.data.streams import Stream
from isthmus.errors import InputTypeError, ParameterError
from isthmus.estimator.containers import opened
from isthmus.estimator.inputs import learn, read, read_like
from isthmus.models import family
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.digests import Digests, digests
from isthmus.tasks.anomaly.evidence import check_groups, check_shared_out, in_time, learning, taken
from isthmus.tasks.anomaly.leakage import refuse_shared
from isthmus.tasks.anomaly.spans import spans_of, times_of
from isthmus.tasks.anomaly.splits import column_of, groups_of


class FirstStage(NamedTuple):
    """A fitted detector, and rows like those of its training that it has not seen."""

    detector: AnomalyDetector
    held: Any


def is_fitted(detector: AnomalyDetector) -> bool:
    """Whether a detector serves as it is."""
    return hasattr(detector, "threshold_")


def in_memory(X: Any) -> Any:
    """Labelled rows, opened.

    Raises:
        InputTypeError: they would stay in their files.
    """
    rows = opened(X)
    if isinstance(rows, Stream):
        came, allowed = f"X_labelled, a stream of {len(rows):,} rows", "a classifier learns from rows in memory"
        raise InputTypeError(came, allowed, "give a sample of them")
    return rows


def ready(detector: AnomalyDetector, X: Any, X_calibration: Any, groups: Any, time: Any) -> FirstStage:
    """A fitted detector with normal rows, all of which calibrate.

    Args:
        detector: Fitted.
        X: Normal rows.
        X_calibration: None.
        groups: None.
        time: None.

    Raises:
        ParameterError: there is nothing to share out.
        LeakageError: the detector has learnt from rows of X.
    """
    for name, given in (("X_calibration", X_calibration), ("groups", groups), ("time", time)):
        if given is not None:
            allowed = "the detector has learnt, so all rows of X set the thresholds"
            fix = "leave it out, or pass a detector that is not fitted: sklearn.base.clone(detector)"
            raise ParameterError(f"{name}= beside a fitted detector", allowed, fix)
    refuse_shared("X", digests(read(detector.model_, X)), "the training rows", detector.trained_)
    return FirstStage(detector, X)


def fitted(
    detector: AnomalyDetector,
    X: Any,
    X_calibration: Any,
    groups: ArrayLike | None,
    time: ArrayLike | None,
    known: Any,
    random: Any,
) -> FirstStage:
    """A detector that learns from normal rows, but for those that are known to be anomalies and those that calibrate.

    Args:
        detector: Unfitted, and left so.
        X: Normal rows.
        X_calibration: Normal rows that calibrate; None holds some of X out.
        groups: (n,) rows of X of one group stay together; None for no groups.
        time: (n,) when each row of X was taken: the last ones calibrate, and spans of members are measured by it.
        known: Rows labelled anomalous.
        random: A `numpy.random.RandomState`.

    Raises:
        InputTypeError: rows that stay in their files, where some would have to be held out.
        LeakageError: some of those are labelled anomalous.
    """
    spans = spans_of(detector.members)
    moments: Any = times_of(time, spans) if any(spans) else time
    check_shared_out(X_calibration, None, groups, None if any(spans) else time)
    rows, model = opened(X), family()["autoencoder"]()
    source = learn(model, rows)
    names, theirs = digests(source), digests(read_like(model, known, source.spec))
    if isinstance(rows, Stream):
        _check_stream(rows, X_calibration, names, theirs)
        learnt, held = rows, X_calibration
    else:
        free = ~np.isin(names, theirs)
        rows, moments = opened(taken(rows, free)), _of("time", moments, free)
        learns, held = np.ones(rows.shape[0], dtype=bool), X_calibration
        if held is None:
            learns, judged = _shared(model, rows, detector.calibration, _of("groups", groups, free), moments, random)
            held, moments = taken(rows, judged), None if moments is None else moments[learns]
        learnt = taken(rows, learns)
    seeded = clone(detector)
    if seeded.random_state is None:
        seeded.set_params(random_state=int(random.randint(2**31 - 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)  # of a threshold that is not used
        return FirstStage(seeded.fit(learnt, X_calibration=held, time=moments if any(spans) else None), held)


def _check_stream(rows: Stream, X_calibration: Any, names: Digests, known: Digests) -> None:
    """Refuse rows in files that would have to be shared out, or gone through for those to leave out."""
    if X_calibration is None:
        came = f"X, a stream of {len(rows):,} rows, without X_calibration="
        allowed = "rows that stay in their files are not shared out, and others set the thresholds"
        raise InputTypeError(came, allowed, "pass X_calibration=, or a sample of X that fits in memory")
    refuse_shared("X", names, "the rows labelled anomalous", np.unique(known))


def _of(name: str, column: Any, chosen: NDArray[np.bool_]) -> Any:
    """The chosen entries of what there is for each row; None of nothing."""
    return None if column is None else column_of(name, column, len(chosen))[chosen]


def _shared(
    model: Any, rows: Any, share: float, groups: Any, time: Any, random: Any
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows learn, and which calibrate, (n,) each: a share at random, or the last ones."""
    source = learn(model, rows)
    together = groups_of(source, groups)
    check_groups(together)
    if time is not None:
        return in_time(source, together, share, time)
    kept = learning(source, together, share, random)
    return kept, ~kept
