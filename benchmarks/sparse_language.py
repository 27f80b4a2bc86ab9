"""Do sparse dictionaries keep what a language model needs, and are their latents what its neurons are not?

The model has one layer of 128 numbers and 512 neurons, and reads Shakespeare letter by letter; it is trained here. The
dictionaries have 32 latents on at each letter. Nine tenths of the text are learnt from, the rest judges. A class of
letters is told by the one latent, or the one neuron, and the threshold that tell it best on half of the letters that
judge; its F1 is of the other half.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import _latents
from _latents import CAPITALS, CLASSES, PROBED, SITES, TIMES, K
from _letters import TEXT
from _tables import Found, over_seeds

from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question

ABOUT = "Do sparse dictionaries keep what a language model needs, and are their latents what neurons are not?"
QUESTION = Question("sparse_language", ABOUT, Path(__file__).resolve().parents[1], seeds=(0,))
SURE = ("capital", "quote")
SPREAD = ("capital", *CAPITALS, "vowel")  # over many letters, so perhaps over many latents
BY_CLASS = (", best ", ", which ")
NOTE = f"{_latents.LEARNT * 128:,} letters, {_latents.EPOCHS} epochs; judged by {_latents.JUDGED * 128:,} letters"


def found(desk: Desk, make: Callable[[int], Found], **key: Any) -> list[Found] | Absent:
    """What was found for each seed, as kept or now."""
    if not TEXT.is_file():
        return Absent("the text is not at hand: ISTHMUS_DATA names the folder that holds text/", is_due=True)
    return [desk.cache.get(partial(make, seed), seed=seed, **key) for seed in desk.seeds]


def figure(desk: Desk, site: str, times: int, name: str) -> Figure | Absent:
    """One figure of a dictionary, all others beside it."""
    of = found(desk, lambda seed: _latents.judged(site, times, seed), site=site, times=times)
    if isinstance(of, Absent):
        return of
    if name not in of[0]:
        return Absent(f"fewer than {_latents.RARE} such letters among those that judge")
    letter, _, best = name.partition(", best ")
    if best == "latent":
        beside = {name.replace(best, "neuron"): round(of[0][f"{letter}, best neuron"], 3)}
        beside |= {"latent": of[0][f"{letter}, which latent"]}
    elif best:
        beside = {f"by the best {unit}": round(of[0][f"{letter}, best {unit}"], 3) for unit in ("latent", "neuron")}
    else:
        beside = {key: float(f"{of[0][key]:.4g}") for key in of[0] if not any(word in key for word in BY_CLASS)}
    return Figure(over_seeds(one[name] for one in of), note=NOTE, beside=beside)


def lines_of(site: str) -> None:
    """Add the lines of one site."""
    for times in TIMES:
        latents = times * SITES[site][1]
        wanted = {"at_least": 0.95} if latents == 2048 else {}
        for ablation in ("zero", "mean"):
            name = f"{site}, {latents} latents, {K} on: share of the loss recovered from {ablation} ablation"
            measure = partial(figure, site=site, times=times, name=f"recovered, {ablation}")
            QUESTION.line(name, unit="", **(wanted if ablation == "zero" else {}))(measure)
    for times in TIMES:
        latents = times * SITES[site][1]
        for letter in (*CLASSES, *CAPITALS):
            wanted = {"at_least": 0.9} if letter in SURE and latents == 2048 else {}
            measure = partial(figure, site=site, times=times, name=f"{letter}, best latent")
            QUESTION.line(f"{site}, {latents} latents: F1 of the best latent, {letter}", unit="", **wanted)(measure)
        for letter, count in product(SPREAD, PROBED):
            measure = partial(figure, site=site, times=times, name=f"{letter}, best {count}")
            QUESTION.line(f"{site}, {latents} latents: F1 of a probe on {count} latents, {letter}", unit="")(measure)


lines_of("neurons")
lines_of("residual stream")


@QUESTION.line("a neuron of many letters: entropy of its letters over that of its latents'", at_least=1.0)
def taken_apart(desk: Desk) -> Figure | Absent:
    """The 200 letters on which each is strongest."""
    of = found(desk, _latents.taken_apart, what="taken apart")
    if isinstance(of, Absent):
        return of
    names = "entropy of its letters, nats", "entropy of its latents' letters, nats"
    return Figure(over_seeds(one[names[0]] / one[names[1]] for one in of), note=NOTE, beside=of[0])


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
