"""Does each generative member do what it is said to do?

Digits are MNIST's. A seed draws the rows to learn from, the weights and the noise; all are judged on the same test
rows, by the same judge. Every figure stands beside that of something plain. An interval is Student's over the seeds.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import _conditions
import _ladders
from _mnist import with_mnist
from _tables import Table, named, over_seeds

from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("generative_members", "Does each generative member do what it is said to do?", ROOT)


# ------------------------------------------------------------------------------------------- drawn for a class


def conditions(desk: Desk, method: str) -> Figure:
    """The share of drawn digits that are recognised."""
    table = Table.measured(desk, _conditions.conditional, _conditions.METHODS)
    note = f"{_conditions.ROWS} rows, {_conditions.EPOCHS} epochs, {_conditions.EACH} draws a digit; judged by an SVM"
    return Figure(table.mean(method, named(_conditions.RECOGNISED)), note=note, beside=table.beside())


for method, bounds in (("told the digit", {"at_least": 0.95}), ("told shuffled digits", {"at_most": 0.3})):
    name = f"conditional VAE {method}: share of drawn digits recognised as the digit asked for"
    QUESTION.line(name, unit="", **bounds)(with_mnist(partial(conditions, method=method)))


# ---------------------------------------------------------------------------------------------- drawn for an image


def pictures(desk: Desk, method: str) -> Figure:
    """The share of digits that are recognised, drawn for edges."""
    table = Table.measured(desk, _conditions.edged, _conditions.EDGES)
    note = f"{_conditions.PICTURES} rows, {_conditions.PASSES} epochs, {_conditions.SHOWN} draws; judged by an SVM"
    return Figure(table.mean(method, named(_conditions.RECOGNISED)), note=note, beside=table.beside())


for method, bounds in zip(_conditions.EDGES, ({"at_least": 0.9}, {"at_most": 0.3}), strict=True):
    name = f"conditional VAE {method}: share of drawn digits recognised as the digit that it is"
    QUESTION.line(name, unit="", **bounds)(with_mnist(partial(pictures, method=method)))


@QUESTION.line("conditional VAE told grey: error of its colours over that of a straight line", at_most=1.0)
def colours(desk: Desk) -> Figure:
    """How much nearer to the true colours a network is than a line from each grey pixel."""
    ours, line = _conditions.COLOURS
    table = Table.measured(desk, _conditions.coloured, _conditions.COLOURS)
    note = (
        f"{_conditions.PICTURES} patches of two photographs, {_conditions.PASSES} epochs, judged on the right quarter"
    )
    return Figure(table.times(named(_conditions.LOST), ours, line), note=note, beside=table.beside())


# ------------------------------------------------------------------------------------------- a code in levels


@partial(QUESTION.line, unit="nats", at_least=0.0)("three levels: nats of a test row saved beside one level as large")
@with_mnist
def levels(desk: Desk) -> Figure:
    """How much better three levels explain digits than one with as many parameters."""
    table = Table.measured(desk, _ladders.level, _ladders.METHODS)
    pairs = zip(table.found["one level"], table.found["three levels"], strict=True)
    saved = over_seeds(one[_ladders.LOST] - three[_ladders.LOST] for one, three in pairs)
    note = f"{_ladders.ROWS} rows in black and white, {_ladders.EPOCHS} epochs, {_ladders.DRAWS} draws of importance"
    return Figure(saved, note=note, beside=table.beside())


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
