"""What a watch says of a window that differs, and the reason that a person may have given beforehand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from isthmus.errors import InputError
from isthmus.tasks.drift.history import Window


class Cause(NamedTuple):
    """What a person knows of a stretch of time: a release, a holiday, a sensor that was changed.

    Args:
        first: When it began.
        last: When it ended.
        text: What happened.
    """

    first: Any
    last: Any
    text: str


@dataclass(frozen=True)
class Alert:
    """One stream of one window that differs from quiet time by more than chance.

    Args:
        kind: "scores", "alarms", "inputs" or "threshold".
        stream: Which of them.
        first: When the window begins.
        last: When it ends.
        size: How far it is.
        limit: Beyond which an alert is raised.
        note: What else was seen.
        cause: What a person has recorded for that time; such an alert is written down, and calls nobody.
    """

    kind: str
    stream: str
    first: str
    last: str
    size: float
    limit: float
    note: str = ""
    cause: str = ""

    @property
    def raised(self) -> bool:
        """Whether it calls somebody."""
        return not self.cause

    @property
    def name(self) -> str:
        """The same for the same finding, so that nobody is called twice for it."""
        return hashlib.sha256(f"{self.kind}\n{self.stream}\n{self.first}".encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Its fields, its name, and whether it calls somebody."""
        return {"name": self.name, **asdict(self), "raised": self.raised}

    def __str__(self) -> str:
        """In words."""
        said = f"{self.first}: {self.kind}, {self.stream}: {self.size:.3g} is beyond {self.limit:.3g}"
        said += f" ({self.note})" if self.note else ""
        return f"{said}; known: {self.cause}" if self.cause else said


def explained(alert: Alert, window: Window, causes: Sequence[Cause]) -> Alert:
    """The alert with the causes that a person recorded for a time that its window touches."""
    known = [cause.text for cause in causes if cause.first < window.last and cause.last >= window.first]
    return replace(alert, cause="; ".join(known)) if known else alert


def causes_in(columns: dict[str, Any], timed: bool = True) -> list[Cause]:
    """Causes from a table with the columns first, last and cause.

    Args:
        columns: {name: column}.
        timed: Whether first and last are datetimes; else they are numbers of rows.

    Raises:
        InputError: another table.

    Example:
        >>> causes_in({"first": ["2026-03-02"], "last": ["2026-03-03"], "cause": ["new firmware"]})[0].text
        'new firmware'
    """
    if not {"first", "last", "cause"} <= set(columns):
        allowed = "each row says from when to when, and why: first, last, cause"
        raise InputError(f"causes with the columns {', '.join(columns)}", allowed, "name them so")
    ends = [np.asarray(columns[name]).astype("datetime64[us]" if timed else np.int64) for name in ("first", "last")]
    return [Cause(*row) for row in zip(*ends, map(str, columns["cause"]), strict=True)]


def lines(alerts: Sequence[Alert]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(alert.to_json(), ensure_ascii=False) + "\n" for alert in alerts)
