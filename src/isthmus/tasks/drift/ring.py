"""Blocks of a ring: what a stretch of time would hold, were it drawn again with neighbours left together."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int32]


def sums_of(codes: NDArray[np.int64], bins: int) -> Counts:
    """How many of the first i values lie in each bin, for i up to twice round the ring, (2 n + 1, K).

    Args:
        codes: (n,) the bin of each value.
        bins: K.
    """
    n = len(codes)
    sums = np.zeros((2 * n + 1, bins), dtype=np.int32)
    sums[np.arange(1, 2 * n + 1), np.concatenate([codes, codes])] = 1
    return np.cumsum(sums, axis=0, out=sums)


def counted(sums: Counts, starts: Any, length: int) -> Counts:
    """How many values of each bin lie in blocks of a ring, (..., K).

    Args:
        sums: Of the ring.
        starts: (...) the first value of each block.
        length: Of a block, at most once round.

    Example:
        >>> counted(sums_of(np.array([0, 0, 1]), 2), np.array([0, 2]), 2)
        array([[2, 0],
               [1, 1]], dtype=int32)
    """
    return np.asarray(sums[starts + length] - sums[starts])
