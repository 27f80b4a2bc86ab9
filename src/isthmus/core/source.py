"""Where rows come from: anything that can hand out scaled blocks of x."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from isthmus.core.spec import Spec


class Source(Protocol):
    """Rows of one data set, read and scaled block by block as its `Spec` says."""

    spec: Spec

    def __len__(self) -> int:
        """n, the number of rows."""

    def block(self, start: int, stop: int) -> Tensor:
        """x of rows start to stop, (stop - start, *spec.shape) float32, NaN where a cell is missing.

        The tensor is the caller's to change; the source keeps no reference to it.
        """
