"""Normal rows that a detector keeps to show beside an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from isthmus.core.source import Source
from isthmus.tasks.anomaly.neighbours import Neighbours, step_over

MOST_CELLS = 2**22  # that are kept: 16 MiB, which holds a row for each code of a table of up to 1024 columns
READ = 4096  # rows read at once


@dataclass(frozen=True)
class Examples:
    """Training rows, each beside its code.

    A table of more than 1024 columns keeps every second of its codes' rows, or fewer, so that a saved detector does
    not outgrow its network by much.

    Args:
        near: The codes of the rows, (R, Z).
        x: The rows in scaled units, (R, D) float32, NaN where a cell is missing.
    """

    near: Neighbours
    x: Tensor

    @classmethod
    def of(cls, kept: Neighbours, source: Source) -> Self:
        """Keep rows of training beside codes that were kept of them.

        Args:
            kept: Made of the codes of all rows.
            source: All rows.
        """
        step, rows = step_over(len(source)) * thinning(len(kept.codes), source.spec.n_features), len(source)
        blocks = ((at, source.block(at, min(at + READ, rows))) for at in range(0, rows, READ))
        return cls.beside(kept, torch.cat([block[-at % step :: step] for at, block in blocks]))

    @classmethod
    def beside(cls, kept: Neighbours, x: Tensor) -> Self:
        """The same of rows that were kept so, (R, D)."""
        return cls(Neighbours(kept.codes[:: thinning(len(kept.codes), x.shape[1])]), x)

    def nearest(self, codes: Tensor) -> Tensor:
        """The row whose code lies nearest to each of these, (n, Z) -> (n, D); of equally near ones the first."""
        return self.x[self.near.nearest(codes)]


def thinning(codes: int, columns: int) -> int:
    """Of how many codes one keeps its row.

    Example:
        >>> thinning(4096, 1024), thinning(4096, 1025)
        (1, 2)
    """
    return -(-codes * columns // MOST_CELLS)
