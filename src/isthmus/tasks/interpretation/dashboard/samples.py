"""What a row of activations is of, so that it can be shown: a token in its text, a picture, a row of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import InputError
from isthmus.report import Block, Excerpts, Images, Table
from isthmus.report.numerals import numeral

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

BEFORE, AFTER = 14, 6  # tokens of context
SHOWN_COLUMNS = 5
PARTS = ("low", "middling", "high")  # thirds of a column's values


class Group(NamedTuple):
    """Examples that belong together: what they are, which rows, and how strongly the latent fires on each."""

    title: str
    rows: Ints
    values: Floats


class Samples(Protocol):
    """What the rows are of.

    Args:
        words: What may be said of a row.
        own: How many of the words, the last ones, the caller has given.
    """

    words: Sequence[str]
    own: int

    def __len__(self) -> int:
        """How many rows there are."""

    def said(self, start: int, stop: int) -> Any:
        """The words of some rows, CSR (B, W)."""

    def blocks(self, groups: Sequence[Group], strengths: Callable[[Ints], Floats], label: Sequence[str]) -> list[Block]:
        """The groups as a page shows them.

        Args:
            groups: The examples.
            strengths: How strongly the latent fires on any rows; 0 where that is not known.
            label: Words of the latent's label.
        """


class Tokens:
    """Tokens of texts, one in each row.

    Args:
        tokens: Their numbers, (n,).
        positions: The place of each in its document, (n,).
        documents: The number of that document, (n,).
        spell: A token's text by its number; pieces of words as tokenizers mark them.
    """

    def __init__(self, tokens: Ints, positions: Ints, documents: Ints, spell: Callable[[int], str]) -> None:
        kinds, self.kind = np.unique(tokens, return_inverse=True)
        self.words: Sequence[str] = [spell(int(token)) for token in kinds]
        self.own = 0
        self.spelt = joined(self.words)
        self.positions, self.documents = np.asarray(positions), np.asarray(documents)
        self.order = np.lexsort((self.positions, self.documents))
        self.rank = np.empty_like(self.order)
        self.rank[self.order] = np.arange(len(self.order))

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self.kind)

    def said(self, start: int, stop: int) -> Any:
        """The token itself."""
        return one_hot([self.kind[start:stop]], [len(self.words)])

    def blocks(self, groups: Sequence[Group], strengths: Callable[[Ints], Floats], label: Sequence[str]) -> list[Block]:
        """Lines of text around each token."""
        peak = max((float(group.values.max()) for group in groups if len(group.values)), default=1.0)
        return [
            Excerpts([self._line(*example, strengths, peak) for example in zip(*group[1:], strict=True)], group.title)
            for group in groups
            if len(group.rows)
        ]

    def _line(
        self, row: int, value: float, strengths: Callable[[Ints], Floats], peak: float
    ) -> tuple[str, list[tuple[str, float]]]:
        """One token with its context, marked by how strongly the latent fires."""
        rows = self.around(row)
        found = np.where(rows == row, value, strengths(rows))
        pieces = [
            (self.spelt[self.kind[place]], float(min(on / peak, 1)))
            for place, on in zip(rows, found.clip(0), strict=True)
        ]
        return numeral(float(value), 3), pieces

    def around(self, row: int) -> Ints:
        """The rows of the tokens around one, in their order, as far as they follow each other."""
        rank = self.rank[row]
        near = self.order[max(rank - BEFORE, 0) : rank + AFTER + 1]
        apart = self.positions[near] - self.positions[row]
        own = self.documents[near] == self.documents[row]
        fits = own & (apart == np.arange(len(near)) - min(rank, BEFORE))
        found: Ints = near[fits]
        return found


class Pictures:
    """A picture in each row.

    Args:
        pixels: The picture of a row, (h, w) or (h, w, c), by its number.
        rows: How many there are.
        span: The darkest and the brightest value that any pixel has.
    """

    def __init__(self, pixels: Callable[[int], NDArray[Any]], rows: int, span: tuple[float, float]) -> None:
        self.pixels, self.rows, self.span = pixels, rows, span
        self.words: Sequence[str] = ()
        self.own = 0

    def __len__(self) -> int:
        """How many rows there are."""
        return self.rows

    def said(self, start: int, stop: int) -> Any:
        """Nothing."""
        return one_hot([], [], min(stop, self.rows) - start)

    def blocks(self, groups: Sequence[Group], strengths: Callable[[Ints], Floats], label: Sequence[str]) -> list[Block]:
        """Each group as a grid."""
        return [
            Images(
                [(self._shown(row), numeral(float(value), 3)) for row, value in zip(*group[1:], strict=True)],
                group.title,
            )
            for group in groups
            if len(group.rows)
        ]

    def _shown(self, row: int) -> Floats:
        """One picture, from 0 to 1."""
        low, high = self.span
        found = np.asarray(self.pixels(int(row)), dtype=np.float64)
        grey = found.mean(-1) if found.ndim == 3 and found.shape[2] not in (1, 3) else found
        shown: Floats = ((grey - low) / max(high - low, 1e-12)).clip(0, 1)
        return shown


class Columns:
    """A row of a table in each row.

    Args:
        columns: Name -> values, (n,) each.
    """

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self.columns = columns
        self.parts = {name: in_parts(name, values) for name, values in columns.items()}
        self.words: Sequence[str] = [word for words, _ in self.parts.values() for word in words]
        self.own = 0

    def __len__(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())))

    def said(self, start: int, stop: int) -> Any:
        """In which third of a column's values, or in which category, the row lies."""
        kinds = [places[start:stop] for _, places in self.parts.values()]
        return one_hot(kinds, [len(words) for words, _ in self.parts.values()])

    def blocks(self, groups: Sequence[Group], strengths: Callable[[Ints], Floats], label: Sequence[str]) -> list[Block]:
        """Each group as a table, columns of the label first."""
        told = [name for name, (words, _) in self.parts.items() if any(word in label for word in words)]
        names = [*told, *(name for name in self.columns if name not in told)][:SHOWN_COLUMNS]
        return [
            Table(
                ["row", "activation", *names],
                [
                    [f"{row}", float(f"{value:.3g}"), *(self.columns[name][row] for name in names)]
                    for row, value in zip(*group[1:], strict=True)
                ],
                group.title,
            )
            for group in groups
            if len(group.rows)
        ]


class Labelled:
    """Samples of any kind, of which something more is known.

    Args:
        samples: The samples.
        labels: What each is, (n,).
    """

    def __init__(self, samples: Samples, labels: Any) -> None:
        kinds, self.kind = np.unique(np.asarray(labels), return_inverse=True)
        if len(self.kind) != len(samples):
            came = f"labels of {len(self.kind)} rows for {len(samples)}"
            raise InputError(came, "each row has one", "give them in the order of the activations")
        self.samples = samples
        self.words: Sequence[str] = [*samples.words, *map(str, kinds)]
        self.own = len(kinds)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.samples)

    def said(self, start: int, stop: int) -> Any:
        """What is said of a row, and its label."""
        from scipy.sparse import hstack

        label = one_hot([self.kind[start:stop]], [self.own])
        return hstack([self.samples.said(start, stop), label], format="csr")

    def blocks(self, groups: Sequence[Group], strengths: Callable[[Ints], Floats], label: Sequence[str]) -> list[Block]:
        """Those of the samples."""
        return self.samples.blocks(groups, strengths, label)


def one_hot(kinds: Sequence[Ints], sizes: Sequence[int], rows: int = 0) -> Any:
    """Several categories of each row beside each other, CSR (B, sum of sizes); a category of -1 is none.

    Example:
        >>> one_hot([np.array([1, -1]), np.array([0, 2])], [2, 3]).toarray().astype(int).tolist()
        [[0, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    """
    from scipy.sparse import csr_array

    rows = len(kinds[0]) if kinds else rows
    shifts = np.cumsum([0, *sizes])
    places = [np.flatnonzero(kind >= 0) for kind in kinds]
    columns = [kind[place] + shift for kind, place, shift in zip(kinds, places, shifts, strict=False)]
    empty = [np.empty(0, np.int64)]
    row, column = np.concatenate(empty + places), np.concatenate(empty + columns)
    return csr_array((np.ones(len(row)), (row, column)), shape=(rows, int(shifts[-1])))


def in_parts(name: str, values: NDArray[Any]) -> tuple[list[str], Ints]:
    """A column as words and the word of each value: thirds of numbers, or categories; -1 for what is missing.

    Example:
        >>> in_parts("size", np.array([1.0, 2.0, 30.0]))
        (['size low', 'size middling', 'size high'], array([0, 1, 2]))
    """
    if values.dtype.kind in "iuf" and len(np.unique(values)) >= len(PARTS):
        numbers = values.astype(np.float64)
        cuts = np.nanquantile(numbers, [1 / 3, 2 / 3])
        third = np.searchsorted(cuts, numbers, side="right").astype(np.int64)
        return [f"{name} {part}" for part in PARTS], np.where(np.isnan(numbers), -1, third)
    kinds, places = np.unique(values.astype(str), return_inverse=True)
    return [f"{name} = {kind}" for kind in kinds], places.astype(np.int64)


def joined(words: Sequence[str]) -> list[str]:
    """Tokens as they read one after the other: a space before each that begins a word, where their marks tell.

    Example:
        >>> joined(["cat", "##s"]), joined(["Ġcat", "s"]), joined(["a", " "])
        ([' cat', 's'], [' cat', 's'], ['a', ' '])
    """
    if any(word.startswith("##") for word in words):
        return [word[2:] if word.startswith("##") else f" {word}" for word in words]
    return [word.replace("Ġ", " ").replace("Ċ", "\n").replace("▁", " ") for word in words]
