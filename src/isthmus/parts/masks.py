"""Cheap random masks: one 64-bit random number serves eight cells, a byte each.

Torch draws one random number per cell, on one thread, and its masks cost more than the products of a small network.
A byte knows 256 values, so the share of a mask is a multiple of 1/256; `byte_share` says which.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from isthmus.parts.noise import source


def byte_share(p: float) -> float:
    r"""The share of True cells that `byte_mask` gives for `p`: exact, and what a rescaling must divide by.

    .. math:: p_8 = \mathrm{round}(256 p) / 256

    Only p = 0 gives 0 and only p = 1 gives 1; what would round to them becomes 1/256 or 255/256.

    Args:
        p: The wanted share, 0 to 1.

    Example:
        >>> byte_share(0.5), byte_share(0.1), byte_share(1e-9), byte_share(0.0)
        (0.5, 0.1015625, 0.00390625, 0.0)
    """
    return _threshold(p) / 256


def byte_mask(shape: Sequence[int], p: float, generator: torch.Generator | None, device: torch.device | str) -> Tensor:
    """A mask whose cells are True with probability `byte_share(p)`, independently of each other.

    Args:
        shape: The mask's shape.
        p: Wanted share of True cells, 0 to 1; rounded to a multiple of 1/256 as `byte_share` says.
        generator: Where the numbers come from; None for a new one. At p = 0 and p = 1 nothing is drawn.
        device: Where the mask lives.

    Example:
        >>> mask = byte_mask((4, 1000), 0.25, torch.Generator().manual_seed(0), "cpu")
        >>> mask.dtype, mask.shape, bool(abs(mask.float().mean() - 0.25) < 0.03)
        (torch.bool, torch.Size([4, 1000]), True)
    """
    threshold, n = _threshold(p), math.prod(shape)
    if threshold in (0, 256):
        return torch.full(tuple(shape), threshold == 256, device=device)
    rng = source(generator, torch.device(device))
    words = torch.empty(-(-n // 8), dtype=torch.int64, device=rng.device).random_(-(2**63), None, generator=rng)
    return (words.view(torch.uint8)[:n] < threshold).view(tuple(shape)).to(device)


def _threshold(p: float) -> int:
    """How many of the 256 values of a byte count as True."""
    return round(p) * 256 if p in (0, 1) else min(max(round(256 * p), 1), 255)
