"""What does feedback on alarms buy, can it be taken back, and can an attacker use it?

NSL-KDD, whose test was taken later than its training: a detector learns 3,000 normal connections at alpha = 0.01. Fifty
of its false alarms on one half of the test are fed back, each confirmed by two people; the other half judges. Attackers
report 300 of their own connections as false alarms; what was learnt so serves where the gate lets it. Others move 1 to
5 % of each day's connections slowly from normal to an attack, below the threshold all the time, where a detector learns
its last six days anew every day. Last: what twenty updates at a low rate cost on the old normal connections, beside the
ordinary rate and a full refit.

A detector that learns the same rows anew without feedback has other scores too, so feedback and false reports are held
against that one, and a few hundred rows set a threshold, which chance moves: so what attackers gain is told by the
attacks found where both detectors raise alarms for one in a hundred of held-out normal rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from _feedback import DATA, DAYS, boiled, fed_back, forgotten, reported_by_attackers

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import resampled_interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("feedback", "What does feedback buy, can it be taken back, and can an attacker use it?", ROOT)
Measure = Callable[[Desk], Figure | Absent]
KEPT = 90.0  # per cent of what was found at first that a defended detector still finds


def by_seed(work: Callable[[int], Any], figure: Callable[[Any], float], name: str, *, note: str = "") -> Measure:
    """A line's measure: a figure of each seed, their mean, and where that lies with 95 % confidence."""

    def measure(desk: Desk) -> Figure | Absent:
        if not DATA.is_dir():
            return Absent("../shared/data is not there", is_due=True)
        runs = [desk.cache.get(partial(work, seed), work=name, seed=seed) for seed in desk.seeds]
        values = [figure(run) for run in runs]
        beside = {str(seed): run for seed, run in zip(desk.seeds, runs, strict=True)}
        return Figure(resampled_interval(values, 0.0), beside=beside, note=note)

    return measure


def gained(run: Any, name: str) -> float:
    """How much a rate rose by the feedback, in points."""
    return float(run["after"][name] - run["before"][name])


def apart(run: Any, name: str) -> float:
    """How much a rate differs from that of the detector retrained without feedback, in points."""
    return float(run["after"][name] - run["retrained without feedback"][name])


FED = "50 false alarms fed back"
QUESTION.line(f"{FED}: false alarms on held-out normal rows", unit="points", at_most=0.0)(
    by_seed(fed_back, partial(gained, name="false alarms"), "fed")
)
QUESTION.line(f"{FED}: recall on held-out attacks", unit="points", at_least=-1.0)(
    by_seed(fed_back, partial(gained, name="recall"), "fed")
)
QUESTION.line("feedback undone: the detector retrained has the former bits", unit="share of seeds", at_least=1.0)(
    by_seed(fed_back, lambda run: float(run["undone bit for bit"]), "fed")
)
QUESTION.line(f"{FED}: recall at 1 % false alarms, beside the same rows without them", unit="points")(
    by_seed(fed_back, lambda run: apart(run, "recall at equal rates"), "fed")
)
for people in (1, 3):
    QUESTION.line(
        f"300 attacks reported by {people} attackers, behind the gate: found, of found without", unit="%", at_least=KEPT
    )(
        by_seed(
            partial(reported_by_attackers, people=people),
            lambda run: 100 * run["found"] / max(run["found without them"], 1e-9),
            f"reported {people}",
        )
    )
for share in (0.01, 0.05):
    for defended in (False, True):
        which = "behind the gate" if defended else "whoever was learnt last serves"
        bounds = {"at_least": KEPT} if defended else {}
        line = f"slow attack, {100 * share:g} % a day, {which}: found at last, of found at first"
        QUESTION.line(line, unit="%", **bounds)(
            by_seed(
                partial(boiled, share, defended),
                lambda run: 100 * run["found at last"] / max(run["found at first"], 1e-9),
                f"boiled {share} {defended}",
            )
        )
QUESTION.line("no attack, behind the gate: days on which what was learnt may serve", unit="%")(
    by_seed(partial(boiled, 0.0, True), lambda run: 100 * (1 - run["refused"] / DAYS), "boiled 0 True")
)


def lost(way: str) -> Measure:
    """A line's measure: what old rows cost more than before."""
    return by_seed(
        forgotten, lambda run: float(run[way][0] - run["as it was"][0]), "forgotten", note="old, then new rows"
    )


for one_way in ("20 low-rate updates", "at the ordinary rate", "full refit"):
    QUESTION.line(f"{one_way} on shifted rows: cost of an old row", unit="nats more")(lost(one_way))


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
