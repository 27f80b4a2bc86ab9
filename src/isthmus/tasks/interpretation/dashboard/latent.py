"""One latent as a page shows it: when it fires, on what, with whom, and which way it points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.report import Block, Folded, Text, spark
from isthmus.report.numerals import numeral
from isthmus.tasks.interpretation.dashboard.samples import Group, Samples
from isthmus.tasks.interpretation.dashboard.sketch import Sketch, edge_of

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
QUARTERS, OF_QUARTER = 4, 4  # examples from all along the activations, so that the strongest do not stand for all
NEAR = 5


@dataclass(frozen=True)
class Ties:
    """What some latents have to do with others and with what comes behind them.

    Args:
        together: On how many of the rows that were counted each fires beside each other one, CSR (l, L).
        cosines: Of their directions with all, (l, L).
        effects: What each adds to the logits of each token, (l, V); None without a head.
        spelling: Of the tokens, (V,).
    """

    together: Any
    cosines: Floats
    effects: Floats | None
    spelling: Sequence[str]


def folded(
    latent: int, place: int, sketch: Sketch, names: Sequence[list[str]], ties: Ties, samples: Samples, codes: Any
) -> Folded:
    """All of one latent behind one line.

    Args:
        latent: Its number.
        place: Its place in the ties.
        sketch: What was seen.
        names: Words for each latent.
        ties: What it has to do with others.
        samples: What the rows are of.
        codes: All codes as CSC, or None.
    """
    share, peak = sketch.fires[latent] / sketch.seen, sketch.peak[latent]
    aside = f"fires on {100 * share:.3g} %, up to {numeral(float(peak), 3)}"
    blocks: list[Block] = [Text("\n".join(f"- {line}" for line in _facts(latent, place, sketch, names, ties)))]
    blocks.append(_histogram(sketch.bins[latent]))
    blocks += samples.blocks(_groups(latent, sketch), _strengths(latent, codes), names[latent])
    return Folded(f"Latent {latent}{named(names[latent])}", aside, blocks, is_open=place == 0)


def named(words: Sequence[str]) -> str:
    r"""What a latent is called, behind its number; nothing where no word is sure.

    Example:
        >>> named([" the", "\n", " "]), named([])
        (': “the”, “↵”, “␣”', '')
    """
    spelt = [word.replace("\n", "↵").strip() or "␣" for word in words]
    return (": " + ", ".join(f"“{word}”" for word in spelt)) * bool(words)


def _facts(latent: int, place: int, sketch: Sketch, names: Sequence[list[str]], ties: Ties) -> list[str]:
    """Sentences with its figures."""
    fires = sketch.fires[latent]
    strength = numeral(float(sketch.total[latent] / fires), 3)
    facts = [f"Fires on {numeral(fires)} of {numeral(sketch.seen)} rows, with {strength} on average"]
    row = ties.together[[place]]
    own = max(row[0, latent], 1)
    beside = [(int(other), count / own) for other, count in zip(row.indices, row.data, strict=True) if other != latent]
    beside.sort(key=lambda pair: -pair[1])
    if beside:
        facts.append("Fires beside " + _listed(beside, names, lambda share: f"{100 * share:.0f} %"))
    cosines = ties.cosines[place].copy()
    cosines[latent] = -np.inf
    near = [(int(other), float(cosines[other])) for other in np.argsort(-cosines)[:NEAR]]
    facts.append("Points nearly the way of " + _listed(near, names, lambda cosine: f"{cosine:.2f}".replace("-", "−")))
    return facts + _effects(place, ties)


def _listed(others: Sequence[tuple[int, float]], names: Sequence[list[str]], form: Callable[[float], str]) -> str:
    """Other latents with a figure each."""
    return ", ".join(f"{other}{named(names[other][:1])} ({form(figure)})" for other, figure in others[:NEAR])


def _effects(place: int, ties: Ties) -> list[str]:
    """Which tokens become likelier by it, and which less so; nothing without a head."""
    if ties.effects is None:
        return []
    effects = ties.effects[place]
    order = np.argsort(-effects)
    up, down = (
        ", ".join(f"“{ties.spelling[token]}” ({effects[token]:+.2f})" for token in some)
        for some in (order[:NEAR], order[::-1][:NEAR])
    )
    return [f"Adds to the logits of {up}; takes from {down}".replace("-", "−")]


def _histogram(bins: Ints) -> Block:
    """How strongly it fires, over bins that grow by a fifth each."""
    filled = np.flatnonzero(bins)
    low, high = int(filled[0]), int(filled[-1])
    ends = (numeral(edge_of(edge), 3) for edge in (low, high + 1))
    return spark(bins[low : high + 1], *ends, title="How strongly it fires (log scale)")


def _groups(latent: int, sketch: Sketch) -> list[Group]:
    """The strongest examples, and some from each quarter of all activations."""
    top, drawn = sketch.top, sketch.sampled
    there, some = top.rows[latent] >= 0, drawn.rows[latent] >= 0
    groups = [Group("Strongest", top.rows[latent][there], top.values[latent][there].astype(np.float64))]
    order = np.argsort(-drawn.values[latent][some], kind="stable")
    if len(order) < 2 * QUARTERS:
        return groups  # the strongest are all there are
    for number, part in enumerate(np.array_split(order, QUARTERS)):
        chosen = part[np.unique(np.linspace(0, len(part) - 1, OF_QUARTER).round().astype(int))]
        high = 100 - 100 * number // QUARTERS
        title = f"Between {high - 100 // QUARTERS} and {high} % of its activations"
        values = drawn.values[latent][some][chosen].astype(np.float64)
        groups.append(Group(title, drawn.rows[latent][some][chosen], values))
    return groups


def _strengths(latent: int, codes: Any) -> Callable[[Ints], Floats]:
    """How strongly it fires on any rows, from the codes that were kept."""
    if codes is None:
        return lambda rows: np.zeros(len(rows))
    span = slice(codes.indptr[latent], codes.indptr[latent + 1])
    places, values = codes.indices[span], np.abs(codes.data[span]).astype(np.float64)

    def found(rows: Ints) -> Floats:
        """Looked up among the rows on which it fires, which rise."""
        at = np.searchsorted(places, rows).clip(max=len(places) - 1)
        return np.where(places[at] == rows, values[at], 0.0)

    return found
