"""Does a watch keep to the run length that it states, and how soon does it find what has changed?

Scores that remember (AR(1) with phi = 0.9) are watched without any drift in 500 simulated runs: 30 quiet windows of 200
rows, from which the limits come, and half a year of 26 windows after them. Then changes of stated sizes are planted
behind 20 quiet windows of 1,000 rows. Last, a detector of NSL-KDD's normal connections is watched over its own training
mix and then over the test's, which was taken later. The two rules of the textbook stand beside: KS with p < 0.01 on all
scores, and a threshold that moved by a fifth.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _drift import DATA, SHIFTS, drifted, intrusion, quiet_run

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics import bootstrap_interval, wilson_interval
from isthmus.metrics.intervals import Interval
from isthmus.tasks.drift.watched import RULES

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("drift", "Does a watch keep to its run length, and how soon does it find a change?", ROOT)
RUNS, PLANTED, PIECE = {0.9: 500, 0.0: 100}, 10, 20
RUN_LENGTH, AHEAD, DELAY = 52, 26, 3  # windows
OURS, FITS = RULES[0], 1  # seeds of a detector


def quiet_runs(desk: Desk, phi: float) -> list[dict[str, int]]:
    """How often each rule called in each run, as kept or measured now."""

    def piece(first: int) -> list[dict[str, int]]:
        return [quiet_run(seed, phi, AHEAD, RUN_LENGTH) for seed in range(first, first + PIECE)]

    found = [desk.cache.get(partial(piece, first), phi=phi, first=first) for first in range(0, RUNS[phi], PIECE)]
    return [run for part in found for run in part]


def false_calls(phi: float) -> Any:
    """A line's measure: calls of ours in a year of which one is allowed."""

    def measure(desk: Desk) -> Figure:
        runs = quiet_runs(desk, phi)
        year = RUN_LENGTH / AHEAD
        calls = year * np.array([run[OURS] for run in runs], dtype=float)
        beside = {
            "share of runs with a call": round(float((calls > 0).mean()), 3),
            **{rule: {"calls": round(year * float(np.mean([run[rule] for run in runs])), 2)} for rule in RULES[1:]},
        }
        return Figure(
            bootstrap_interval(np.mean, calls),
            beside=beside,
            note=f"{RUNS[phi]} runs of {AHEAD} windows, counted for {RUN_LENGTH}",
        )

    return measure


for one_phi in (0.9, 0.0):
    name = f"AR({one_phi:g}) scores without drift: false calls in {RUN_LENGTH} windows, of one allowed"
    QUESTION.line(name, unit="calls", at_most=1.0)(false_calls(one_phi))


def planted(name: str) -> Any:
    """A line's measure: the share of runs in which a change is found within three windows."""

    def measure(desk: Desk) -> Figure:
        runs = [desk.cache.get(partial(drifted, name, seed), shift=name, seed=seed) for seed in range(PLANTED)]
        soon = [run["delay"] is not None and run["delay"] <= DELAY for run in runs]
        share = wilson_interval(sum(soon), len(soon))
        delays = [run["delay"] for run in runs if run["delay"] is not None]
        beside = {
            "windows until it is found, middle": float(np.median(delays)) if delays else None,
            "never found": sum(run["delay"] is None for run in runs),
            "called before the change": sum(run["before"] for run in runs),
            **{rule: round(float(np.mean([run[rule] for run in runs])), 2) for rule in RULES[1:]},
        }
        note = "the textbook's rules: calls in the ten windows before the change, mean"
        return Figure(Interval(*(100 * end for end in share)), beside=beside, note=note)

    return measure


for one_shift in SHIFTS:
    line = f"{one_shift}: found within {DELAY} windows"
    QUESTION.line(line, unit="% of runs", at_least=90.0)(planted(one_shift))


def real(rows: str, part: str) -> Any:
    """A line's measure: the first window of NSL-KDD's test that calls, or calls in its training mix."""

    def measure(desk: Desk) -> Figure | Absent:
        if not DATA.is_dir():
            return Absent("../shared/data is not there", is_due=True)
        runs = [desk.cache.get(partial(intrusion, rows, seed), rows=rows, seed=seed) for seed in desk.seeds[:FITS]]
        values = [float(run[part]) for run in runs]
        interval = Interval(float(np.mean(values)), min(values), max(values))
        return Figure(interval, beside={str(seed): run for seed, run in zip(desk.seeds, runs, strict=False)})

    return measure


for one_rows in ("normal rows", "all rows"):
    QUESTION.line(f"NSL-KDD, {one_rows}: windows of the test until it is found", unit="windows", at_most=float(DELAY))(
        real(one_rows, "delay")
    )
    QUESTION.line(f"NSL-KDD, {one_rows}: calls in later windows of the training mix", unit="calls", at_most=1.0)(
        real(one_rows, "before")
    )


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
