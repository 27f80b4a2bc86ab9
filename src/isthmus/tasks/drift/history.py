"""Scored rows in the order of time, with what is known of them, and the windows that they fall into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.data.columns import kind_of, numbers
from isthmus.errors import InputError, InputTypeError, ParameterError, UnknownNameError
from isthmus.estimator.containers import opened
from isthmus.tasks.anomaly.spans import HOURS
from isthmus.tasks.drift.bins import Floats

Times: TypeAlias = NDArray[np.datetime64]
Words: TypeAlias = NDArray[np.object_]
CONFIRMED, FALSE_ALARM = "confirmed", "false_alarm"
VERDICTS = (CONFIRMED, FALSE_ALARM)


class Window(NamedTuple):
    """Rows of a stretch of time.

    Args:
        first: When it begins, or the number of its first row.
        last: When it ends, or the number behind its last row.
        start: Its first row.
        stop: The row behind its last.
    """

    first: Any
    last: Any
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.stop - self.start

    @property
    def name(self) -> str:
        """When it begins, in words."""
        return str(self.first).removesuffix("T00:00:00.000000").removesuffix(":00.000000")


@dataclass(frozen=True, eq=False)
class History:
    """Rows as they came and were scored, in the order of time.

    Args:
        scores: (n,), higher = more anomalous.
        time: (n,) datetimes, rising; None where only the order is known.
        columns: {name: (n,) floats or words} of what came in.
        lost: (n,) what the model lost of each row, if that is known beside the score.
        members: {name: (n,) scores of that member alone}.
        verdicts: (n,) "confirmed", "false_alarm", or "" where nobody has looked.
        learnt: (n,) whether the detector learnt from the row, if that is known.

    Example:
        >>> history = History.of({"score": [3.0, 1.0]}, scores="score", time=["2026-01-02", "2026-01-01"])
        >>> history.scores
        array([1., 3.])
    """

    scores: Floats
    time: Times | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    lost: Floats | None = None
    members: Mapping[str, Floats] = field(default_factory=dict)
    verdicts: Words | None = None
    learnt: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls, rows: Any, *, scores: Any, time: ArrayLike | None = None, verdicts: Any = None, **known: Any
    ) -> History:
        """A history of rows in any order.

        Args:
            rows: A frame, {name: column} or an array; what came in.
            scores: (n,) or the name of their column.
            time: (n,) or the name of its column; None where rows stand in their order.
            verdicts: (n,) or the name of their column; None where nobody has looked.
            **known: `lost`, `members` and `learnt`.

        Raises:
            InputError: lengths that differ, or a score that is missing.
            InputTypeError: times that are no datetimes.
            UnknownNameError: a column that is not there, or another verdict.
        """
        columns = columns_of(rows)
        taken = [
            _taken(columns, name, column)
            for name, column in (("scores", scores), ("time", time), ("verdicts", verdicts))
        ]
        found, times, told = np.asarray(taken[0], dtype=np.float64), _times(taken[1]), _verdicts(taken[2])
        for name, column in (("time", times), ("verdicts", told), *columns.items()):
            if column is not None and len(column) != len(found):
                raise InputError(
                    f"{name} of {len(column)} rows", f"there are {len(found)} scores", "give both for all rows"
                )
        if not np.isfinite(found).all():
            came = f"{int((~np.isfinite(found)).sum())} scores that are no numbers"
            raise InputError(came, "every row of a history has its score", "score the rows again")
        made = cls(found, times, columns, verdicts=told, **known)
        return made if times is None else made.taken(np.argsort(times, kind="stable"))

    def taken(self, rows: Any) -> History:
        """Some of the rows, in the order given."""

        def some(column: Any) -> Any:
            return None if column is None else column[rows]

        return replace(
            self,
            scores=self.scores[rows],
            time=some(self.time),
            columns={name: column[rows] for name, column in self.columns.items()},
            lost=some(self.lost),
            members={name: column[rows] for name, column in self.members.items()},
            verdicts=some(self.verdicts),
            learnt=some(self.learnt),
        )

    def within(self, window: Window) -> History:
        """The rows of a window."""
        return self.taken(slice(window.start, window.stop))

    def windows(self, span: str | int) -> list[Window]:
        """All windows, from the first row on, the last one whole or not.

        Args:
            span: "hour", "day", "week", "month" (30 days), or how many rows.

        Raises:
            ParameterError: a span of time where there is none, or no row in a window.
            UnknownNameError: another name.
        """
        n = len(self.scores)
        if isinstance(span, int):
            if span < 1:
                raise ParameterError(f"window={span}", "a window has one row at least", "use window=1000 or 'week'")
            return [Window(start, min(start + span, n), start, min(start + span, n)) for start in range(0, n, span)]
        if span not in HOURS:
            raise UnknownNameError.among("window", span, HOURS)
        if self.time is None:
            allowed = "a span of time asks when each row was taken"
            raise ParameterError(f"window={span!r} without time=", allowed, "give the time, or window=1000 for rows")
        length = np.timedelta64(HOURS[span], "h")
        begin = self.time[0].astype("datetime64[h]" if span == "hour" else "datetime64[D]").astype("datetime64[us]")
        count = int((self.time[-1] - begin) // length) + 1
        ends = begin + length * np.arange(count + 1)
        places = np.searchsorted(self.time, ends, side="left")
        return [Window(ends[k], ends[k + 1], int(places[k]), int(places[k + 1])) for k in range(count)]


def columns_of(rows: Any) -> dict[str, Any]:
    """Every column that can be compared, by name: numbers as floats with NaN, anything else as words with None."""
    if isinstance(rows, Mapping):
        return {str(name): np.asarray(column) for name, column in rows.items()}
    if rows is None:
        return {}
    read = opened(rows)
    if not isinstance(read, nw.DataFrame):
        flat = np.asarray(read, dtype=np.float64).reshape(len(read), -1)
        return {f"x{place}": flat[:, place] for place in range(flat.shape[1])}
    return {series.name: _column(series) for series in read.iter_columns()}


def _column(series: Any) -> Any:
    """One column of a frame."""
    kind = kind_of(series)
    if kind in ("numeric", "datetime"):
        values = numbers(series, kind)
        return (values * 1e6).astype("datetime64[us]") if kind == "datetime" else values
    return np.array([None if word is None or word != word else str(word) for word in series.to_list()], dtype=object)


def _taken(columns: dict[str, Any], argument: str, column: Any) -> Any:
    """A column that is named, out of the others, or given as it is."""
    if not isinstance(column, str):
        return column
    if column not in columns:
        raise UnknownNameError.among(argument, column, columns)
    return columns.pop(column)


def _times(time: Any) -> Times | None:
    """Datetimes in microseconds."""
    if time is None:
        return None
    given = np.asarray(time)
    try:
        if given.dtype.kind in "MUO":
            return given.astype("datetime64[us]")
    except (TypeError, ValueError):
        pass
    allowed = "windows of time are measured in hours, and only datetimes say how long one is"
    raise InputTypeError(f"time of type {given.dtype}", allowed, "convert it: numpy.asarray(seconds, 'datetime64[s]')")


def _verdicts(told: Any) -> Words | None:
    """What people said, "" where nobody did."""
    if told is None:
        return None
    words = np.array(
        ["" if word is None or word != word else str(word) for word in np.asarray(told, dtype=object)], dtype=object
    )
    for word in set(words.tolist()) - {"", *VERDICTS}:
        raise UnknownNameError.among("verdict", word, VERDICTS)
    return words
