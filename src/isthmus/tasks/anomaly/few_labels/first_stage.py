"""The detector under a classifier: fitted on normal rows or taken as it is, and the rows that neither learns from."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from isthmus.errors import ParameterError
from isthmus.estimator.containers import opened
from isthmus.estimator.inputs import learn, read, read_like
from isthmus.models import family
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.digests import digests
from isthmus.tasks.anomaly.evidence import check_groups, check_shared_out, learning, taken
from isthmus.tasks.anomaly.leakage import refuse_shared
from isthmus.tasks.anomaly.splits import column_of, groups_of


class FirstStage(NamedTuple):
    """A fitted detector, and rows like those of its training that it has not seen."""

    detector: AnomalyDetector
    held: Any


def is_fitted(detector: AnomalyDetector) -> bool:
    """Whether a detector serves as it is."""
    return hasattr(detector, "threshold_")


def ready(detector: AnomalyDetector, X: Any, X_calibration: Any, groups: Any) -> FirstStage:
    """A fitted detector with normal rows, all of which calibrate.

    Args:
        detector: Fitted.
        X: Normal rows.
        X_calibration: None.
        groups: None.

    Raises:
        ParameterError: there is nothing to share out.
        LeakageError: the detector has learnt from rows of X.
    """
    for name, given in (("X_calibration", X_calibration), ("groups", groups)):
        if given is not None:
            allowed = "the detector has learnt, so all rows of X set the thresholds"
            fix = "leave it out, or pass a detector that is not fitted: sklearn.base.clone(detector)"
            raise ParameterError(f"{name}= beside a fitted detector", allowed, fix)
    refuse_shared("X", digests(read(detector.model_, X)), "the training rows", detector.trained_)
    return FirstStage(detector, X)


def fitted(
    detector: AnomalyDetector, X: Any, X_calibration: Any, groups: ArrayLike | None, known: Any, random: Any
) -> FirstStage:
    """A detector that learns from normal rows, but for those that are known to be anomalies and those that calibrate.

    Args:
        detector: Unfitted, and left so.
        X: Normal rows.
        X_calibration: Normal rows that calibrate; None holds some of X out.
        groups: (n,) rows of X of one group stay together; None for no groups.
        known: Rows labelled anomalous.
        random: A `numpy.random.RandomState`.
    """
    check_shared_out(X_calibration, None, groups, None)
    rows, model = opened(X), family()["autoencoder"]()
    source = learn(model, rows)
    free = ~np.isin(digests(source), digests(read_like(model, known, source.spec)))
    rows, held = opened(taken(rows, free)), X_calibration
    if held is None:
        together = None if groups is None else column_of("groups", groups, len(free))[free]
        kept = _kept(model, rows, detector.calibration, together, random)
        rows, held = taken(rows, kept), taken(rows, ~kept)
    seeded = clone(detector)
    if seeded.random_state is None:
        seeded.set_params(random_state=int(random.randint(2**31 - 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)  # of a threshold that is not used
        return FirstStage(seeded.fit(rows, X_calibration=held), held)


def _kept(model: Any, rows: Any, share: float, groups: Any, random: Any) -> NDArray[np.bool_]:
    """Which rows learn, (n,); the others calibrate."""
    source = learn(model, rows)
    together = groups_of(source, groups)
    check_groups(together)
    return learning(source, together, share, random)
