"""Do a kernel and a critic draw better digits than a VAE's rate does, and do unlabelled rows help a few labels?

MNIST, 3,000 rows of the seed's own to learn from, small convolutions and a code of 16 numbers for all, 24 passes;
judged on 1,000 test images by one network of features that learnt from labels of other rows. Its hash stands in the
notes. The rates of VAE and VAE-GAN, what their posteriors cost, stand beside the figures; the code of a Wasserstein
autoencoder has none, so what is equal is its width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from _matching import LABELS, MEMBERS, draws, named
from _mnist import with_mnist
from _tables import Table, over_seeds
from _tables import named as figure_of

from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics import Interval, starred

ROOT = Path(__file__).resolve().parents[1]
ABOUT = "Do a kernel and a critic draw better digits than a VAE, and do unlabelled rows help a few labels?"
QUESTION = Question("generative_matching", ABOUT, ROOT)
WITH, ALONE, PIXELS = "labels and rows without", "labels alone", "logistic regression of pixels"


def of_draws(desk: Desk, read: Callable[[Table], Interval]) -> Figure:
    """Every member's figures."""
    table = Table.measured(desk, draws, MEMBERS)
    digest = table.found["VAE"][0]["hash"]
    note = ", ".join(starred(name, digest) for name in ("FID", "KID"))
    return Figure(read(table), note=f"seen by {note}", beside=table.starred(digest).beside())


def lead(table: Table, method: str, rival: str, figure: str) -> Interval:
    """How much more a method has than its rival, seed by seed."""
    pairs = zip(table.found[method], table.found[rival], strict=True)
    return over_seeds(own[figure] - its[figure] for own, its in pairs)


def of_labels(desk: Desk, read: Callable[[Table], Interval]) -> Figure:
    """Accuracy with and without unlabelled rows."""
    table = Table.measured(desk, named, (WITH, ALONE, PIXELS))
    return Figure(read(table), note=f"{LABELS} labels, 3,000 rows", beside=table.beside())


def line(name: str, measure: Callable[..., Figure], read: Callable[[Table], Interval], **bounds: Any) -> None:
    """Add a line."""
    QUESTION.line(name, **bounds)(with_mnist(partial(measure, read=read)))


for method in ("WAE", "VAE-GAN"):
    times = partial(Table.times, figure=figure_of("FID"), method=method, rival="VAE")
    line(f"{method}: FID* of draws over the VAE's", of_draws, times, at_most=1.0)
lost = partial(lead, method="VAE", rival="VAE-GAN", figure="PSNR")
line("VAE-GAN: decibels lost to the VAE", of_draws, lost, unit="dB", at_most=1.0)
for method in MEMBERS:
    sharp = partial(Table.mean, method=method, figure=figure_of("sharpness of draws"))
    line(f"{method}: sharpness of draws over that of real images", of_draws, sharp)
gain = partial(lead, method=WITH, rival=ALONE, figure="accuracy")
line("AAE, 100 labels: accuracy beyond the labels alone", of_labels, gain, unit="", at_least=0.0)
over = partial(lead, method=WITH, rival=PIXELS, figure="accuracy")
line("AAE, 100 labels: accuracy beyond logistic regression", of_labels, over, unit="", at_least=0.0)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
