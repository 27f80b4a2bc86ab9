"""A detector as it is served: under a name, a version that its bytes give it, and the threshold it was saved with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

import isthmus
from isthmus.errors import AbilityError, IsthmusError, UsageError
from isthmus.estimator.persistence import CONFIG
from isthmus.service.rows import RowReader
from isthmus.service.store.records import Floats
from isthmus.service.store.store import Store
from isthmus.tasks.anomaly.calibration import p_values
from isthmus.tasks.learning.versions import Versions

Reasons = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Question:
    """Rows to be judged.

    Args:
        rows: As the detector reads them.
        n: How many.
        explain: Columns to name for each row; 0 for none.
    """

    rows: Any
    n: int
    explain: int = 0


@dataclass(frozen=True, eq=False)
class Judged:
    """What a detector says of rows.

    Args:
        scores: (n,), higher = more anomalous; NaN where a series says nothing of a point.
        p_values: (n,).
        is_anomaly: (n,).
        reasons: For each row the columns behind its score, where they were asked for.
    """

    scores: Floats
    p_values: Floats
    is_anomaly: NDArray[np.bool_]
    reasons: list[Reasons] | None = None


@dataclass(eq=False)
class Served:
    """A detector behind the service.

    Args:
        detector: Fitted.
        name: What it is called.
        version: What tells its bytes from those of others.
        release: Its number in a folder of versions; "" where it lies alone.
        threshold_id: The number of its threshold in the store.
    """

    detector: Any
    name: str
    version: str
    release: str = ""
    threshold_id: int = 0
    reader: RowReader = field(init=False)

    def __post_init__(self) -> None:
        detector = self.detector
        if hasattr(detector, "channels_"):
            told = (detector.entity, detector.time)
            self.reader = RowReader(None, [*filter(None, told), *map(str, detector.channels_.names)])
        else:
            self.reader = RowReader(detector.model_.spec_)

    @classmethod
    def open(cls, folder: str, name: str = "", device: str = "cpu") -> Self:
        """The detector in a folder, or the one that serves in a folder of versions.

        Args:
            folder: What `save` wrote, or `Versions` keeps.
            name: What it is called; "" is the folder's name.
            device: Where it works.

        Raises:
            UsageError: it is no detector.
            ModelFileError: it cannot be read.
            UnknownNameError: the version that should serve is not there.
        """
        place, release = serving(folder)
        detector = isthmus.load(place, device)
        if not hasattr(detector, "threshold_"):
            came = f"{folder}, which holds a {type(detector).__name__}"
            fix = "put a detector around it: isthmus detect fit"
            raise UsageError(came, "what is served has a threshold, and this has none", fix)
        version = hashlib.sha256((place / CONFIG).read_bytes()).hexdigest()[:12]
        return cls(detector, name or Path(folder).resolve().name, version, release)

    def register(self, store: Store) -> None:
        """Take the number that the store has for the threshold."""
        promise = self.detector.promise_.to_json()
        kind, value = type(self.detector).__name__, float(self.detector.threshold_)
        why = "saved with the detector"
        self.threshold_id = store.register(self.name, self.version, kind, value, promise, by="isthmus serve", why=why)

    @cached_property
    def are_independent(self) -> bool:
        """Whether a row's score does not ask for the rows beside it, so that several requests make one batch."""
        return not hasattr(self.detector, "episodes")

    def judge_all(self, questions: list[Question]) -> list[Judged | Exception]:
        """Judge the rows of several requests: in one batch where they can be put together, else one by one.

        A row's score has the same bits whatever rows stand beside it, so both give the same answers.
        """
        together = [one for one in questions if self._joins(one, questions[0])]
        if len(together) > 1:
            try:
                return self._in_one(questions, together)
            except IsthmusError:  # one of them holds what cannot be used; alone it is refused alone
                pass
        return [self._alone(question) for question in questions]

    def judge(self, question: Question) -> Judged:
        """Judge the rows of one request.

        Raises:
            IsthmusError: they cannot be used.
        """
        scores = self.detector.anomaly_score(question.rows)
        return self._judged(question, scores)

    def _joins(self, one: Question, first: Question) -> bool:
        """Whether rows can stand in one array with those of the first request."""
        arrays = isinstance(one.rows, np.ndarray) and isinstance(first.rows, np.ndarray)
        return arrays and self.are_independent and one.rows.dtype == first.rows.dtype

    def _in_one(self, questions: list[Question], together: list[Question]) -> list[Judged | Exception]:
        """One pass for those that stand together; the others one by one."""
        scores = self.detector.anomaly_score(np.concatenate([one.rows for one in together]))
        parts = iter(np.split(scores, np.cumsum([one.n for one in together])[:-1]))
        joined = set(map(id, together))
        return [self._settled(one, next(parts)) if id(one) in joined else self._alone(one) for one in questions]

    def _alone(self, question: Question) -> Judged | Exception:
        try:
            return self.judge(question)
        except Exception as fault:  # it is the answer of this request, and no other's
            return fault

    def _settled(self, question: Question, scores: Floats) -> Judged | Exception:
        try:
            return self._judged(question, scores)
        except Exception as fault:
            return fault

    def _judged(self, question: Question, scores: Floats) -> Judged:
        """What follows from scores."""
        reasons = self._reasons(question) if question.explain else None
        return Judged(scores, self._p_values(question, scores), scores > self.detector.threshold_, reasons)

    def _p_values(self, question: Question, scores: Floats) -> Floats:
        """What the scores are worth, without scoring again where the detector needs no more than they."""
        detector = self.detector
        calibration = getattr(detector, "calibration_scores_", None)
        if calibration is None:
            least = 1 / (detector.promise_.n + 1)
            return np.nan_to_num(np.asarray(detector.p_value(question.rows), dtype=np.float64), nan=least)
        told = getattr(detector.promise_, "p_values", p_values)
        return np.asarray(told(scores, calibration), dtype=np.float64)

    def _reasons(self, question: Question) -> list[Reasons]:
        """The columns behind each row's score.

        Raises:
            AbilityError: the detector gives none for single rows.
        """
        able = self.detector.abilities().get("explain", "it has no such verb") if self.are_independent else "a series"
        if able is not True:
            came = f"explain={question.explain}"
            raise AbilityError(
                came, f"a {type(self.detector).__name__} explains no single rows: {able}", "leave it out"
            )
        found: list[Reasons] = [[] for _ in range(question.n)]
        for reason in self.detector.explain(question.rows, most=question.explain):
            told = reason._asdict()
            found[told.pop("row")].append({name: _plain(value) for name, value in told.items()})
        return found


def serving(folder: str) -> tuple[Path, str]:
    """Where the detector of a folder lies, and its number where that holds versions; "" where it lies there itself.

    Raises:
        UnknownNameError: the version that should serve is not there.
    """
    versions = Versions(Path(folder))
    current = versions.current
    return (versions.path, "") if current is None else (versions.folder(current), current)


def _plain(value: Any) -> Any:
    """A JSON value; NaN is null there, and a moment is text."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return None if value != value else value
