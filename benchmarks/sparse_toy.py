"""Does a sparse dictionary find the features that rows are made of, where they are known?

128 random directions in 64 dimensions, four of them in a row on average, some more often than others; and a tree, 8
parents with three children each that exclude each other, and 32 features alone, at right angles: there a latent for a
child may swallow the parent. Judged on rows that were not learnt from.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from _dictionaries import FROZEN, found_in_toy, found_in_tree
from _tables import Table, named, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question

ROOT = Path(__file__).resolve().parents[1]
SEEDS = (0, 1, 2, 3, 4)
QUESTION = Question("sparse_toy", "Does a sparse dictionary find the features that rows are made of?", ROOT, SEEDS)
ACTIVATIONS = ("topk", "batch-topk", "matryoshka", "relu", "jumprelu", "gated")


def of_toy(desk: Desk, figure: str, activation: str = "topk") -> Figure | Absent:
    """A figure of one activation on the toy dictionary."""
    table = Table.reached(replace(desk, seeds=desk.seeds[:3]), found_in_toy, [activation])
    if isinstance(table, Absent):
        return table
    return Figure(table.mean(activation, named(figure)), beside=table.beside())


def gained(desk: Desk, method: str, rival: str) -> Figure | Absent:
    """How much higher a method's F1 is than a rival's, seed by seed."""
    table = Table.reached(desk, found_in_tree, [method, rival])
    if isinstance(table, Absent):
        return table
    pairs = zip(table.found[method], table.found[rival], strict=True)
    return Figure(over_seeds(own["F1"] - its["F1"] for own, its in pairs), beside=table.beside())


TOY = "128 features in 64 dimensions, SAE(n_latents=128, k=4)"
QUESTION.line(f"{TOY}: MMCS of the true features", unit="", at_least=0.97)(partial(of_toy, figure="MMCS"))
QUESTION.line(f"{TOY}: MCC", unit="", at_least=0.95)(partial(of_toy, figure="MCC"))
QUESTION.line(f"{TOY}: share of latents that are never on", unit="", at_most=0.01)(partial(of_toy, figure="dead"))
QUESTION.line(f"{TOY}: seconds of a fit to 200 000 rows", unit="s", at_most=60.0)(partial(of_toy, figure="seconds"))
for activation in ACTIVATIONS[1:]:
    name = f"128 features in 64 dimensions, {activation} with 4 on: MMCS of the true features"
    QUESTION.line(name, unit="")(partial(of_toy, figure="MMCS", activation=activation))
QUESTION.line("tree: F1 of matryoshka over that of batch-topk", unit="", at_least=0.03)(
    partial(gained, method="matryoshka", rival="batch-topk")
)
for activation in ACTIVATIONS:
    name = f"tree: F1 of {activation} over that of directions frozen at random"
    QUESTION.line(name, unit="", at_least=0.0)(partial(gained, method=activation, rival=FROZEN))


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
