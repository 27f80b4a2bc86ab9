"""Images, series and volumes as rows of patches, and fixed positions that tell the patches apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

LARGEST, ALONG = 16, (6, 4)  # cells along a patch at most, and patches along the shortest axis at least


def cut(x: Tensor, patch: int) -> Tensor:
    """Patches in rows, (B, C, *size) -> (B, N, C * patch^axes); in a patch the channels come first.

    Example:
        >>> cut(torch.arange(8.0).view(1, 1, 2, 4), 2).tolist()
        [[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]]
    """
    axes = x.dim() - 2
    split = x.reshape(*x.shape[:2], *(part for size in x.shape[2:] for part in (size // patch, patch)))
    grid, inside = range(2, 2 + 2 * axes, 2), range(3, 3 + 2 * axes, 2)
    rows = split.permute(0, *grid, 1, *inside)  # (B, C, h, p, w, q) -> (B, h, w, C, p, q)
    return rows.reshape(len(x), -1, x.shape[1] * patch**axes)


def join(patches: Tensor, grid: Sequence[int], patch: int) -> Tensor:
    """The way back from `cut`, (B, N, C * patch^axes) -> (B, C, *size).

    Example:
        >>> x = torch.arange(24.0).view(1, 2, 4, 3)
        >>> torch.equal(join(cut(x, 1), (4, 3), 1), x)
        True
    """
    axes = len(grid)
    split = patches.reshape(len(patches), *grid, -1, *[patch] * axes)  # (B, h, w, C, p, q)
    pairs = (place for axis in range(axes) for place in (1 + axis, 2 + axes + axis))
    whole = split.permute(0, 1 + axes, *pairs)  # (B, C, h, p, w, q)
    return whole.reshape(len(patches), -1, *(side * patch for side in grid))


def positions(grid: Sequence[int], width: int, base: float | None = None) -> Tensor:
    r"""A fixed mark for each place of a grid, (N, width): sines and cosines of its coordinates.

    .. math:: \big(\sin(c\, \omega_i), \cos(c\, \omega_i)\big)_i, \quad \omega_i = b^{-i / (w/2)}

    Each axis, the last one first, has an equal share w of the width; numbers that are left over are 0.

    The base b is 10,000 in both papers. On a grid of some dozen places most of such waves hardly move, and all marks
    look alike: unless told otherwise b is the length of the longest axis, along which the slowest wave turns by 1.

    Paper:
        Vaswani et al. 2017, arXiv:1706.03762, section 3.5; two axes: He et al. 2022, arXiv:2111.06377, section 3.

    Example:
        >>> positions((1, 2), 8, base=10_000.0)[0]
        tensor([0., 0., 1., 1., 0., 0., 1., 1.])
    """
    share = width // len(grid) // 2
    base = base or float(max(grid))
    waves = base ** (-torch.arange(share, dtype=torch.float64) / max(share, 1))
    places = torch.cartesian_prod(*(torch.arange(side, dtype=torch.float64) for side in grid))
    places = places.reshape(-1, len(grid))
    marks = torch.zeros(math.prod(grid), width)
    for order, axis in enumerate(reversed(range(len(grid)))):
        angles = places[:, axis, None] * waves
        start = 2 * share * order
        marks[:, start : start + 2 * share] = torch.cat([angles.sin(), angles.cos()], 1).float()
    return marks


def side_of(shared: int, shortest: int) -> int:
    """The largest side that tiles and leaves enough patches along the shortest axis, else one cell.

    Example:
        >>> [side_of(size, size) for size in (8, 28, 32, 224)]
        [2, 4, 4, 16]
    """
    sides = [n for n in range(1, min(shared, LARGEST) + 1) if shared % n == 0]
    for along in ALONG:
        fits = [n for n in sides if shortest // n >= along]
        if fits and max(fits) > 1:
            return max(fits)
    return 1
