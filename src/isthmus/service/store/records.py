"""What is written into the store: scorings and verdicts, as they come from those who score and those who judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import UnknownNameError

Floats: TypeAlias = NDArray[np.float64]
Judgement = Literal["false_alarm", "confirmed"]
PACKED = np.dtype("<f8")  # how scores lie in a scoring


@dataclass(frozen=True)
class Once:
    """A request that its sender may repeat without doing it twice.

    Args:
        key: The sender's name for it.
        digest: Of what it asks for: another one under the same key is refused.
        answer: What it is told, as JSON text.
    """

    key: str
    digest: str
    answer: str


@dataclass(frozen=True, eq=False)
class Scoring:
    """One request's scores.

    Args:
        request: A name that no other request has.
        threshold_id: What the scores were judged by, which says the model and its version as well.
        scored_at: When.
        scores: (n,), higher = more anomalous.
        p_values: (n,).
        alarms: Positions of the rows that raised an alarm, rising.
        data: The rows, one JSON value each, as far as they are kept: {position: row}.
        sampled: Whether it belongs to the sample that is kept; else only its alarms were a reason to keep it.
        once: Where the sender may repeat it.
    """

    request: str
    threshold_id: int
    scored_at: datetime
    scores: Floats
    p_values: Floats
    alarms: NDArray[np.int64]
    data: dict[int, Any]
    sampled: bool = True
    once: Once | None = None


@dataclass(frozen=True)
class Verdict:
    """What a person says of a score.

    Args:
        name: A name that no other one has.
        score_id: Which score is meant.
        verdict: Whether it was an alarm without a cause, or an anomaly.
        given_by: Who says so.
        why: In his words.
        given_at: When.
        once: Where the sender may repeat it.
    """

    name: str
    score_id: str
    verdict: Judgement
    given_by: str
    why: str
    given_at: datetime
    once: Once | None = None


@dataclass(frozen=True)
class Finding:
    """What a watch says of one stream.

    Args:
        kind: What was looked at: "inputs", "scores", "alarms", "threshold".
        value: How far it is from quiet time.
        is_drift: Whether that is more than chance.
        column: The stream.
        limit: What the value was held against.
        facts: JSON values beside it.
    """

    kind: str
    value: float
    is_drift: bool
    column: str | None = None
    limit: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


Record: TypeAlias = Scoring | Verdict


def score_id(request: str, row: int) -> str:
    """The name of one row's score.

    Example:
        >>> score_id("a1b2", 7), place("a1b2-7")
        ('a1b2-7', ('a1b2', 7))
    """
    return f"{request}-{row}"


def place(name: str) -> tuple[str, int]:
    """The request and the position in it that a score's name says.

    Raises:
        UnknownNameError: it is no such name.
    """
    request, _, row = name.rpartition("-")
    if not request or not (row.isascii() and row.isdigit() and len(row) < 10):
        raise unknown(name)
    return request, int(row)


def unknown(name: str) -> UnknownNameError:
    """The error for a score that the store does not hold."""
    allowed = "no score that is kept has this name: it was never given, has been forgotten, or was not in the sample"
    return UnknownNameError(f"score_id={name[:80]!r}", allowed, "use the score_id of an answer, as it came")


def packed(numbers: Floats) -> bytes:
    """Numbers as the store keeps them.

    Example:
        >>> unpacked(packed(np.array([1.0, 2.5])))
        array([1. , 2.5])
    """
    return np.ascontiguousarray(numbers, PACKED).tobytes()


def unpacked(content: bytes) -> Floats:
    """The numbers that `packed` laid down, (n,)."""
    return np.frombuffer(content, PACKED).astype(np.float64)
