"""Things timed in turns, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.bench.load import Load
from isthmus.errors import InputError
from isthmus.metrics.intervals import Interval

QUIET = 0.25  # processors that others may keep busy in a round that counts as quiet
ENOUGH = 6  # quiet rounds whose median has an interval of its own at 95 %
PATIENCE = 2.0


@dataclass(frozen=True)
class Timings:
    """Seconds of each thing in each round, and the processors that others kept busy meanwhile.

    Args:
        seconds: {name: seconds of one call, (R,)}.
        others: Processors, (R,).
    """

    seconds: dict[str, NDArray[np.float64]]
    others: NDArray[np.float64]

    @property
    def is_noisy(self) -> bool:
        """Whether too few rounds were quiet, so that all of them count."""
        return int((self.others < QUIET).sum()) < min(ENOUGH, len(self.others))

    def ratio(self, above: str, below: str) -> Interval:
        """How many times as long `above` took as `below`: the median over rounds, with its interval."""
        return median_interval(self._kept(above) / self._kept(below))

    def time(self, name: str) -> Interval:
        """Seconds of one call: the median over rounds, with its interval."""
        return median_interval(self._kept(name))

    def _kept(self, name: str) -> NDArray[np.float64]:
        """The quiet rounds, or all where too few were."""
        return self.seconds[name] if self.is_noisy else self.seconds[name][self.others < QUIET]


def interleave(
    things: Mapping[str, Callable[[], object]],
    load: Load,
    *,
    rounds: int = 11,
    span: float = 0.2,
    most_seconds: float = math.inf,
    patience: float = PATIENCE,
) -> Timings:
    """Time things in turns; who begins rotates from round to round.

    Args:
        things: What to time, by name.
        load: Watches the others.
        rounds: R.
        span: Seconds that each turn should last at least: a quick thing is called many times in a turn.
        most_seconds: No round is begun after so many, once there are three.
        patience: Seconds to wait before each round, at the longest, for others to be quiet.
    """
    began = time.perf_counter()
    calls = {name: _calls(thing, span) for name, thing in things.items()}
    names, taken, others = list(things), dict[str, list[float]]((name, []) for name in things), list[float]()
    for turn in range(rounds):
        if turn >= 3 and time.perf_counter() - began > most_seconds:
            break
        load.wait(QUIET, min(patience, most_seconds / rounds / 4))
        before = load.read()
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken[name].append(seconds_of(things[name], calls[name]))
        others.append(load.read().others_since(before))
    return Timings({name: np.array(seconds) for name, seconds in taken.items()}, np.array(others))


def median_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    r"""The median and the two order statistics around it, whatever the distribution.

    .. math:: P(v_{(k)} \le m \le v_{(R+1-k)}) = 1 - 2 P(\mathrm{Bin}(R, 1/2) < k)

    The largest k whose probability reaches the level; fewer than six values have none, and get their extremes.

    Args:
        values: v, (R,), at least one.
        level: Confidence.

    Raises:
        InputError: there are no values.

    Example:
        >>> median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0])
        Interval(value=3.5, low=1.0, high=6.0)
    """
    from scipy.stats import binom

    ordered = np.sort(np.asarray(values, dtype=float))
    if ordered.size == 0:
        raise InputError("no values", "a median needs at least one", "time it for at least one round")
    k = max(1, int(binom.ppf((1 - level) / 2, ordered.size, 0.5)))
    return Interval(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[-k]))


def latency(thing: Callable[[], object], load: Load, rounds: int = 11, calls: int = 300) -> Timings:
    """Seconds of single calls: the median ("p50") and the slow end ("p99") of so many calls in each round."""
    p50, p99, others = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        thing()
        before = load.read()
        middle, slow = np.percentile([seconds_of(thing) for _ in range(calls)], (50, 99))
        others.append(load.read().others_since(before))
        p50.append(middle)
        p99.append(slow)
    return Timings({"p50": np.array(p50), "p99": np.array(p99)}, np.array(others))


def _calls(thing: Callable[[], object], span: float) -> int:
    """How many calls of a thing last `span` seconds; the first one, which may have to prepare, is not looked at."""
    thing()
    return max(1, math.ceil(span / max(seconds_of(thing), 1e-7)))


def seconds_of(thing: Callable[[], object], calls: int = 1) -> float:
    """Seconds of one of so many calls."""
    start = time.perf_counter()
    for _ in range(calls):
        thing()
    return (time.perf_counter() - start) / calls
