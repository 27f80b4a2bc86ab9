"""Rows that are in memory, handed out as scaled blocks: an array scaled as it is asked for, or a ready tensor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.data.arrays import channels_first
from isthmus.data.scaling import scaled
from isthmus.errors import InputError


class ArraySource:
    """A table or stack of images in the caller's own array, sparse matrix or memory map, scaled block by block.

    Nothing is copied but the block that is asked for; float32 is scaled in float32, wider types in float64.

    Args:
        array: Rows, (n, D) or (n, ...) with the axes of `spec.layout`.
        spec: What they are.

    Example:
        >>> from isthmus.data.tables import learn_table
        >>> array = np.array([[1.0], [3.0], [5.0]])
        >>> ArraySource(array, learn_table(array)).block(1, 3)
        tensor([[0.0000],
                [1.2247]])
    """

    def __init__(self, array: Any, spec: Spec) -> None:
        self.array, self.spec = array, spec
        is_table = spec.kind == "table"
        self.center: Any = spec.center.numpy() if is_table else spec.offset
        self.scale: Any = spec.scale.numpy() if is_table else spec.factor
        self.logs = spec.logs

    def __len__(self) -> int:
        """n, the number of rows."""
        return int(self.array.shape[0])

    def block(self, start: int, stop: int) -> Tensor:
        """x of rows start to stop, (stop - start, *spec.shape) float32, NaN where a cell is missing."""
        rows = self.array[start:stop]
        if scipy.sparse.issparse(rows):
            rows = rows.toarray()
        elif self.spec.kind != "table":
            rows = channels_first(np.asarray(rows), self.spec.layout)
        return torch.from_numpy(scaled(rows, self.center, self.scale, self.logs))


class TensorSource:
    """Rows that are x already.

    Args:
        x: (n, *spec.shape) float32, NaN where a cell is missing.
        spec: What they are.

    Example:
        >>> TensorSource(torch.arange(6.0).view(3, 2), Spec("table", (2,))).block(1, 2)
        tensor([[2., 3.]])
    """

    def __init__(self, x: Tensor, spec: Spec) -> None:
        self.x, self.spec = x, spec

    def __len__(self) -> int:
        """n, the number of rows."""
        return len(self.x)

    def block(self, start: int, stop: int) -> Tensor:
        """A copy of these rows."""
        return self.x[start:stop].clone()


def check_memory(rows: int, columns: int) -> None:
    """Refuse a sparse matrix that would not fit in memory once every zero is written out.

    Raises:
        InputError: rows x columns float32 numbers need more than the machine has free.
    """
    needed, free = 4 * rows * columns, free_memory()
    if needed > free:
        raise InputError(
            f"a sparse X of shape ({rows}, {columns}), {needed / 1e9:.3g} GB once dense",
            f"a network reads dense rows, and {free / 1e9:.3g} GB of memory are free",
            "use fewer columns, sklearn.decomposition.TruncatedSVD(100).fit_transform(X), or fewer rows",
        )


def free_memory() -> float:
    """Bytes that can still be had without swapping; without end where the system does not say."""
    table = Path("/proc/meminfo")
    if table.exists():
        sizes = dict(line.split(":") for line in table.read_text(encoding="ascii").splitlines())
        return 1024.0 * int(sizes["MemAvailable"].split()[0])
    known = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in known and "SC_PAGE_SIZE" in known:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    return float("inf")
