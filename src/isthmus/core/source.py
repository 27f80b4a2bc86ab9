"""Where rows come from: anything that can hand out scaled blocks of x."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from isthmus.core.spec import Spec

MOST_ROWS, MOST_CELLS = 2048, 2**22  # looked at: enough for shares to a hundredth, few enough for seconds
STRETCHES = 64  # rows are taken in stretches all over the data, since rows near each other may be alike


class Source(Protocol):
    """Rows of one data set, read and scaled block by block as its `Spec` says."""

    spec: Spec

    def __len__(self) -> int:
        """n, the number of rows."""

    def block(self, start: int, stop: int) -> Tensor:
        """x of rows start to stop, (stop - start, *spec.shape) float32, NaN where a cell is missing.

        The tensor is the caller's to change; the source keeps no reference to it.
        """


def sample(source: Source, most: int = MOST_ROWS) -> Tensor:
    """At most so many rows from all over the source, always the same ones, (n, ...)."""
    return taken(source, stretches(source, most))


def stretches(source: Source, most: int = MOST_ROWS) -> list[tuple[int, int]]:
    """Where the rows of a sample begin and end: the same for whatever stands beside them, row by row."""
    total = len(source)
    wanted = min(total, most, max(STRETCHES, MOST_CELLS // source.spec.n_features))
    if wanted == total:
        return [(0, total)]
    length = wanted // STRETCHES
    starts = [place * (total - length) // (STRETCHES - 1) for place in range(STRETCHES)]
    return [(start, start + length) for start in starts]


def taken(source: Source, where: list[tuple[int, int]]) -> Tensor:
    """The rows of these stretches, (n, ...)."""
    return torch.cat([source.block(*stretch) for stretch in where])
