"""One pass over sparse codes that remembers a little of every latent at once, whatever the size of the blocks is."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

TOP, SAMPLED = 10, 60  # entries that are remembered of each latent: the largest, and some drawn evenly from all
BINS, PER_DOUBLING, LOWEST = 128, 4, -16  # of values: four for each doubling, from 2^-16 to 2^16
TOGETHER = 2**16  # rows on which it is counted which latents fire together
KEPT_BYTES = 2**28  # codes up to this size are kept, so that a context can be marked too
LONGEST = 2**22  # counts of words that are gathered before they are added up


class Ranked:
    """For each latent the few entries with the largest keys; of equal keys those of earlier rows.

    Args:
        latents: L.
        size: Entries of each.

    Example:
        >>> best = Ranked(latents=2, size=1)
        >>> best.take(np.array([1, 1]), np.array([0.5, 2.0]), np.array([0.5, 2.0]), np.array([0, 7]))
        >>> best.rows.tolist()
        [[-1], [7]]
    """

    def __init__(self, latents: int, size: int) -> None:
        self.keys = np.full((latents, size), -np.inf)
        self.values = np.zeros((latents, size), np.float32)
        self.rows = np.full((latents, size), -1, np.int64)

    def take(self, latent: Ints, key: Floats, value: NDArray[Any], row: Ints) -> None:
        """See some entries, (N,) each; rows rise from call to call."""
        fits = key > self.keys[latent, -1]
        if not fits.any():
            return
        touched = np.unique(latent[fits])
        full = self.rows[touched] >= 0
        before = (np.repeat(touched, full.sum(1)), *(of[touched][full] for of in (self.keys, self.values, self.rows)))
        news = (latent[fits], key[fits], value[fits], row[fits])
        latents, keys, values, rows = (np.concatenate(pair) for pair in zip(before, news, strict=True))
        order = np.lexsort((rows, -keys, latents))
        starts = np.flatnonzero(np.diff(latents[order], prepend=-1))
        place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        order, place = order[place < self.keys.shape[1]], place[place < self.keys.shape[1]]
        for of, found in ((self.keys, keys), (self.values, values), (self.rows, rows)):
            of[latents[order], place] = found[order]


class Tally:
    """Counts of pairs, few of which occur; gathered, and added up where they become many.

    Args:
        shape: How many there are of each of the two.

    Example:
        >>> tally = Tally((2, 3))
        >>> for _ in range(2):
        ...     tally.add(np.array([1]), np.array([2]), np.array([1.0]))
        >>> tally.matrix().toarray().tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape, self.parts, self.waiting = shape, list[tuple[Ints, Floats]](), 0

    def add(self, one: Ints, other: Ints, counts: Floats) -> None:
        """Count pairs, (N,) each."""
        self.parts.append((one.astype(np.int64) * self.shape[1] + other, counts))
        self.waiting += len(one)
        if self.waiting > LONGEST:
            self._settle()

    def matrix(self) -> Any:
        """All counts, as CSR."""
        from scipy.sparse import csr_array

        self._settle()
        pairs, counts = self.parts[0]
        return csr_array((counts, np.divmod(pairs, max(self.shape[1], 1))), shape=self.shape)

    def _settle(self) -> None:
        """Add up counts of the same pair."""
        empty = (np.empty(0, np.int64), np.empty(0))
        pairs, counts = (np.concatenate(of) for of in zip(empty, *self.parts, strict=True))
        found, places = np.unique(pairs, return_inverse=True)
        sums: Floats = np.bincount(places, counts, len(found)).astype(np.float64)
        self.parts, self.waiting = [(found, sums)], 0


class Sketch:
    """What is remembered.

    Args:
        latents: L.
        words: How many different words are said of rows.
        rows: How many rows are to come.
    """

    def __init__(self, latents: int, words: int, rows: int) -> None:
        self.latents, self.rows, self.seen = latents, rows, 0
        self.fires, self.energy, self.peak = (np.zeros(latents) for _ in range(3))
        self.total = np.zeros(latents)
        self.bins = np.zeros((latents, BINS), np.int64)
        self.top, self.sampled = Ranked(latents, TOP), Ranked(latents, SAMPLED)
        self.words, self.said = Tally((latents, words)), np.zeros(words)
        self.stride = max(1, rows // TOGETHER)
        self.together: list[Any] = []
        self.kept: list[Any] | None = []

    def add(self, codes: Any, words: Any) -> None:
        """See the next rows: their codes (B, L) and the words that are said of them (B, W), CSR both."""
        codes = codes.tocsr()
        codes.eliminate_zeros()
        row = np.repeat(np.arange(codes.shape[0]), np.diff(codes.indptr)) + self.seen
        latent, value = codes.indices.astype(np.int64), np.abs(codes.data).astype(np.float64)
        self.fires += np.bincount(latent, minlength=self.latents)
        self.total += np.bincount(latent, value, self.latents)
        self.energy += np.bincount(latent, value**2, self.latents)
        np.maximum.at(self.peak, latent, value)
        np.add.at(self.bins, (latent, bin_of(value)), 1)
        self.top.take(latent, value, value, row)
        self.sampled.take(latent, chance(row * self.latents + latent), value, row)
        self._count(codes, words)
        self.seen += codes.shape[0]

    def _count(self, codes: Any, words: Any) -> None:
        """What is said of rows on which a latent fires, and with whom it does."""
        on = codes.copy()
        on.data = np.ones_like(on.data, dtype=np.float64)
        said = (on.T @ words).tocoo()
        self.words.add(said.row, said.col, said.data.astype(np.float64))
        self.said += np.asarray(words.sum(0), dtype=np.float64).ravel()
        self.together.append(on[-self.seen % self.stride :: self.stride])
        if self.kept is not None:
            self.kept.append(codes.astype(np.float32))
            if sum(part.nnz for part in self.kept) * 8 > KEPT_BYTES:
                self.kept = None

    def pairs(self, latents: Ints) -> Any:
        """On how many of the rows that were counted each of these latents fires beside each other one, CSR (l, L)."""
        from scipy.sparse import vstack

        on = vstack(self.together, format="csr")
        return (on[:, latents].T @ on).tocsr()

    def codes(self) -> Any:
        """All codes as CSC, (n, L), or None where they were too many to be kept."""
        from scipy.sparse import vstack

        return None if self.kept is None else vstack(self.kept, format="csc")


def bin_of(values: Floats) -> Ints:
    """The bin of each value above 0, (N,).

    Example:
        >>> bin_of(np.array([1.0, 2.0])) - bin_of(np.array([0.5, 1.0]))
        array([4, 4])
    """
    places = np.floor(PER_DOUBLING * (np.log2(values) - LOWEST)).astype(np.int64)
    inside: Ints = places.clip(0, BINS - 1)
    return inside


def edge_of(place: int) -> float:
    """The value at which a bin begins."""
    return float(2.0 ** (place / PER_DOUBLING + LOWEST))


def chance(numbers: Ints) -> Floats:
    """A number from 0 to 1 for each whole one, as if drawn, but the same at every call and in any block.

    Paper:
        Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators": the output function of SplitMix64.

    Example:
        >>> drawn = chance(np.arange(10_000))
        >>> bool(abs(drawn.mean() - 0.5) < 0.01), bool(drawn.min() >= 0)
        (True, True)
    """
    z = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    mixed: Floats = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53
    return mixed
