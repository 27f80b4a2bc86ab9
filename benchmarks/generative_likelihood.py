"""How likely are handwritten digits under each member?

MNIST, each pixel drawn black or white once for all from its grey. That is the protocol of the published static figures,
but not their draw of the pixels, and figures of dynamic binarisation are about two nats lower: compare with care. Two
hidden layers of 200 units and 50 numbers in the code, or small convolutions and 40; one layer of codes; log p(x) by
importance sampling from each row's posterior. One seed, for its cost: the error told beside a figure is that over test
rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import _likelihood
from _likelihood import LADDER, NLL
from _mnist import with_mnist
from _tables import Table, named, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("generative_likelihood", "How likely are handwritten digits under each member?", ROOT, seeds=(0,))
FLOOR = 97.1  # nats of a small VAE as others have trained it on a laptop


def line(name: str, rungs: tuple[str, ...], read: Callable[[Table], Interval], **bounds: Any) -> None:
    """Add a line that reads its figure off some rungs of the ladder."""

    def measure(desk: Desk) -> Figure | Absent:
        table = Table.reached(desk, _likelihood.rung, rungs)
        if isinstance(table, Absent):
            return table
        beside = {method: {**row, "published": LADDER[method].published} for method, row in table.beside().items()}
        epochs = ", ".join(f"{LADDER[method].epochs} epochs of {method}" for method in rungs)
        samples = " and ".join(f"{count:,}" for count in dict.fromkeys(map(_likelihood.draws, rungs)))
        judged = f"{_likelihood.JUDGED:,} test rows, {samples} importance samples"
        return Figure(read(table), note=f"{epochs}; {judged}; {len(desk.seeds)} seeds", beside=beside)

    QUESTION.line(name, unit="nats", **bounds)(with_mnist(measure))


def below(method: str, rival: str) -> Callable[[Table], Interval]:
    """How many nats fewer a method's rows cost than a rival's, compared seed by seed."""

    def read(table: Table) -> Interval:
        pairs = zip(table.found[method], table.found[rival], strict=True)
        return over_seeds(its[NLL] - own[NLL] for own, its in pairs)

    return read


for rung in LADDER:
    bound = {"at_most": FLOOR} if rung == "VAE" else {}
    line(f"{rung}: {NLL}", (rung,), lambda table, rung=rung: table.mean(rung, named(NLL)), **bound)
for rung in LADDER:
    rival = {LADDER[name].epochs: name for name in ("VAE", "VAE, 10 epochs")}[LADDER[rung].epochs]
    if rung != rival:
        line(f"{rung}: nats below a VAE of as many epochs", (rung, rival), below(rung, rival), at_least=0.0)
PLAIN, FLOW = "convolutional VAE", "convolutional VAE, flow prior"
line(f"{FLOW}: nats below the one without", (FLOW, PLAIN), below(FLOW, PLAIN), at_least=0.0)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
