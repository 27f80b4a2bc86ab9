"""What does a VQ-GAN's critic cost in decibels once it is heard, and does it bring rebuilt digits nearer to real ones?

MNIST, 4,000 rows of the seed's own to learn from, 49 symbols of 16 codes, 10 passes, the gate at 0.3 of the run or
never; judged on 1,000 test images by one network of features that learnt from labels of other rows. Its hash stands in
the notes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from _mnist import with_mnist
from _tables import Table, named, over_seeds
from _vqgan import HEARD, START, UNHEARD, rebuilt

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics import Interval, starred

ROOT = Path(__file__).resolve().parents[1]
ABOUT = "What does a VQ-GAN's critic cost once it is heard, and what does it gain?"
QUESTION = Question("generative_vqgan", ABOUT, ROOT)


def measured(desk: Desk, read: Callable[[Table], Interval]) -> Figure | Absent:
    """Both models' figures, as far as the budget reaches."""
    table = Table.reached(desk, rebuilt, START)
    if isinstance(table, Absent):
        return table
    digest = table.found[HEARD][0]["hash"]
    return Figure(read(table), note=f"seen by {starred('FID', digest)}", beside=table.starred(digest).beside())


def line(name: str, read: Callable[[Table], Interval], **bounds: Any) -> None:
    """Add a line."""
    QUESTION.line(name, **bounds)(with_mnist(partial(measured, read=read)))


def lost(table: Table) -> Interval:
    """Decibels that the critic took, seed by seed."""
    pairs = zip(table.found[UNHEARD], table.found[HEARD], strict=True)
    return over_seeds(without["PSNR"] - beside["PSNR"] for without, beside in pairs)


line("decibels lost where the critic is heard", lost, unit="dB", at_most=0.5)
nearer = partial(Table.times, figure=named("FID"), method=HEARD, rival=UNHEARD)
line("FID* of rebuilt digits where the critic is heard, over where it is not", nearer, at_most=1.0)
for method in START:
    sharp = partial(Table.mean, method=method, figure=named("sharpness"))
    line(f"{method}: sharpness of rebuilt digits over that of real ones", sharp)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
