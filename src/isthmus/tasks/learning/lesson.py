"""Which rows of a stretch of time teach the next model, and which set its threshold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import TooFewRowsError
from isthmus.tasks.learning.feedback import Standing
from isthmus.tasks.learning.ledger import name_of
from isthmus.tasks.learning.rows import joined, named, rows_of, some

Bools = NDArray[np.bool_]
FEWEST = 20  # rows to learn from


class Lesson(NamedTuple):
    """Rows with an order in which the first teach and the last calibrate.

    Args:
        rows: Of the stretch, then admitted false alarms from outside it. Those stand in time where teaching ends, so
            that a member which learns from the last day alone learns them as well, and none calibrates.
        time: (n,) their order.
        share: Of them that calibrate.
        admitted: How many came from people.
        left_out: How many were not taken: open alerts, and anomalies.
    """

    rows: Any
    time: NDArray[Any]
    share: float
    admitted: int
    left_out: int

    @property
    def from_people(self) -> float:
        """The share of the rows to learn from that people called false alarms: to be watched."""
        return self.admitted / max(1, round(len(self.time) * (1 - self.share)))


def lesson(
    X: Any, alarms: ArrayLike, standing: Standing, *, false_share: float = 1.0, share: float = 0.2, time: Any = None
) -> Lesson:
    """Share out the rows of a stretch of time.

    No row that raised an alarm teaches, unless people have admitted it. Left out of what calibrates too, alarms would
    cut the tail off each time, and one threshold after the other would come out lower: budget a, then 2a, then 3a. So
    an alarm that nobody has looked at counts there with the share of alarms that were false.

    Args:
        X: Rows in the order of time, no anomaly known among them but those that are pinned.
        alarms: (n,) which raised one.
        standing: What people said.
        false_share: Of the alarms that were looked at, how many were false; 1 where none was.
        share: Of the rows, the last ones, that calibrate.
        time: (n,) datetimes, rising; None for the order alone.

    Raises:
        TooFewRowsError: fewer than twenty rows are left to learn from.
    """
    open_alerts = np.asarray(alarms, dtype=bool)
    n = len(open_alerts)
    pinned, known = (named(X, [item.name for item in items]) for items in (standing.pinned, standing.admitted))
    calibrates = np.arange(n) >= round(n * (1 - share))
    kept = ~pinned & (~open_alerts | known | _thinned(open_alerts & calibrates & ~known & ~pinned, false_share))
    learnt = int((kept & ~calibrates).sum())
    if learnt < FEWEST:
        came = f"{learnt} rows without an alarm to learn from, of {n}"
        raise TooFewRowsError(came, f"a model learns from {FEWEST} at least", "take a longer stretch of time")
    here = {name_of(row) for row in rows_of(some(X, known))} if known.any() else set()
    added = [item.row for item in standing.admitted if item.name not in here]
    order = np.arange(n)[kept] if time is None else np.asarray(time)[kept]
    total = int(kept.sum()) + len(added)
    return Lesson(
        joined(some(X, kept), added),
        np.concatenate([order, np.repeat(_end_of_teaching(order, calibrates[kept]), len(added))]),
        float((kept & calibrates).sum()) / total,
        len(added) + int((known & ~calibrates).sum()),
        n - int(kept.sum()),
    )


def _end_of_teaching(order: NDArray[Any], calibrates: Bools) -> NDArray[Any]:
    """The latest moment before all that calibrates, (1,)."""
    teaching = np.sort(order[~calibrates])
    before = teaching[teaching < order[calibrates].min()] if calibrates.any() else teaching
    return before[-1:] if len(before) else teaching[:1]


def _thinned(chosen: Bools, share: float) -> Bools:
    """A share of the chosen places, evenly taken."""
    places = np.flatnonzero(chosen)
    steps = np.floor(np.arange(len(places) + 1) * share)
    kept = np.zeros(len(chosen), dtype=bool)
    kept[places[np.diff(steps) > 0]] = True
    return kept
