"""Rows known again: a number for each that is the same for equal rows, and what was kept under such numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.source import Source

RESOLUTION = 1e6  # rows are equal after rounding to a millionth of every column's scale
CELLS = 2**20  # read at once
Digests: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]


def digests(source: Source) -> Digests:
    """A number for each row, the same for rows that are equal after rounding, (n,).

    Args:
        source: The rows.
    """
    width = source.spec.n_features
    step, n = max(1, CELLS // width), len(source)
    return np.concatenate([digests_of(source.block(at, min(at + step, n))) for at in range(0, n, step)])


def digests_of(block: Tensor) -> Digests:
    """The digests of rows in scaled units, (B, ...) -> (B,).

    Cells as whole numbers, each times its factor, summed modulo 2^64.
    """
    width = block[0].numel()
    factors = np.random.default_rng(0).integers(1, 2**63, width, dtype=np.uint64) | np.uint64(1)
    cells = np.rint(block.flatten(1).numpy().astype(np.float64) * RESOLUTION)
    whole = np.where(np.isnan(cells), -(2.0**62), cells.clip(-(2.0**61), 2.0**61)).astype(np.int64)
    found: Digests = (whole.view(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
    return found


@dataclass(frozen=True)
class Known:
    """Scores that rows had before the model learnt from them, kept by the rows' digests.

    Args:
        names: Digests in rising order, (m,).
        scores: (m,).

    Example:
        >>> known = Known.of(np.array([9, 4], dtype=np.uint64), np.array([0.9, 0.4]))
        >>> known.instead(np.array([4, 5, 9], dtype=np.uint64), np.array([1.0, 2.0, 3.0]))
        array([0.4, 2. , 0.9])
    """

    names: Digests
    scores: Floats

    @classmethod
    def of(cls, names: Digests, scores: Floats) -> Known:
        """Keep the score of each row; of equal rows that of the first."""
        ranked, first = np.unique(names, return_index=True)
        return cls(ranked, scores[first])

    def instead(self, names: Digests, scores: Floats) -> Floats:
        """The kept score of rows that are known, and the given one of the others, (n,)."""
        at = np.searchsorted(self.names, names).clip(max=len(self.names) - 1)
        return np.where(self.names[at] == names, self.scores[at], scores)
