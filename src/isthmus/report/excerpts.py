"""What many small things are shown with: marked text, content that is folded away, histograms of a line's height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError, ValueRangeError
from isthmus.report.blocks import Block, Place
from isthmus.report.markup import escape, inline
from isthmus.report.numerals import numeral
from isthmus.report.pictures import Chart

WIDE, HIGH, GAP = 320, 46, 1  # user units of a small histogram, and between two of its bars
Pieces = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Excerpts:
    """Lines of text whose pieces are marked as strongly as something is there.

    Args:
        lines: (note, pieces) each: what stands before the line, such as a number, and (text, strength) in order; a
            strength from 0, not marked, to 1.
        caption: What the lines are, marked as in `Text`.

    Raises:
        ValueRangeError: A strength outside [0, 1].

    Example:
        >>> block = Excerpts([("3.2", [("the ", 0.0), ("cat", 1.0)])], caption="Strongest")
        >>> '<mark style="--on:1.00">cat</mark>' in block.html(Place("part", 2))
        True
    """

    lines: Sequence[tuple[str, Pieces]]
    caption: str

    def __post_init__(self) -> None:
        for note, pieces in self.lines:
            for _, strength in pieces:
                if not 0 <= strength <= 1:
                    came = f"a strength of {strength!r} in the line {note!r}"
                    raise ValueRangeError(came, "strengths are in [0, 1]", "divide by the largest")

    def html(self, place: Place) -> str:
        """A figure that holds the lines as a list."""
        items = "".join(
            f'<li><span class="value">{escape(note)}</span><span>{"".join(map(_piece, pieces))}</span></li>'
            for note, pieces in self.lines
        )
        return f'<figure class="excerpts"><figcaption>{inline(self.caption)}</figcaption><ul>{items}</ul></figure>'


def _piece(piece: tuple[str, float]) -> str:
    """A piece of text, with a mark where it has a strength; line ends and tabs are shown."""
    text, strength = piece
    shown = escape(text.replace("\n", "↵").replace("\t", "⇥"))
    return f'<mark style="--on:{strength:.2f}">{shown}</mark>' if strength > 0 else shown


@dataclass(frozen=True)
class Folded:
    """Blocks behind one line, which opens them.

    Args:
        title: The line.
        aside: What stands behind it in small print.
        blocks: What it opens.
        is_open: Whether they are seen from the start.

    Example:
        >>> from isthmus.report import Text
        >>> Folded("Latent 3", "1 %", [Text("a")]).html(Place("part", 3))
        '<details id="part"><summary><strong>Latent 3</strong> <span>1 %</span></summary><p>a</p></details>'
    """

    title: str
    aside: str
    blocks: Sequence[Block]
    is_open: bool = False

    def html(self, place: Place) -> str:
        """The line and what is behind it."""
        inner = "".join(block.html(place.inside(number)) for number, block in enumerate(self.blocks, 1))
        summary = f"<summary><strong>{escape(self.title)}</strong> <span>{escape(self.aside)}</span></summary>"
        return f'<details id="{place.name}"{" open" * self.is_open}>{summary}{inner}</details>'


def spark(counts: npt.ArrayLike, low: str, high: str, *, title: str, y: str = "rows") -> Chart:
    """A histogram as small as a line of text, drawn without matplotlib, so that a page may hold thousands.

    Args:
        counts: What is in each bin, (b,), b >= 1.
        low: What the left end of the first bin is.
        high: What the right end of the last bin is.
        title: The line above it.
        y: What is counted.

    Raises:
        InputError: No bin, or a count below 0.

    Example:
        >>> spark([1, 4, 2], "0", "3", title="Activation").description
        '7 rows in 3 bins from 0 to 3, most in bin 2: 4.'
    """
    found = np.asarray(counts, dtype=np.float64)
    if found.ndim != 1 or not len(found) or not (found >= 0).all():
        came = f"counts of shape {found.shape}"
        raise InputError(came, "one bin at least, and nothing below 0", "count with numpy.histogram")
    width = WIDE / len(found)
    tall = HIGH * found / max(found.max(), 1)
    bars = "".join(
        f'<rect x="{number * width:.1f}" y="{HIGH - height:.1f}" width="{width - GAP:.1f}" height="{height:.1f}"/>'
        for number, height in enumerate(tall)
        if height
    )
    svg = (
        f'<svg viewBox="0 0 {WIDE} {HIGH + 16}" font-size="12"><g fill="var(--series-1)">{bars}</g>'
        f'<path d="M0 {HIGH}h{WIDE}" stroke="var(--soft)"/>'
        f'<g fill="var(--soft)"><text x="0" y="{HIGH + 13}">{escape(low)}</text>'
        f'<text x="{WIDE}" y="{HIGH + 13}" text-anchor="end">{escape(high)}</text></g></svg>'
    )
    most = int(found.argmax())
    described = (
        f"{numeral(found.sum())} {y} in {len(found)} bins from {low} to {high}, "
        f"most in bin {most + 1}: {numeral(found[most])}."
    )
    return Chart(svg, title, described)
