"""The proof that an exported model answers as the original: rows replayed on both, and what came out."""

from __future__ import annotations

import hashlib
import json
import platform
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

import isthmus
from isthmus.data.arrays import Tagged
from isthmus.data.streams import Stream
from isthmus.errors import InputError, ParityError
from isthmus.estimator.containers import opened
from isthmus.tasks.export.row_scorer import PROOF
from isthmus.tasks.export.subjects import Answers, Subject

Run: TypeAlias = Callable[[NDArray[Any]], Answers]
FORMAT = 1
MADE_UP = 1000  # rows whose cells come from different rows, at the most: strange ones, in the domain of every column
ALONE = 16  # rows that are asked for one by one as well


@dataclass(frozen=True, eq=False)
class Replay:
    """Rows beside what the original answers to them.

    Args:
        rows: As one array of numbers, (n, ...).
        expected: The original's answers, (n, ...) each.
        given: How many of the rows came from the caller; cells of these make up the others.
    """

    rows: NDArray[Any]
    expected: Answers
    given: int

    @classmethod
    def of(cls, subject: Subject, X: Any) -> Replay:
        """Ask the original about the caller's rows, and about rows made up of their cells."""
        own, tag = _array(X)
        cells = own[:MADE_UP].reshape(min(len(own), MADE_UP), -1)
        made_up = np.random.default_rng(0).permuted(cells, axis=0).reshape(-1, *own.shape[1:])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names that a frame had and its numbers have not
            answers = subject.answers(X), subject.answers(tag(made_up))
        expected = {name: np.concatenate([each[name] for each in answers]) for name in answers[0]}
        return cls(np.concatenate([own, made_up]).astype(subject.dtype), expected, len(own))


@dataclass(frozen=True)
class Parity:
    """What a replay showed.

    Args:
        rows: {"given", "made_up"}: how many were replayed.
        alarms: How many of them the original raises an alarm for.
        flipped: How many verdicts differ.
        largest_difference: Of any answer, as a share of the unit it is counted in plus its size.
        differences: The same by answer.
        allowed: The largest that is allowed.
        threshold: {"model", "exported"}: that of the original, and the one under which no verdict flips.
    """

    rows: dict[str, int]
    alarms: int
    flipped: int
    largest_difference: float
    differences: dict[str, float]
    allowed: float
    threshold: dict[str, float] | None

    @classmethod
    def of(cls, subject: Subject, replay: Replay, run: Run) -> Parity:
        """Ask the exported model the same."""
        found = run(replay.rows)
        few = [run(row[None]) for row in replay.rows[:ALONE]]
        alone = {name: np.concatenate([each[name] for each in few]) for name in found}
        differences: dict[str, float] = {}
        threshold: dict[str, float] | None = None
        flipped = alarms = 0
        for name, unit in _units(subject).items():
            expected = replay.expected[name]
            both = ((found[name], expected), (alone[name], expected[:ALONE]))
            differences[name] = max(apart(one, other, unit) for one, other in both)
        if subject.threshold is not None:
            verdicts, scores = replay.expected["is_anomaly"], found["anomaly_score"]
            moved = parted(subject.threshold, scores, verdicts)
            threshold = {"model": subject.threshold, "exported": moved}
            flipped, alarms = int((found["is_anomaly"] != verdicts).sum()), int(verdicts.sum())
            flipped += int((alone["is_anomaly"] != verdicts[:ALONE]).sum())
        rows = {"given": replay.given, "made_up": len(replay.rows) - replay.given}
        worst = max(differences.values())
        return cls(rows, alarms, flipped, worst, differences, subject.allowed, threshold)

    def check(self) -> None:
        """Refuse an export that answers otherwise than the original.

        Raises:
            ParityError: verdicts flipped, or an answer is off by more than is allowed.
        """
        if self.flipped or not self.largest_difference <= self.allowed:
            came = f"an export with {self.flipped} flipped verdicts and answers off by {self.largest_difference:.3g}"
            allowed = f"no verdict may flip, and answers may differ by {self.allowed:g} of their size"
            raise ParityError(came, allowed, "use another format, or serve the model itself: isthmus serve")


def _units(subject: Subject) -> dict[str, Any]:
    """The answers that are compared, and what their differences are counted in."""
    if subject.threshold is not None:
        return {"anomaly_score": 1.0}
    is_table = subject.spec.kind == "table"
    return {
        "anomaly_score": 1.0,
        "code": 1.0,
        "reconstruction": subject.spec.scale.numpy() if is_table else subject.spec.factor,
    }


def apart(found: NDArray[Any], expected: NDArray[Any], unit: Any = 1.0) -> float:
    """The largest difference as a share of unit + size; infinite where one is no number and the other is.

    Example:
        >>> apart(np.array([1.0, 3.5]), np.array([1.0, 3.0]))
        0.125
    """
    with np.errstate(invalid="ignore"):
        off = np.abs(found - expected) / (unit + np.abs(expected))
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return float(np.nan_to_num(np.where(same, 0.0, off), nan=np.inf).max(initial=0.0))


def parted(threshold: float, scores: NDArray[np.float64], alarms: NDArray[np.bool_]) -> float:
    """The threshold that gives the scores of an exported model the verdicts of the original.

    A detector's threshold is the score of one of its calibration rows. Where that row's score is larger by a last bit
    it would raise an alarm that it never raised, so the threshold is that row's own score by the exported model: what
    the original promises of its threshold then holds of this one in the same way.

    Args:
        threshold: The original's.
        scores: Of the exported model, (n,).
        alarms: The original's verdicts, (n,).

    Example:
        >>> parted(2.0, np.array([1.0, 2.1, 5.0]), np.array([False, False, True]))
        2.1
    """
    below = float(scores[~alarms].max(initial=-np.inf))
    above = float(scores[alarms].min(initial=np.inf))
    if below >= above or below <= threshold < above:
        return threshold
    return below if below > threshold else float(np.nextafter(above, -np.inf))


def _array(X: Any) -> tuple[NDArray[Any], Callable[[Any], Any]]:
    """The caller's rows as one array, (n, ...), and what says again what kind of array it is.

    Raises:
        InputError: no rows, or such as would not fit in memory.
    """
    rows = opened(X)
    if isinstance(rows, Stream):
        came = "rows that would not fit in memory"
        raise InputError(came, "they are replayed as a whole on both models", "give those that calibrated, or a sample")
    tag: Callable[[Any], Any] = type(rows) if isinstance(rows, Tagged) else np.asarray
    if isinstance(rows, Tagged):
        rows = rows.array
    if isinstance(rows, nw.DataFrame):
        rows = rows.to_numpy()
    cells = np.asarray(rows.toarray() if scipy.sparse.issparse(rows) else rows)
    if len(cells) == 0:
        raise InputError("no rows to replay", "a proof rests on rows that both models have scored", "give some")
    return cells, tag


def write_proof(folder: Path, subject: Subject, parity: Parity, model: str, columns: list[str], row: list[int]) -> None:
    """Write the proof beside the files that it speaks of.

    Args:
        folder: Of the files.
        subject: What was exported.
        parity: What the replay showed.
        model: The file that answers, by its path in the folder.
        columns: The columns' names.
        row: The shape of one row.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    digests = {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    libraries = ("torch", "numpy", "onnx", "onnxscript", "onnxruntime")
    proof = {
        "format": FORMAT,
        "exported": subject.name,
        "model": model,
        "dtype": subject.dtype,
        "row": row,
        "columns": columns,
        "gaps": [column.gaps for column in subject.spec.columns],
        **asdict(parity),
        "sha256": {"original": digest_of(subject.saved), "files": digests},
        "versions": {
            "isthmus": isthmus.__version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in libraries},
        },
        "machine": platform.machine(),
    }
    (folder / PROOF).write_text(json.dumps(proof, indent=1) + "\n", encoding="utf-8")


def digest_of(model: Any) -> str:
    """SHA-256 of the tensors that `save` writes: the `tensors_sha256` of a saved model's config.json."""
    from safetensors.torch import save

    _, tensors = model.to_saved()
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return hashlib.sha256(content).hexdigest()


def _version(library: str) -> str | None:
    """Of a library, where it is installed."""
    try:
        return version(library)
    except ImportError:
        return None
