"""What a page is made of: prose, key numbers, callouts, code, and sections that hold other blocks.

A block is anything with `html(place) -> str`; tables, charts and images have files of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from isthmus.errors import ParameterError, UnknownNameError
from isthmus.report.markup import escape, inline, paragraphs
from isthmus.report.numerals import numeral

DEEPEST_HEADING = 6  # HTML ends at h6
NOTES = {"note": "Note", "good": "In order", "warning": "Warning"}


@dataclass(frozen=True)
class Place:
    """Where on the page a block stands.

    Args:
        name: Unique on the page; what a block needs an id for begins with it.
        level: The heading that a section here gets, 2 to 6.
    """

    name: str
    level: int

    def inside(self, number: int) -> Place:
        """The place of the block with this number within a section that stands here."""
        return Place(f"{self.name}-{number}", self.level + 1)


class Block(Protocol):
    """Anything that can say what it looks like in HTML, everything from outside escaped."""

    def html(self, place: Place) -> str:
        """The block as a fragment of HTML that is valid within `<main>` or `<section>`."""


@dataclass(frozen=True)
class Text:
    """Prose: paragraphs parted by blank lines, lists of lines that begin with `- `.

    Args:
        text: The prose, with `**strong**`, `*emphasis*` and code in backticks; anything else is literal.

    Example:
        >>> Text("The **rate** is `0`.").html(Place("part", 2))
        '<p>The <strong>rate</strong> is <code>0</code>.</p>'
    """

    text: str

    def html(self, place: Place) -> str:
        """The paragraphs."""
        return paragraphs(self.text)


@dataclass(frozen=True)
class Figures:
    """A row of key numbers.

    Args:
        items: (label, value, note) each: what it is, the number (or a text such as "94 %"), and what it means.

    Example:
        >>> block = Figures([("Rows", 1234, "benign only")])
        >>> "1,234" in block.html(Place("part", 2))
        True
    """

    items: Sequence[tuple[str, str | float, str]]

    def html(self, place: Place) -> str:
        """A description list: each label with its value and its note."""
        return f'<dl class="figures">{"".join(map(_figure, self.items))}</dl>'


def _figure(item: tuple[str, str | float, str]) -> str:
    """One key number."""
    label, value, note = item
    shown = escape(value) if isinstance(value, str) else numeral(value)
    below = f'<dd class="aside">{inline(note)}</dd>' if note else ""
    return f"<div><dt>{escape(label)}</dt><dd>{shown}</dd>{below}</div>"


@dataclass(frozen=True)
class Note:
    """A callout beside the running text; its kind is said in words, not by colour alone.

    Args:
        kind: "note", "good" or "warning".
        text: The prose, marked as in `Text`.
        title: Words that stand first; "" for the kind's own.

    Raises:
        UnknownNameError: The kind is none of the three.

    Example:
        >>> "Few rows" in Note("warning", "107 rows calibrate the threshold.", title="Few rows").html(Place("part", 2))
        True
    """

    kind: str
    text: str
    title: str = ""

    def __post_init__(self) -> None:
        if self.kind not in NOTES:
            raise UnknownNameError.among("kind", self.kind, NOTES)

    def html(self, place: Place) -> str:
        """An aside with its title as the first line."""
        title = escape(self.title or NOTES[self.kind])
        return f'<aside class="callout {self.kind}"><p class="kind">{title}</p>{paragraphs(self.text)}</aside>'


@dataclass(frozen=True)
class Code:
    """Code or output, letter by letter.

    Args:
        code: The text; it scrolls sideways where a line is wider than the page.
        caption: A line above it, marked as in `Text`; "" for none.

    Example:
        >>> "a &lt; b" in Code("a < b").html(Place("part", 2))
        True
    """

    code: str
    caption: str = ""

    def html(self, place: Place) -> str:
        """A figure that the keyboard can scroll."""
        caption = f"<figcaption>{inline(self.caption)}</figcaption>" if self.caption else ""
        label = escape(self.caption or "code")
        body = escape(self.code.strip("\n"))
        return (
            f'<figure class="code">{caption}<pre role="region" aria-label="{label}" tabindex="0">'
            f"<code>{body}</code></pre></figure>"
        )


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it; sections nest, and their headings count down from h2.

    Args:
        title: The heading.
        blocks: What stands below it.

    Example:
        >>> Section("Data", [Text("569 rows.")]).html(Place("part", 2))
        '<section aria-labelledby="part"><h2 id="part">Data</h2><p>569 rows.</p></section>'
    """

    title: str
    blocks: Sequence[Block]

    def html(self, place: Place) -> str:
        """The section.

        Raises:
            ParameterError: It is nested deeper than HTML has headings.
        """
        if place.level > DEEPEST_HEADING:
            allowed = f"headings end at h{DEEPEST_HEADING}, so sections nest {DEEPEST_HEADING - 1} deep"
            raise ParameterError(f"title={self.title!r} at depth {place.level - 1}", allowed, "merge two of the levels")
        heading = f'<h{place.level} id="{place.name}">{escape(self.title)}</h{place.level}>'
        inner = "".join(block.html(place.inside(number)) for number, block in enumerate(self.blocks, 1))
        return f'<section aria-labelledby="{place.name}">{heading}{inner}</section>'
