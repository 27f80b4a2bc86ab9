"""Do members that pay for it have codes whose units stand for single factors?

Sprites of 32 x 32 with five known factors. A seed draws the sprites to learn from, the weights and the noise; all are
judged on the same other sprites. An interval is Student's over ten seeds; the picture shows every one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import _pictures
import _sprites
import numpy as np
from _sprites import METHODS, MIG, WRONG
from _tables import Table, named, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question(
    "generative_disentanglement",
    "Do members that pay for it have codes whose units stand for single factors?",
    ROOT,
    seeds=tuple(range(10)),
)
WARNING = (
    "Seeds matter more than methods: two fits that differ in their seed alone can lie farther apart than two members "
    "do (Locatello et al. 2019). Compare distributions, and pick no member by its best seed."
)
RESAMPLED = 2000

Compared = Callable[[Table], Interval]
"""What a line reads off the table."""


def line(name: str, read: Compared, unit: str = "", **bounds: Any) -> None:
    """Add a line that reads its figure off the table of all members and seeds."""

    @QUESTION.line(name, unit=unit, **bounds)
    def measure(desk: Desk) -> Figure | Absent:
        table = Table.reached(desk, _sprites.sprite, METHODS)
        if isinstance(table, Absent):
            return table
        titles = {title: title for title in (MIG, "disentanglement", "factor metric", "total correlation")}
        caption = f"{_sprites.UNITS} units on sprites; a dot for each seed, a stroke at their mean"
        _pictures.dots(ROOT / "benchmarks" / "results" / QUESTION.name / "seeds.png", caption, table.by_seed(titles))
        size = f"{_sprites.ROWS} sprites, {_sprites.EPOCHS} epochs, {len(desk.seeds)} seeds"
        return Figure(read(table), note=size, beside=table.beside() | spread(table))


def spread(table: Table) -> dict[str, Any]:
    """Least, middle and greatest MIG of each member over the seeds."""
    migs = {method: [one[MIG] for one in of] for method, of in table.found.items()}
    ends = {name: [float(f"{np.quantile(of, at):.3g}") for at in (0, 0.5, 1)] for name, of in migs.items()}
    return {"MIG, least, middle, greatest": ends}


def ahead(method: str) -> Compared:
    """By how much a member's MIG is above the VAE's on the same sprites."""

    def read(table: Table) -> Interval:
        pairs = zip(table.found[method], table.found["VAE"], strict=True)
        return over_seeds(own[MIG] - its[MIG] for own, its in pairs)

    return read


def explained(table: Table) -> Interval:
    """Share of the variance of all MIGs that lies between the members; its interval draws the seeds again."""
    migs = np.array([[one[MIG] for one in of] for of in table.found.values()])  # (methods, seeds)
    random = np.random.default_rng(0)
    again = [migs[:, random.integers(migs.shape[1], size=migs.shape[1])] for _ in range(RESAMPLED)]
    low, high = np.quantile([between(one) for one in again], [0.025, 0.975])
    return Interval(between(migs), float(low), float(high))


def between(migs: Any) -> float:
    """Variance of the methods' means over that of all."""
    return float(migs.mean(1).var() / max(migs.var(), np.finfo(float).tiny))


for method in METHODS:
    line(f"{method}: MIG", lambda table, method=method: table.mean(method, named(MIG)))
for method in METHODS:
    if method != "VAE":
        line(f"{method}: MIG above the VAE's", ahead(method), at_least=0.0)
line("share of MIG's variance that the member explains, the rest being the seed's", explained)
line(f"beta-VAE, 4: {WRONG}, over that of the VAE",
     lambda table: table.times(named(WRONG), "beta-VAE, 4", "VAE"), unit="x")  # fmt: skip


if __name__ == "__main__":
    print(WARNING)
    code = QUESTION.main()
    print(WARNING)
    raise SystemExit(code)
