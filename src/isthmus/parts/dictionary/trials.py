"""Latents that are never on, tried on what the others leave over, so that they learn to be of use."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import pad

from isthmus.parts.dictionary.selection import Entries, as_entries, largest

MOST = 256  # latents on trial in a row


class Trials(NamedTuple):
    """Who is tried, and where.

    Args:
        latents: m of them, (m,) int64.
        rows: In how many rows of a batch, its first ones.
        most: How many of them in a row, those with the largest pre-activations.

    Paper:
        Gao et al. 2024, arXiv:2406.04093, appendix A.2. Theirs are cut off at zero, so that one below zero everywhere
        has no gradient and stays dead; ours are as strong as their pre-activations, whatever the sign.
    """

    latents: Tensor
    rows: int
    most: int

    @classmethod
    def of(cls, dead: Tensor, rows: int, wanted: float, answers: int) -> Trials | None:
        """Trials of the dead, with no more entries than those that are on; None where nobody is dead.

        Args:
            dead: (m,) int64.
            rows: B.
            wanted: How many latents are on in a row.
            answers: T, of which at most half as many latents are tried in a row.
        """
        if not len(dead):
            return None
        most = min(len(dead), max(answers // 2, 1), MOST)
        return cls(dead, max(1, min(rows, round(rows * wanted / most))), most)

    def among(self, h: Tensor, start: int) -> Entries:
        """Those tried in a pass of rows, the first of which is row `start` of the batch.

        Args:
            h: Pre-activations, (rows, n).
            start: Rows before these.
        """
        some = h[: max(0, self.rows - start)]
        values, places = largest(some.index_select(1, self.latents), self.most)
        entries = as_entries(values, self.latents[places])
        return entries._replace(counts=pad(entries.counts, (0, len(h) - len(some))))
