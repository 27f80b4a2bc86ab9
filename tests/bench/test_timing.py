"""The harness times fairly: in turns, with intervals that cover, and with an eye on the others."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count

import numpy as np
import pytest

from isthmus.bench.load import Load, Reading
from isthmus.bench.timing import QUIET, Timings, interleave, latency, median_interval
from isthmus.errors import InputError

IDLE = Load()


def timings(others: list[float], **seconds: list[float]) -> Timings:
    """Timings as if measured."""
    return Timings({name: np.array(values) for name, values in seconds.items()}, np.array(others))


def test_turns_rotate_and_every_thing_has_as_many() -> None:
    calls: list[str] = []
    things = {name: (lambda name=name: calls.append(name)) for name in "abc"}
    found = interleave(things, IDLE, rounds=4, span=0.0, patience=0.0)
    turns = [calls[i : i + 3] for i in range(6, len(calls), 3)]  # the first two of each prepare and count
    assert turns == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]
    assert {name: len(seconds) for name, seconds in found.seconds.items()} == {"a": 4, "b": 4, "c": 4}


def test_a_ratio_is_that_of_the_times() -> None:
    found = interleave(
        {"long": lambda: time.sleep(0.02), "short": lambda: time.sleep(0.005)}, IDLE, rounds=7, span=0.0, patience=0.0
    )
    ratio = found.ratio("long", "short")
    assert 2 < ratio.value < 6
    assert ratio.low <= ratio.value <= ratio.high


def test_a_quick_thing_is_called_many_times_in_a_turn() -> None:
    calls = count()
    found = interleave({"quick": lambda: next(calls)}, IDLE, rounds=1, span=0.01, patience=0.0)
    assert next(calls) > 1000
    assert found.time("quick").value < 1e-4


def test_no_round_begins_after_the_time_is_up_but_three_are_had() -> None:
    found = interleave({"nap": lambda: time.sleep(0.01)}, IDLE, rounds=100, span=0.0, most_seconds=0.0)
    assert len(found.others) == 3


def test_noisy_rounds_are_left_out_while_enough_are_quiet() -> None:
    seconds = [1.0] * 6 + [9.0] * 5
    found = timings([0.0] * 6 + [1.0] * 5, thing=seconds, unit=[1.0] * 11)
    assert not found.is_noisy
    assert found.ratio("thing", "unit") == (1.0, 1.0, 1.0)
    loud = timings([0.0] * 5 + [1.0] * 6, thing=seconds, unit=[1.0] * 11)
    assert loud.is_noisy
    assert loud.time("thing").high == 9.0


@pytest.mark.parametrize("n", [6, 11, 25])
def test_intervals_cover_the_median(n: int) -> None:
    random = np.random.default_rng(n)
    found = [median_interval(random.exponential(size=n)) for _ in range(2000)]
    covered = np.mean([low <= np.log(2) <= high for _, low, high in found])
    assert 0.94 < covered < 0.995


def test_a_median_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="a median needs at least one"):
        median_interval([])


def test_latency_looks_at_single_calls() -> None:
    calls = count()
    found = latency(lambda: time.sleep(0.1 if next(calls) % 10 == 0 else 0.001), IDLE, rounds=3, calls=20)
    assert found.time("p50").value < 0.05 < found.time("p99").value


@pytest.mark.skipif(not IDLE.is_seen, reason="this system does not count what processors do")
def test_others_are_seen_and_friends_are_not() -> None:
    load = Load()
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        before = load.read()
        time.sleep(0.5)
        strangers = load.read().others_since(before)
        load.friends.add(busy.pid)
        before = load.read()
        time.sleep(0.5)
        friends = load.read()
    finally:
        busy.kill()
        busy.wait()
    assert strangers > QUIET
    # Others may be about as well: what matters is that the friend's own work was taken off.
    assert friends.us - before.us > 0.02
    assert load.read().us < friends.us  # one that has ended is no longer counted


def test_a_reading_never_tells_of_less_than_nobody() -> None:
    assert Reading(1.0, 5.0, 5.0).others_since(Reading(0.0, 5.0, 4.0)) == 0.0
