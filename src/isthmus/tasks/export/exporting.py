"""`export`: a fitted detector or model as files that other runtimes read, proved on rows before anyone uses it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.errors import InputError, ModelFileError, UnknownNameError
from isthmus.tasks.export import layouts, row_scorer
from isthmus.tasks.export.graphs import set_threshold, traced
from isthmus.tasks.export.loading import graph_runner, scorer_runner
from isthmus.tasks.export.parity import Parity, Replay, parted, write_proof
from isthmus.tasks.export.subjects import Subject, subject_of
from isthmus.tasks.export.weights import row_weights

FORMATS = ("kserve", "numpy", "onnx", "triton")
SCORER = "scorer.py"  # the copy of `row_scorer` beside its weights


def export(model: Any, path: str | Path, X: Any = None, *, format: str = "onnx") -> Path:
    """Write a fitted detector or model as files that other runtimes read, with the proof that they answer alike.

    Rows are replayed on the original and on what was written: X, and rows made up of its cells. `parity.json` beside
    the files says how many rows there were, by how much any answer differs, how many verdicts flipped, and with which
    digests and versions that was found. Nothing is written where a verdict flips. No row is kept.

    A detector's graph answers `anomaly_score`, `p_value` and `is_anomaly`, a model's `code`, `reconstruction` and
    `anomaly_score`, all of the caller's own numbers: scaling and missing cells are part of it. Training rows are
    scored as if they were new, though a detector fitted on few rows remembers what such had before it learnt them.

    Args:
        model: An `AnomalyDetector`, an `ImageDetector` or a member of the family, of numbers or images.
        path: A new folder. What servers call the model is its name.
        X: Rows to replay, best those that calibrated; None takes training rows that the detector keeps.
        format: "onnx" is one graph; "triton" a model of Triton's repository; "kserve" a repository with the
            description of a service; "numpy" weights and a scorer of single rows that need NumPy alone, for detectors
            whose networks are dense.

    Returns:
        The folder.

    Raises:
        NotFittedError: there was no fit.
        AbilityError: a part cannot be exported; the message says which.
        ParityError: what was written answers otherwise than the original.
        ModelFileError: the path is taken.
        InputError: X cannot be read, or there are no rows to replay.
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.

    Example:
        >>> import tempfile
        >>> from sklearn.datasets import load_breast_cancer
        >>> from isthmus import AnomalyDetector, Autoencoder, load_exported
        >>> X = load_breast_cancer().data
        >>> detector = AnomalyDetector(Autoencoder(epochs=2), score="distortion", members=1, random_state=0).fit(X)
        >>> folder = export(detector, tempfile.mkdtemp() + "/cells", X, format="numpy")
        >>> bool((load_exported(folder).predict(X) == detector.predict(X)).all())
        True
    """
    if format not in FORMATS:
        raise UnknownNameError.among("format", format, FORMATS)
    folder = _new(path)
    subject = subject_of(model)
    rows = subject.kept if X is None else X
    if rows is None:
        allowed = f"this {subject.name} keeps no rows that both could be asked about"
        raise InputError("no rows to replay", allowed, "give rows, best those that calibrated: export(model, path, X)")
    replay = Replay.of(subject, rows)
    part = folder.with_name(f".{folder.name}-part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _written(subject, replay, part, folder.name, format)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _new(path: str | Path) -> Path:
    """The folder that is to be made, whose name a server can take.

    Raises:
        ModelFileError: something is there.
        ParameterError: it has no such name.
    """
    folder = Path(path)
    layouts.check_name(folder.name)
    if folder.exists():
        raise ModelFileError(f"path={str(path)!r}, which is there", "an export overwrites nothing", "name a new folder")
    return folder


def _written(subject: Subject, replay: Replay, part: Path, name: str, format: str) -> None:
    """Write all files, and the proof last."""
    if format == "numpy":
        model = _write_scorer(subject, replay, part)
        run = scorer_runner(row_scorer.read(part))
    else:
        write: Callable[..., str] = {"triton": layouts.write_triton, "kserve": layouts.write_kserve}.get(format, _plain)
        model = write(part, name, _graph(subject, replay))
        run = graph_runner((part / model).read_bytes())
    parity = Parity.of(subject, replay, run)  # of the files as they were written
    parity.check()
    columns, row = [column.name for column in subject.spec.columns], list(replay.rows.shape[1:])
    write_proof(part, subject, parity, model, columns, row)


def _graph(subject: Subject, replay: Replay) -> Any:
    """The graph with the threshold that suits its own scores."""
    model = traced(subject, replay.rows)
    if subject.threshold is not None:
        scores = graph_runner(model.SerializeToString())(replay.rows)["anomaly_score"]
        set_threshold(model, parted(subject.threshold, scores, replay.expected["is_anomaly"]))
    return model


def _plain(folder: Path, name: str, model: Any) -> str:
    """The graph alone."""
    (folder / layouts.GRAPH).write_bytes(model.SerializeToString())
    return layouts.GRAPH


def _write_scorer(subject: Subject, replay: Replay, part: Path) -> str:
    """Write weights, plan and scorer, with the threshold that suits its own scores; returns the weights' file."""
    plan, arrays = row_weights(subject)
    scores = scorer_runner(row_scorer.Scorer(plan, arrays))(replay.rows)["anomaly_score"]
    plan["threshold"] = parted(plan["threshold"], scores, replay.expected["is_anomaly"])
    named: dict[str, Any] = {**arrays}
    np.savez(part / row_scorer.WEIGHTS, allow_pickle=False, **named)
    (part / row_scorer.PLAN).write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(row_scorer.__file__, part / SCORER)
    return row_scorer.WEIGHTS
