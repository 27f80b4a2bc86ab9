"""Members that learnt from other stretches of time: the last hour, day, week or month of the training rows."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.core.source import Source
from isthmus.data.memory import TensorSource
from isthmus.errors import InputTypeError, ParameterError, TooFewRowsError, UnknownNameError
from isthmus.estimator.defaults import whole
from isthmus.tasks.anomaly.splits import column_of

HOURS = {"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24}
FEWEST = 20  # rows of a span, so that a spread can be seen
Spans: TypeAlias = tuple[str | None, ...]
Times: TypeAlias = NDArray[np.datetime64]


def spans_of(members: Any) -> Spans:
    """The span that each member learns from, None for all rows.

    Args:
        members: How many there are, or one entry for each: the name of a span, or how many learn from all rows.

    Raises:
        UnknownNameError: a name that is no span's.
        ParameterError: anything else, or nobody.

    Example:
        >>> spans_of(2), spans_of((1, "week", "day"))
        ((None, None), (None, 'week', 'day'))
    """
    if not isinstance(members, (list, tuple)):
        whole("members", members)
        return (None,) * int(members)
    if not members:
        allowed = "somebody has to judge: a number, or names of spans"
        raise ParameterError(f"members={members!r}", allowed, "use members=2 or members=('day', 'week', 'month')")
    return tuple(span for one in members for span in _spans_of_one(one))


def _spans_of_one(entry: Any) -> Spans:
    """What one entry of `members` asks for."""
    if not isinstance(entry, str):
        return spans_of(entry)
    if entry not in HOURS:
        raise UnknownNameError.among("members", entry, HOURS)
    return (entry,)


def times_of(time: ArrayLike | None, spans: Spans) -> Times:
    """When each row was taken, so that spans can be measured, (n,).

    Args:
        time: (n,) datetimes, or text that says them.
        spans: What they are asked for, for the message.

    Raises:
        ParameterError: there are none.
        InputTypeError: they are no datetimes: a number does not say how long a day is.

    Example:
        >>> times_of(["2026-01-01", "2026-01-02T12:00"], ("day",)).dtype
        dtype('<M8[us]')
    """
    asked = f"members={tuple(span for span in spans if span)!r}"
    if time is None:
        allowed = "a member that learns from the last day asks when each row was taken"
        raise ParameterError(f"{asked} without time=", allowed, "give it: fit(X, time=frame['taken_at'])")
    given = np.asarray(time)
    try:
        dates = given.astype("datetime64[us]") if given.dtype.kind in "MUO" else None
    except (TypeError, ValueError):
        dates = None
    if dates is None:
        allowed = "spans are measured in hours, and only datetimes say how long one is"
        fix = "convert it: numpy.asarray(seconds, 'datetime64[s]'), or use members=2"
        raise InputTypeError(f"{asked} and time of type {given.dtype}", allowed, fix)
    return dates


def shares(source: Source, X: Any, time: Times, spans: Spans) -> list[Any]:
    """The rows that each member learns from, read as all rows are: with one scaling and one vocabulary.

    Args:
        source: The training rows, as a member reads them.
        X: The same as they came.
        time: (n,) when each was taken; a span reaches back from the latest.
        spans: Of the members.

    Raises:
        InputError: `time` has another length, or a missing entry.
        TooFewRowsError: fewer than 20 rows in a span.
    """
    x, time = source.block(0, len(source)), column_of("time", time, len(source))
    return [X if span is None else TensorSource(x[_within(time, span)], source.spec) for span in spans]


def _within(time: Times, span: str) -> NDArray[np.bool_]:
    """Rows of the last such span, (n,)."""
    chosen: NDArray[np.bool_] = time > time.max() - np.timedelta64(HOURS[span], "h")
    found = int(chosen.sum())
    if found < FEWEST:
        raise TooFewRowsError(
            f"{found} training rows in the {span} before {time.max()}",
            f"a member needs {FEWEST} rows to learn from, and the latest rows are held out to set the threshold",
            "leave that span out of members=, or give rows that lie closer together",
        )
    return chosen
