"""Which windows run together, and where each of their rows goes, known before the network runs for the first time.

Rows are spread by one random permutation over all chunks, so that a chunk read from its first row to its last mixes
documents as well as drawing rows one by one would. Where all rows together are larger than a group, documents are
dealt out to groups at random and rows are spread within each: a run then writes into few gigabytes at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Plan(NamedTuple):
    """What a collection does.

    Args:
        batches: Windows that run together, of each step.
        firsts: How many rows came before each step.
        places: Where the rows go, (n,), in the order in which they come.
    """

    batches: list[Ints]
    firsts: list[int]
    places: Ints

    def steps(self, done: int = 0) -> Iterator[tuple[int, Ints, Ints]]:
        """Number, windows and places of each step that is not done yet."""
        for number in range(done, len(self.batches)):
            yield number, self.batches[number], self.places[self.firsts[number] : self.firsts[number + 1]]


def planned(counts: Ints, lengths: Ints, batch_size: int, group_rows: int, *, even: bool, seed: int | None) -> Plan:
    """Put windows of like length together, and rows where chance wants them.

    Args:
        counts: Rows that each window gives, (W,).
        lengths: Its tokens, (W,).
        batch_size: Windows that run together, at most.
        group_rows: Rows within which chance spreads them.
        even: Whether only windows of one length may run together.
        seed: Of chance; None leaves rows in the order of the windows.

    Example:
        >>> plan = planned(np.array([1, 2]), np.array([1, 2]), 8, 100, even=True, seed=None)
        >>> [batch.tolist() for batch in plan.batches], plan.places.tolist()
        ([[1], [0]], [1, 2, 0])
    """
    chance = np.random.default_rng(seed)
    order = np.arange(len(counts)) if seed is None else chance.permutation(len(counts))
    starts = np.zeros(len(counts), np.int64)
    starts[order] = np.cumsum(counts[order]) - counts[order]
    batches, places = list[Ints](), [np.zeros(0, np.int64)]
    for group in _groups(order, counts, group_rows):
        first, rows = int(starts[group[0]]), int(counts[group].sum())
        spread = np.arange(rows) if seed is None else chance.permutation(rows)
        for batch in _batches(group, lengths, batch_size, even):
            batches.append(batch)
            places += [first + spread[starts[window] - first :][: counts[window]] for window in batch]
    firsts = np.cumsum([0, *(int(counts[batch].sum()) for batch in batches)]).tolist()
    return Plan(batches, firsts, np.concatenate(places))


def _groups(order: Ints, counts: Ints, rows: int) -> list[Ints]:
    """The windows cut into runs of about so many rows."""
    number = (np.cumsum(counts[order]) - counts[order]) // max(1, rows)
    return np.split(order, np.flatnonzero(np.diff(number)) + 1)


def _batches(group: Ints, lengths: Ints, size: int, even: bool) -> list[Ints]:
    """The windows of a group, longest first so that memory shows at once whether it is enough."""
    ranked = group[np.argsort(-lengths[group], kind="stable")]
    runs = np.split(ranked, np.flatnonzero(np.diff(lengths[ranked])) + 1) if even else [ranked]
    return [run[first : first + size] for run in runs for first in range(0, len(run), size)]
