"""Working memory that is taken for one call and given back: what keeps a small network's step free of allocation."""

from __future__ import annotations

from threading import local

import torch
from torch import Tensor

KEPT_SHAPES = 4  # row counts for which free sets are kept: two batch sizes of an epoch, two scoring blocks


class Buffers(local):
    """A pool of sets of (rows, width) tensors; each thread has one of its own.

    Each forward pass takes a set of its own and gives it back when its backward pass is done, so a second forward
    before the first backward simply finds the pool empty and gets a fresh set.

    Args:
        widths: The width of each tensor of a set.

    Example:
        >>> pool = Buffers((3, 2))
        >>> first, second = pool.take(4, torch.float32), pool.take(4, torch.float32)
        >>> [tuple(tensor.shape) for tensor in first], first[0] is second[0]
        ([(4, 3), (4, 2)], False)
        >>> pool.give(first)
        >>> pool.take(4, torch.float32)[0] is first[0]
        True
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        self.widths = widths
        self._free: dict[tuple[int, torch.dtype], list[list[Tensor]]] = {}

    def take(self, rows: int, dtype: torch.dtype) -> list[Tensor]:
        """A set for `rows` rows that nobody else holds; its contents are arbitrary."""
        free = self._free.get((rows, dtype))
        if free:
            return free.pop()
        with torch.inference_mode(False):  # memory born in inference mode could never serve a training step
            return [torch.empty(rows, width, dtype=dtype) for width in self.widths]

    def give(self, buffers: list[Tensor]) -> None:
        """Take back a set that is no longer in use."""
        if not buffers:
            return
        key = (buffers[0].shape[0], buffers[0].dtype)
        if key not in self._free and len(self._free) >= KEPT_SHAPES:
            self._free.pop(next(iter(self._free)))
        self._free.setdefault(key, []).append(buffers)

    def __reduce__(self) -> tuple[type[Buffers], tuple[tuple[int, ...]]]:
        """A copy or a pickle starts with an empty pool: what was in it means nothing elsewhere."""
        return Buffers, (self.widths,)
