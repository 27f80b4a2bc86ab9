"""The trivial controls on a detector's own rows: what it must beat."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.core.source import Source
from isthmus.errors import TooFewRowsError
from isthmus.estimator.inputs import read
from isthmus.parts.entry import Entry
from isthmus.tasks.anomaly.calibration import place
from isthmus.tasks.anomaly.controls import Floats, every_control
from isthmus.tasks.anomaly.detector import AnomalyDetector
from isthmus.tasks.anomaly.digests import digests
from isthmus.tasks.anomaly.few_labels.detector import FewLabelDetector
from isthmus.tasks.anomaly.images.detector import ImageDetector
from isthmus.tasks.anomaly.splits import dealt, groups_of

Judge: TypeAlias = AnomalyDetector | FewLabelDetector | ImageDetector

SHARES = (0.8, 0.2)  # of the normal rows: to learn from, and to set a threshold
MOST = 20_000  # normal rows that the controls get; an even sample of more


class Judged(NamedTuple):
    """One method's scores of the rows, (n,), and the threshold that its own calibration rows set."""

    scores: Floats
    threshold: float


class Rivals(NamedTuple):
    """The controls beside a detector.

    Args:
        methods: Each control by its name.
        seen: (n,) True for rows that equal one of the normal rows that were learnt from.
    """

    methods: dict[str, Judged]
    seen: NDArray[np.bool_]


def rivals(detector: Judge, X_normal: Any, X: Any, seed: int = 0) -> Rivals:
    """Let the controls learn from normal rows what the detector did, and score the same rows.

    They see what the model sees: scaled numbers, categories as one column each, 0 where a cell is missing. Four fifths
    of the normal rows are learnt from, one fifth sets each threshold at the detector's budget; equal rows never part.

    Args:
        detector: Fitted; its budget and the width of its code are the controls' as well.
        X_normal: The rows that the detector was fitted on, in memory.
        X: Rows to judge, in memory.
        seed: Of the dealing.

    Raises:
        TooFewRowsError: the normal rows are all alike.
    """
    model = detector.model_
    normal, rows = read(model, X_normal), read(model, X)
    kept = np.unique(np.linspace(0, len(normal) - 1, min(len(normal), MOST)).round().astype(np.int64))
    learns = dealt(groups_of(normal)[kept], SHARES, seed) == 0
    if learns.all() or not learns.any():
        came = f"X_normal with n_samples={len(normal)}, all alike or one alone"
        allowed = "controls learn from some of the normal rows, and others set their thresholds"
        raise TooFewRowsError(came, allowed, "give the rows that the detector was fitted on")
    known, judged = numbers(normal)[kept], numbers(rows)
    methods = {}
    for name, score in every_control(known[learns], model.latent_dim_).items():
        own = np.sort(score(known[~learns]))
        methods[name] = Judged(score(judged), float(own[place(detector.promise_.alpha, len(own)) - 1]))
    return Rivals(methods, np.isin(digests(rows), digests(normal)))


def numbers(source: Source) -> Floats:
    """Rows as plain numbers, (n, D): what a flat encoder would be given, without flags for gaps."""
    x = source.block(0, len(source)).flatten(1)
    return np.asarray((Entry(source.spec, flags=False)(x) if source.spec.columns else x).double().numpy())
