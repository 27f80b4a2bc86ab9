"""`dashboard`: a page on which all latents of a sparse dictionary can be looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import isthmus
from isthmus.errors import InputError
from isthmus.metrics import Residuals
from isthmus.report import Block, Figures, Page, Section, Text, charts
from isthmus.tasks.interpretation.dashboard.kinds import samples_of
from isthmus.tasks.interpretation.dashboard.labels import labels as labelled
from isthmus.tasks.interpretation.dashboard.latent import Ties, folded
from isthmus.tasks.interpretation.dashboard.samples import Samples
from isthmus.tasks.interpretation.dashboard.sketch import Sketch

Ints: TypeAlias = NDArray[np.int64]
BLOCK = 4096  # rows encoded at once
MOST = 400  # latents on a page that was not told which

Spelling: TypeAlias = Callable[[int], str] | Mapping[int, str] | Sequence[str] | None


def dashboard(
    sae: Any,
    activations: Any,
    out: str | os.PathLike[str],
    *,
    rows: Any = None,
    decode: Spelling = None,
    labels: ArrayLike | None = None,
    head: ArrayLike | None = None,
    latents: Iterable[int] | None = None,
    patch: int | None = None,
    title: str = "What the latents fire on",
) -> Path:
    """Write a page that shows what each latent fires on: one file without scripts that asks for nothing.

    The activations are read and encoded once, for all latents together. Of each the page has how often and how
    strongly it fires, the strongest examples and some from each quarter of its activations, the latents that it fires
    beside and those that point its way, and the words that are said of its rows more often than of others. On those
    words a latent's name stands: tokens of a text, thirds and categories of a table's columns, or `labels`.

    Args:
        sae: A fitted `SAE`.
        activations: (n, d): `Activations`, an array, anything that is sliced like one.
        out: The file to write.
        rows: What the rows are of, in the order of the activations: pictures (n, h, w) or (n, h, w, c), a table (a
            frame, or (n, D)), or tokens as they follow each other (n,). None takes the activations' own tokens, or
            shows their numbers.
        decode: What a token's number is spelt like.
        labels: Something that is known of each row, (n,); it gives names to latents before other words do.
        head: (V, d), what turns an activation into logits, where one does: the page then says which tokens a latent
            makes likelier. A norm in between is left out.
        latents: Which to show; None for all that fire, or where those are more than 400 the ones that carry most.
        patch: Pixels along the edge of a patch, where the rows are places in pictures and `rows` the whole pictures
            that `activations.documents` counts.
        title: Of the page.

    Returns:
        The path written.

    Raises:
        NotFittedError: there was no fit.
        InputError: rows, labels or a head that do not go with the activations.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> import tempfile
        >>> from isthmus.data import toy_dictionary
        >>> X = toy_dictionary(500, dimensions=8, features=12, active=2).X
        >>> sae = isthmus.SAE(n_latents=12, k=2, epochs=1, random_state=0).fit(X)
        >>> page = dashboard(sae, X, Path(tempfile.mkdtemp()) / "latents.html")
        >>> "Latent" in page.read_text()
        True
    """
    samples = samples_of(rows, activations, _speller(decode), labels, patch)
    sketch, left = sketched(sae, activations, samples)
    names = labelled(sketch.words.matrix(), sketch.said, samples.words, samples.own)
    shown = _chosen(latents, sketch)
    ties = _ties(sae, sketch, shown, head, _speller(decode))
    codes = sketch.codes()
    items = [folded(int(number), place, sketch, names, ties, samples, codes) for place, number in enumerate(shown)]
    lead = f"{sketch.latents:,} latents, {sketch.seen:,} rows. Each line opens what one latent fires on."
    blocks: list[Block] = [_figures(sketch, left), _densities(sketch)]
    blocks.append(Section("Latents", [Text(_order(len(shown), sketch)), *items]))
    return Page(title, lead, blocks, f"Written by isthmus {isthmus.__version__}.").write(out)


def sketched(sae: Any, activations: Any, samples: Samples) -> tuple[Sketch, Residuals]:
    """One pass: what is remembered of the latents, and what the dictionary leaves over.

    Args:
        sae: A fitted `SAE`.
        activations: (n, d).
        samples: What the rows are of.

    Raises:
        InputError: another number of rows, or none.
    """
    n = activations.shape[0]
    if n != len(samples) or n == 0:
        came = f"{n} rows of activations beside {len(samples)} of what they are of"
        raise InputError(came, "as many of the one as of the other, and one at least", "give both in the same order")
    sketch, parts = Sketch(len(sae.components_), len(samples.words), n), list[Residuals]()
    for start in range(0, n, BLOCK):
        block = np.asarray(activations[start : start + BLOCK])
        codes = sae.transform(block)
        parts.append(Residuals.of(block, sae.inverse_transform(codes)))
        sketch.add(codes, samples.said(start, start + BLOCK))
    return sketch, reduce(add, parts)


def _speller(decode: Spelling) -> Callable[[int], str]:
    """Spelling as a function."""
    if decode is None:
        return str
    return decode if callable(decode) else lambda token: str(decode[token])


def _chosen(latents: Iterable[int] | None, sketch: Sketch) -> Ints:
    """Which latents to show, those that carry most first; of those asked for the ones that fire, as they were asked."""
    if latents is not None:
        asked = np.asarray(list(latents), dtype=np.int64)
        if ((asked < 0) | (asked >= sketch.latents)).any():
            came = f"latents from {asked.min()} to {asked.max()}"
            raise InputError(came, f"they are numbered 0 to {sketch.latents - 1}", "ask for some of those")
        return asked[sketch.fires[asked] > 0]
    order = np.argsort(-sketch.energy, kind="stable")
    return order[sketch.fires[order] > 0][:MOST]


def _ties(sae: Any, sketch: Sketch, shown: Ints, head: ArrayLike | None, spell: Callable[[int], str]) -> Ties:
    """What the latents have to do with each other and with the head."""
    directions = np.asarray(sae.components_, dtype=np.float64)
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    effects, spelling = None, list[str]()
    if head is not None:
        weights = np.asarray(head, dtype=np.float64)
        if weights.ndim != 2 or weights.shape[1] != directions.shape[1]:
            came = f"head of shape {weights.shape}"
            raise InputError(came, f"(V, {directions.shape[1]}): a row for each token", "transpose it?")
        effects = directions[shown] @ (weights - weights.mean(0)).T  # what all tokens gain changes nothing
        spelling = [spell(token) for token in range(len(weights))]
    return Ties(sketch.pairs(shown), unit[shown] @ unit.T, effects, spelling)


def _figures(sketch: Sketch, left: Residuals) -> Figures:
    """The dictionary in numbers."""
    dead = int((sketch.fires == 0).sum())
    return Figures(
        [
            ("On in a row", float(f"{sketch.fires.sum() / sketch.seen:.3g}"), "latents, on average"),
            ("Explained variance", f"{100 * left.explained_variance:.1f} %", "of the rows, around their mean"),
            ("Never on", f"{dead:,}", f"of {sketch.latents:,} latents, on these rows"),
        ]
    )


def _densities(sketch: Sketch) -> Block:
    """How often latents fire."""
    alive = sketch.fires[sketch.fires > 0] / sketch.seen
    if not len(alive):
        return Text("No latent fires on any of these rows.")
    caption = "A latent far to the right is on nearly always and says little; one far to the left hardly ever."
    return charts.histogram(
        {"those that fire": alive},
        title="How often latents fire",
        x="share of the rows, log scale",
        y="latents",
        log_values=True,
        caption=caption,
    )


def _order(shown: int, sketch: Sketch) -> str:
    """Which latents stand here."""
    alive = int((sketch.fires > 0).sum())
    part = f"{shown:,} of {alive:,} that fire" if shown < alive else "All that fire"
    marked = "" if sketch.kept is not None else " Codes were too many to be kept, so that no context is marked."
    return f"{part}, those first whose squared activations add up to most.{marked}"
