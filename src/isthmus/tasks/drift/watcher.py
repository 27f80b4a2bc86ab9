"""What quiet time was like, and which windows after it differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from isthmus.tasks.drift.bins import Floats
from isthmus.tasks.drift.history import CONFIRMED, History
from isthmus.tasks.drift.limits import AMONG, NEEDED, limits_for
from isthmus.tasks.drift.quiet import MOST_ROWS, Stream, autocorrelation_time, check_length, drawn
from isthmus.tasks.drift.threshold import Moved, reestimated, spread, windows_needed

FLOOR = 0.1  # distances below this are of no interest
COLUMN_BINS = 32
SHORT = 40.0  # quiet windows at which twice the run length is aimed at; see benchmarks/drift.py
FEWEST = 20  # rows of a window that says anything
SCORES, ALARMS, INPUTS, THRESHOLD = "scores", "alarms", "inputs", "threshold"


class Step(NamedTuple):
    """One stream of one window.

    Args:
        kind: "scores", "alarms" or "inputs".
        stream: Its name.
        distance: From quiet time, between 0 and 1.
        limit: Beyond which it counts.
        raised: Whether it does, and did in one of the two windows before.
    """

    kind: str
    stream: str
    distance: float
    limit: float
    raised: bool


@dataclass(frozen=True, eq=False)
class Group:
    """Streams that share one limit on false alarms.

    Args:
        kind: What they tell of.
        streams: S of them.
        limits: (S,).
    """

    kind: str
    streams: Sequence[Stream]
    limits: Floats

    def distances(self, values: Mapping[str, Any], usual: int) -> Floats:
        """How far a window of values is from quiet time, (S,)."""
        return np.array([stream.distance(values[stream.name], usual) for stream in self.streams])


@dataclass(eq=False)
class Watcher:
    """Looks at one window after the other.

    Every kind of stream has an equal part in the false alarms: each is held to its own run length, which is the stated
    one times the number of kinds.

    Args:
        quiet: The rows of quiet time.
        groups: Kinds of streams with their limits.
        usual: Rows of a window.
        thin: Every how manieth row is compared.
        threshold: In use.
        alpha: Its budget.
        run_length: Windows in which chance raises one alarm.
    """

    quiet: History
    groups: Sequence[Group]
    usual: int
    thin: int
    threshold: float
    alpha: float
    run_length: float

    def __post_init__(self) -> None:
        self.before: dict[str, list[Floats]] = {group.kind: [] for group in self.groups}
        self.latest: list[Floats] = []
        self.block = block_of(self.quiet.scores, self.usual)
        self.spread = spread(self.quiet.scores, self.alpha, self.block)
        self.middle = float(np.median(self.quiet.scores))

    @classmethod
    def of(
        cls,
        quiet: History,
        usual: int,
        threshold: float,
        alpha: float,
        *,
        run_length: float = 52.0,
        floor: float = FLOOR,
    ) -> Watcher:
        """Learn from quiet time what chance does.

        Args:
            quiet: Rows in which nothing had changed, six windows of them at least.
            usual: Rows of a window.
            threshold: Above which a row raises an alarm.
            alpha: The budget that it keeps.
            run_length: Windows in which chance may raise one alarm, all streams together.
            floor: Distances below this are of no interest.

        Raises:
            TooFewRowsError: a shorter quiet time.
        """
        check_length(len(quiet.scores), usual)
        thin = max(1, math.ceil(len(quiet.scores) / MOST_ROWS))
        kinds = streams_of(_every(quiet, thin), threshold, floor)
        parts = stretched(run_length, len(quiet.scores) / usual) * (len(kinds) + 1)  # the threshold is one more
        few = max(1, usual // thin)
        groups = []
        for kind, streams in kinds.items():
            floors = np.array([stream.floor for stream in streams])
            groups.append(Group(kind, streams, limits_for(drawn(streams, few), floors, parts)))
        return cls(quiet, groups, usual, thin, threshold, alpha, run_length)

    def look(self, window: History) -> list[Step]:
        """Every stream of the next window; none where it holds too few rows to say anything."""
        if len(window.scores) < FEWEST:
            return []
        values = values_of(_every(window, self.thin), self.threshold)
        steps = []
        for group in self.groups:
            found = group.distances(values, max(1, self.usual // self.thin))
            self.before[group.kind] = [*self.before[group.kind], found][-AMONG:]
            beyond = np.stack(self.before[group.kind]) > group.limits
            raised = beyond[-1] & (beyond.sum(0) >= NEEDED)
            steps += [
                Step(group.kind, stream.name, float(far), float(limit), bool(is_raised))
                for stream, far, limit, is_raised in zip(group.streams, found, group.limits, raised, strict=True)
            ]
        return steps

    def moved(self, window: History) -> Moved:
        """Where the threshold would be set by the latest windows, as many as its budget asks for."""
        normal = window.scores if window.verdicts is None else window.scores[window.verdicts != CONFIRMED]
        self.latest = [*self.latest, normal][-windows_needed(self.alpha, self.usual, self.block) :]
        parts = stretched(self.run_length, len(self.quiet.scores) / self.usual) * (len(self.groups) + 1)
        latest = np.concatenate(self.latest)
        return reestimated(latest, self.threshold, self.alpha, self.spread, self.middle, parts, self.block)


def stretched(run_length: float, windows: float) -> float:
    """The run length to aim at, so that the stated one is kept: few quiet windows know little of their own tail.

    Limits that are right on average over many quiet times are too low as often as too high, and raise more alarms where
    they are too low than they save elsewhere. How many more was found by simulation.

    Args:
        run_length: As stated.
        windows: Of quiet time.
    """
    return run_length * (1 + SHORT / windows)


def block_of(scores: Floats, usual: int) -> int:
    """Rows that are drawn together: ten times as many as scores remember, within a window."""
    return int(np.clip(10 * autocorrelation_time(scores), 10, max(10, usual)))


def values_of(history: History, threshold: float) -> dict[str, Any]:
    """{stream: values} of some rows."""
    values: dict[str, Any] = {"anomaly score": history.scores, "alarm rate": _alarms(history.scores, threshold)}
    if history.lost is not None:
        values["what is lost"] = history.lost
    return values | {name: column for name, column in history.columns.items() if column.dtype.kind != "M"}


def streams_of(quiet: History, threshold: float, floor: float) -> dict[str, list[Stream]]:
    """The streams of quiet rows by their kind.

    An alarm rate is of no interest until it doubles, whichever it was.
    """
    values = values_of(quiet, threshold)
    own = [name for name in ("anomaly score", "what is lost") if name in values]
    inputs = [name for name in values if name not in (*own, "alarm rate")]
    rate = max(float((quiet.scores > threshold).mean()), 1 / len(quiet.scores))
    found = {
        SCORES: [Stream.of(name, values[name], floor) for name in own],
        ALARMS: [Stream.of("alarm rate", values["alarm rate"], rate)],
        INPUTS: [Stream.of(name, values[name], floor, COLUMN_BINS) for name in inputs],
    }
    return {kind: streams for kind, streams in found.items() if streams}


def _alarms(scores: Floats, threshold: float) -> Floats:
    """Whether each row raises an alarm, 0 or 1: the distance of two streams of those is that of their rates."""
    return (scores > threshold).astype(np.float64)


def _every(history: History, thin: int) -> History:
    """Every so manieth row."""
    return history if thin == 1 else history.taken(slice(None, None, thin))
