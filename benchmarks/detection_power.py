"""Does `diagnose` say rightly which detectors are good, and what is wrong with the others?

An autoencoder of 128 units trained to the end, the same after each lever (an eighth of the units, dropout in the
encoder, early stopping, on cells structural similarity) and one of a single unit, on three tables and on solar cells.
Each is read by two scores. What is true of it is measured on rows that no verdict was made from; `_power.is_right` says
what a right verdict is, and was written before anything was measured. Beside stand two rules of thumb.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _power import (
    CELLS,
    DATA,
    DROPOUT,
    LARGE,
    LEVERS,
    SCORES,
    SEEDS,
    SIDES,
    TABLES,
    WIDE,
    Told,
    folk_test,
    folk_width,
    is_good,
    is_right,
    power,
    variants,
)
from _tables import Table, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import wilson_interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("detection_power", "Does diagnose() say rightly which detectors are good?", ROOT, (0, 1, 2, 3, 4))
SIZES = f"cells of {SIDES[CELLS]} and of {SIDES[LARGE]} pixels a side, of 300"
NOTE = f"dropout {DROPOUT}; {SIZES}; {SEEDS[LARGE]} seed on the large ones, else 5"

Measured = Callable[[Desk], Figure | Absent]


def measured(desk: Desk, name: str) -> Table:
    """All variants on one set."""
    seeds = desk.seeds[: SEEDS.get(name, len(desk.seeds))]
    return Table.measured(replace(desk, seeds=seeds), power, [f"{name}: {variant}" for variant in variants(name)])


def with_data(measure: Measured) -> Measured:
    """Measures only where the sets are at hand."""
    return lambda desk: measure(desk) if DATA.is_dir() else Absent(f"no sets in {DATA.name}", is_due=True)


def gain(desk: Desk, name: str, lever: str, score: str) -> Figure:
    """How much ROC-AUC a lever adds to the autoencoder of 128 units, compared seed by seed."""
    table = measured(desk, name)
    after, before = (table.found[f"{name}: {variant}"] for variant in (lever, WIDE))
    added = over_seeds(new[score]["ROC-AUC"] - old[score]["ROC-AUC"] for new, old in zip(after, before, strict=True))
    return Figure(added, note=NOTE, beside={variant: told(table, name, variant, score) for variant in variants(name)})


def told(table: Table, name: str, variant: str, score: str) -> dict[str, Any]:
    """A variant's means over the seeds, and the verdicts on it."""
    found = [one | one[score] for one in table.found[f"{name}: {variant}"]]
    numbers = ("ROC-AUC", "recall", "its ROC-AUC", "its recall", "rebuilt", "rebuilt stand-ins", "d")
    means = {number: float(f"{np.mean([one[number] for one in found]):.3g}") for number in numbers}
    verdicts = {way: Counter(one[way] for one in found) for way in ("with labels", "without labels")}
    return {**means, "good": sum(map(is_good, found)), **verdicts}


def right(desk: Desk, rule: Told, sets: tuple[str, ...]) -> Figure:
    """The share of right verdicts over sets, variants, seeds and scores."""
    hits: dict[str, list[bool]] = {}
    for name in sets:
        table = measured(desk, name)
        for place in range(len(table.found[f"{name}: {WIDE}"])):
            of_seed = {variant: table.found[f"{name}: {variant}"][place] for variant in variants(name)}
            for variant in of_seed:
                hit = [is_right(rule(of_seed[variant], score), variant, of_seed, score) for score in SCORES]
                hits.setdefault(f"{name}, {variant}", []).extend(hit)
    every = [hit for group in hits.values() for hit in group]
    missed = {
        name: f"{len(group) - sum(group)} of {len(group)} wrong" for name, group in hits.items() if not all(group)
    }
    return Figure(wilson_interval(sum(every), len(every)), note=NOTE, beside=missed)


def said(way: str) -> Told:
    """What `diagnose` said."""
    return lambda found, score: str((found | found[score])[way])


RULES: dict[str, Told] = {
    "diagnose() with labels": said("with labels"),
    "diagnose() without labels": said("without labels"),
    "rule of thumb, p < 0.01 and d > 2 with labels": folk_test,
    "rule of thumb, code of inputs / 50 to / 20": folk_width,
    "always sound": lambda found, score: "sound",
}
for where, sets in {"tables": tuple(TABLES), CELLS: (CELLS,), LARGE: (LARGE,)}.items():
    for one_set in sets:
        for change in variants(one_set)[1:]:
            line = f"{one_set}, {change} instead of {WIDE}: ROC-AUC gained by the model's own cost"
            QUESTION.line(line, unit="")(with_data(partial(gain, name=one_set, lever=change, score="distortion")))
        line = f"{one_set}, {LEVERS[0]} instead of {WIDE}: ROC-AUC gained by the fusion"
        QUESTION.line(line, unit="")(with_data(partial(gain, name=one_set, lever=LEVERS[0], score="fusion")))
    for title, rule in RULES.items():
        line = f"{where}, {title}: share of right verdicts"
        QUESTION.line(line, unit="of the verdicts")(with_data(partial(right, rule=rule, sets=sets)))
QUESTION.line("all sets, diagnose() with labels: share of right verdicts", at_least=0.9, unit="of the verdicts")(
    with_data(partial(right, rule=RULES["diagnose() with labels"], sets=(*TABLES, CELLS, LARGE)))
)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
