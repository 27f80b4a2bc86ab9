"""What does a handful of labelled rows add to a detector that has none, within the same budget of false alarms?

A detector learns normal rows, a classifier some labelled ones, and either may raise an alarm. On two sets of ADBench
(those with the most anomalies of all where these are scarce) and on NSL-KDD rows are labelled at random, with as many
anomalies among them as there are, two at least. On `http` one row in ten thousand is an anomaly, and those that score
highest are labelled. Beside stand the score alone, the classifier alone, a classifier that knows no detector, and
alarms at random, each with the whole budget. NSL-KDD's test holds attacks of types that nobody has labelled. Rows are
drawn from the larger sets, and the detector has one model instead of two: a quarter of an hour of one core for all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _few_labels import (
    COLUMNS,
    DATA,
    EITHER,
    HTTP,
    INTRUSION,
    RANDOM,
    SCORE,
    THIN,
    USUAL,
    WAYS,
    chosen_sets,
    curve,
)
from _tables import over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval, wilson_interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("detection_few_labels", "What do a few labelled rows add to a detector?", ROOT)
RANDOMLY, BY_ALARMS = (10, 20, 50, 100, 200, 500), (20, 100, 500)
ROWS = 200_000_000  # of which alerts are told for http
SETS = (*(("ADBench 1", "ADBench 2") if not DATA.is_dir() else chosen_sets()), INTRUSION)
Measure = Callable[[Desk], Figure | Absent]
Found = dict[str, Any]


def curves(desk: Desk, name: str) -> list[Found]:
    """The curve of each seed, as kept or measured now."""
    return [desk.cache.get(partial(curve, name, seed), set=name, seed=seed) for seed in desk.seeds]


def with_data(measure: Measure) -> Measure:
    """Measures only where the sets are at hand."""
    return lambda desk: measure(desk) if DATA.is_dir() else Absent("../shared/data is not there", is_due=True)


def at(found: list[Found], labels: int) -> list[Found]:
    """What each seed gave with so many labels, where both kinds were among them."""
    return [given for one in found if USUAL in (given := one["curve"][str(labels)])]


def mean(values: Any) -> float:
    """To a tenth."""
    return round(float(np.mean(list(values))), 1)


def table(points: list[Found]) -> dict[str, Any]:
    """Every method's means over the seeds, and what both together reach in other ways."""
    if not points:
        return {}
    figures = points[0][USUAL][SCORE]
    methods = [method for method in points[0][USUAL] if method != "inside"]
    shown: dict[str, Any] = {
        method: {figure: mean(one[USUAL][method][figure] for one in points) for figure in figures} for method in methods
    }
    shown[COLUMNS] = {figure: mean(one[COLUMNS][figure] for one in points) for figure in figures}
    for classifier, features in WAYS:
        way = f"{classifier}, {features}"
        shown[f"{EITHER}: {way}"] = {figure: mean(one[way][EITHER][figure] for one in points) for figure in figures}
    return shown | {"anomalies among the labels": mean(one["anomalies among them"] for one in points)}


def told(name: str, labels: int, kind: str, rival: str | None = None) -> Measure:
    """A line's measure: the recall of one kind of anomaly by either, or how much more than a rival's it is."""

    def measure(desk: Desk) -> Figure | Absent:
        points = at(curves(desk, name), labels)
        if len(points) < 2:
            return Absent(f"an anomaly was among the {labels} labelled rows with {len(points)} of the seeds")
        recalls = [one[USUAL][EITHER][kind] - (one[USUAL][rival][kind] if rival else 0.0) for one in points]
        interval = over_seeds(recalls)
        if not rival:
            interval = Interval(interval.value, max(interval.low, 0.0), min(interval.high, 100.0))
        return Figure(interval, note=f"{USUAL}; {len(points)} seeds", beside={} if rival else table(points))

    return measure


for one_set in SETS:
    for one_kind in ("known attacks", "new attacks") if one_set == INTRUSION else ("anomalies",):
        for count in RANDOMLY:
            line = f"{one_set}, {count} labels: recall of {one_kind}, budget 1 %"
            QUESTION.line(line, unit="%")(with_data(told(one_set, count, one_kind)))
        for count in (20, 100, 500):
            line = f"{one_set}, {count} labels: recall of {one_kind} gained over the score alone"
            QUESTION.line(line, unit="points", at_least=0.0)(with_data(told(one_set, count, one_kind, SCORE)))
for count in BY_ALARMS:
    line = f"{HTTP}, 0.01 % anomalies, {count} labels from the top of the alarms: recall, budget 0.01 %"
    QUESTION.line(line, unit="%")(with_data(told(HTTP, count, "anomalies")))


def alerts(labels: int) -> Measure:
    """A line's measure: alarms raised among two hundred million rows, true ones and false ones."""

    def measure(desk: Desk) -> Figure | Absent:
        points = at(curves(desk, HTTP), labels)
        if len(points) < 2:
            return Absent(f"an anomaly was among the {labels} labelled rows with {len(points)} of the seeds")
        shown = {}
        for method in (EITHER, SCORE, RANDOM):
            found = [one[USUAL][method] for one in points]
            true = mean(ROWS * THIN * one["anomalies"] / 100 for one in found)
            shown[method] = {
                "true": true,
                "false": mean(ROWS * (1 - THIN) * one["false alarms"] / 100 for one in found),
            }
        either = [one[USUAL][EITHER] for one in points]
        raised = [(THIN * one["anomalies"] + (1 - THIN) * one["false alarms"]) / 100 * ROWS for one in either]
        raised_by = over_seeds(raised)
        interval = Interval(raised_by.value, max(raised_by.low, 0.0), raised_by.high)
        return Figure(
            interval, note=f"{USUAL}; means over {len(points)} seeds, tests of 40,000 normal rows", beside=shown
        )

    return measure


for count in BY_ALARMS:
    line = f"{HTTP}, {count} labels: alerts per 200 million rows"
    QUESTION.line(line, unit="alerts")(with_data(alerts(count)))


def inside(names: tuple[str, ...]) -> Measure:
    """A line's measure: how often the number of false alarms lies in the band that was promised."""

    def measure(desk: Desk) -> Figure:
        points = [given for name in names for one in curves(desk, name) for given in one["curve"].values()]
        kept = [given[f"{one}, {which}"]["inside"] for given in points if USUAL in given for one, which in WAYS]
        share = wilson_interval(sum(kept), len(kept))
        note = f"{len(kept)} cases of a seed, a number of labels and a way; those of one seed share their rows"
        return Figure(Interval(*(100 * end for end in share)), note=note)

    return measure


BAND = "false alarms inside the promised band"
QUESTION.line(f"ADBench: {BAND}", unit="% of cases", at_least=90.0)(with_data(inside((*SETS[:-1], HTTP))))
QUESTION.line(f"{INTRUSION}, whose test is of another day: {BAND}", unit="% of cases")(with_data(inside((INTRUSION,))))


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
