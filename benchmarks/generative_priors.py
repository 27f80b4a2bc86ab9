"""Does a prior fitted to the codes of an autoencoder draw digits, and what lies between two of them?

Digits are MNIST's. A seed draws the rows to learn from, the weights and the noise; drawn rows are compared with the
test rows by FID* (the distance of Heusel et al. 2017 on features of a small network trained here, so no figure stands
beside a published one), and rows that go through the autoencoder are the floor that no prior can be expected to pass.
An interval is Student's over the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import _generative
import _paths
import _pictures
import _spaces
import _symbols
from _generative import DIFFUSION, FID, FLOOR, MIXTURE, NOISE, RECOGNISED, TOLD
from _mnist import first_of_each, greys, part, with_mnist
from _tables import Figure as Read
from _tables import Found, Table, named

from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.metrics import starred
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
ABOUT = "Does a prior fitted to the codes of an autoencoder draw digits, and what lies between two of them?"
QUESTION = Question("generative_priors", ABOUT, ROOT)
DISTANCE = named(FID)


class Study(NamedTuple):
    """What some lines are read off.

    Args:
        make: Gives what one method found with one seed, the pictures among it.
        methods: All that are compared.
        caption: Of the picture.
        size: How much was learnt.
    """

    make: Callable[[str, int], Found]
    methods: tuple[str, ...]
    caption: str
    size: str

    def line(
        self,
        name: str,
        read: Callable[[Table], Interval],
        note: Callable[[Table], str] = lambda table: f"{len(next(iter(table.found.values())))} seeds",
        **bounds: Any,
    ) -> None:
        """Add a line: a figure read off the table, and in `note` what else it says."""

        def answer(desk: Desk) -> Figure:
            table = Table.measured(desk, self.make, self.methods)
            _pictures.digits(picture(self.make.__name__), self.caption, table.first("pictures"))
            digest = _generative.network().hash_
            told = f"{starred('FID', digest)}, {self.size}; {note(table)}"
            return Figure(read(table), note=told, beside=table.starred(digest).beside())

        QUESTION.line(name, **bounds)(with_mnist(answer))


def picture(name: str) -> Path:
    """The file of a picture."""
    return QUESTION.home / "results" / QUESTION.name / f"{name}.png"


def over(rival: str, method: str, figure: Read = DISTANCE) -> Callable[[Table], Interval]:
    """How many times a method's figure a rival's is."""
    return lambda table: table.times(figure, rival, method)


SIZE = f"{_generative.ROWS} rows, codes of {_generative.WIDTH} numbers"

PRIORS = Study(_generative.prior, _generative.METHODS, "Drawn from a plain autoencoder by", SIZE)
PRIORS.line("FID*: N(0, I) over ten normals", over(NOISE, MIXTURE), at_least=3.0, stretch=5.5)
PRIORS.line("FID*: ten normals over diffusion", over(MIXTURE, DIFFUSION), at_least=1.0)
PRIORS.line("FID*: diffusion over reconstructions", over(DIFFUSION, FLOOR))


@QUESTION.line("digits drawn of a class that a classifier takes for it", at_least=0.95, unit="")
@with_mnist
def recognised(desk: Desk) -> Figure:
    """Rows of a class from an autoencoder that knows none, beside real rows and their reconstructions."""
    table = Table.measured(desk, _generative.told, (TOLD, "test rows", FLOOR))
    drawn = {"test rows": greys(part("test").x[first_of_each()]), **{TOLD: table.first("pictures")[TOLD]}}
    _pictures.digits(picture("classes"), "The first test row of each digit, and one drawn of each class", drawn)
    return Figure(table.mean(TOLD, named(RECOGNISED)), beside=table.beside())


# ----------------------------------------------------------------------------------------------------- as symbols

SYMBOLS = Study(
    _symbols.token,
    _symbols.METHODS,
    "Symbols drawn by",
    f"{_symbols.ROWS} rows, {_symbols.EPOCHS} epochs, {_symbols.PASSES} passes of the prior",
)
for rival in (_symbols.UNIFORM, _symbols.PLACES):
    SYMBOLS.line(f"FID*: {rival} over a {_symbols.PRIOR}", over(rival, _symbols.PRIOR), at_least=1.0)
SYMBOLS.line(f"FID*: a {_symbols.PRIOR} over reconstructions", over(_symbols.PRIOR, FLOOR))


# ----------------------------------------------------------------------------------------- over codes or over rows

SPACES = Study(_spaces.space, _spaces.METHODS, "Drawn by", f"{SIZE}, dense layers for both")
SPACES.line(
    "FID*: a diffusion over rows over one over codes that learnt about as long",
    over(_spaces.AS_LONG["data"], _spaces.AS_LONG["code"]),
    _spaces.who_reaches,
)
SPACES.line("FID*: one normal over rows over a diffusion over them", over(_spaces.ROWS, _spaces.LONGEST["data"]))
SPACES.line("FID*: one normal over codes over a diffusion over them", over(_spaces.CODES, _spaces.LONGEST["code"]))
for what, figure in (
    ("training", _spaces.TRAINED),
    ("training, the autoencoder's with it", _spaces.WHOLE),
    ("a draw", _spaces.DRAW),
):
    SPACES.line(
        f"at equal FID*: seconds of {what}, over rows over those over codes",
        partial(_spaces.at_equal, figure=named(figure)),
        _spaces.who_reaches,
    )


# ------------------------------------------------------------------------------------------------ between two digits

PATHS = Study(_paths.path, _paths.METHODS, "From one test row to another, through", SIZE)
for method in _paths.METHODS:
    share = partial(Table.mean, method=method, figure=named(_paths.UNLIKELY))
    PATHS.line(f"{method}: {_paths.UNLIKELY}", share, unit="")
for method in (_paths.TEN, _paths.VAE, _paths.FADED):
    PATHS.line(f"{method}: {_paths.STEP}", partial(Table.mean, method=method, figure=named(_paths.STEP)))
for method in (_paths.TEN, _paths.VAE):
    faded = over(_paths.FADED, method, named(_paths.MIDDLE))
    PATHS.line(f"FID* of midpoints: {_paths.FADED} over {method.split(',')[0]}", faded, at_least=1.0)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
