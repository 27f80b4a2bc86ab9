"""Does a prior fitted to the codes of a plain autoencoder draw digits?

Digits are MNIST's. A seed draws the rows to learn from, the weights and the noise; drawn rows are compared with the
test rows by FID* (the distance of Heusel et al. 2017 on features of a small network trained here, so no figure stands
beside a published one), and rows that go through the autoencoder are the floor that no prior can be expected to pass.
An interval is Student's over the seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import _generative
import _pictures
from _generative import DIFFUSION, FID, FLOOR, MIXTURE, NOISE, RECOGNISED, TOLD
from _mnist import first_of_each, greys, part, with_mnist
from _tables import Table, named

from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question

ROOT = Path(__file__).resolve().parents[1]
ABOUT = "Does a prior fitted to the codes of a plain autoencoder draw digits?"
QUESTION = Question("generative_priors", ABOUT, ROOT)
DISTANCE = named(FID)


def picture(name: str) -> Path:
    """The file of a picture."""
    return QUESTION.home / "results" / QUESTION.name / f"{name}.png"


def times(name: str, rival: str, method: str, **bounds: Any) -> None:
    """Add a line: how many times a method's distance a rival's is."""

    def answer(desk: Desk) -> Figure:
        table = Table.measured(desk, _generative.prior, _generative.METHODS)
        _pictures.digits(picture("priors"), "Drawn from a plain autoencoder by", table.first("pictures"))
        note = f"FID*-{_generative.network().hash_}, {_generative.ROWS} rows, codes of {_generative.WIDTH} numbers"
        return Figure(table.times(DISTANCE, rival, method), note=note, beside=table.beside())

    QUESTION.line(name, **bounds)(with_mnist(answer))


times("FID*: N(0, I) over ten normals", NOISE, MIXTURE, at_least=3.0, stretch=5.5)
times("FID*: ten normals over diffusion", MIXTURE, DIFFUSION, at_least=1.0)
times("FID*: diffusion over reconstructions", DIFFUSION, FLOOR)


@QUESTION.line("digits drawn of a class that a classifier takes for it", at_least=0.95, unit="")
@with_mnist
def recognised(desk: Desk) -> Figure:
    """Rows of a class from an autoencoder that knows none, beside real rows and their reconstructions."""
    table = Table.measured(desk, _generative.told, (TOLD, "test rows", FLOOR))
    drawn = {"test rows": greys(part("test").x[first_of_each()]), **{TOLD: table.first("pictures")[TOLD]}}
    _pictures.digits(picture("classes"), "The first test row of each digit, and one drawn of each class", drawn)
    return Figure(table.mean(TOLD, named(RECOGNISED)), beside=table.beside())


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
