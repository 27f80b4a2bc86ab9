"""Networks that say where a code at some time is headed: (z (B, ...), t (B,), class (B,)) -> velocity, shaped as z."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from isthmus.parts.backbones.axes import convolution, down, halved, normalization, up
from isthmus.parts.backbones.linear import Linear
from isthmus.parts.priors.telling import Moment

LEAST_EXTENT = 4  # of a map that is worth another, coarser level
LEVELS = 3


class DenseTurn(nn.Module):
    """A residual block of two dense layers that hears the moment between them.

    Args:
        width: F.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.last = Linear(width, width), Linear(width, width)
        self.told = Linear(width, width)

    def forward(self, h: Tensor, moment: Tensor) -> Tensor:
        """(B, F) -> (B, F)."""
        inner = self.first(self.norm(h)) + self.told(moment)
        turned: Tensor = h + self.last(nn.functional.silu(inner))
        return turned


class DenseField(nn.Module):
    r"""Residual dense blocks for codes without places, and beside them each number straight through.

    .. math:: v(z, t) = \mathrm{blocks}(z, t) + s(t) \odot z

    Noise is independent in every number, so what the blocks cannot carry of it, having fewer units than z has numbers,
    would stay in the draws; s, learnt for each number, takes it away.

    Args:
        shape: Of one code, (Z,).
        classes: How many classes it may be told.
        dropped: Share of the rows told none in training.
        width: Units.
        blocks: How many.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, dropped: float, width: int, blocks: int) -> None:
        super().__init__()
        self.moment = Moment(width, classes, dropped)
        self.enter, self.leave = Linear(math.prod(shape), width), _still(Linear(width, math.prod(shape)))
        self.blocks = nn.ModuleList(DenseTurn(width) for _ in range(blocks))
        self.straight = _still(Linear(width, math.prod(shape)))

    def forward(self, z: Tensor, t: Tensor, numbers: Tensor) -> Tensor:
        """The velocity at z, (B, Z)."""
        moment, h = self.moment(t, numbers), self.enter(z)
        for block in self.blocks:
            h = block(h, moment)
        velocity: Tensor = self.leave(h) + self.straight(moment) * z
        return velocity


class MapTurn(nn.Module):
    """A residual block of two convolutions that hears the moment between them.

    Args:
        axes: Of the map.
        channels: C.
        told: Width of the moment.
    """

    def __init__(self, axes: int, channels: int, told: int) -> None:
        super().__init__()
        self.opening = nn.Sequential(*normalization(axes, "layer", channels), nn.SiLU())
        self.first = convolution(axes, channels, channels, 3)
        self.told = Linear(told, channels)
        closing = convolution(axes, channels, channels, 3)
        self.last = nn.Sequential(*normalization(axes, "layer", channels), nn.SiLU(), closing)

    def forward(self, h: Tensor, moment: Tensor) -> Tensor:
        """(B, C, *size) -> (B, C, *size)."""
        inner = self.first(self.opening(h))
        told = self.told(moment).view(*inner.shape[:2], *[1] * (inner.ndim - 2))
        turned: Tensor = h + self.last(inner + told)
        return turned


class MapField(nn.Module):
    """A small U-Net for codes that keep their places, and for images, series and volumes themselves.

    The finest level has half of `width` channels, every coarser one `width`.

    Args:
        shape: Of one code, (c, *size).
        classes: How many classes it may be told.
        dropped: Share of the rows told none in training.
        width: Channels.
        blocks: Residual blocks at the coarsest level; the others have one on each side.

    Paper:
        Ronneberger, Fischer & Brox 2015, arXiv:1505.04597.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, dropped: float, width: int, blocks: int) -> None:
        super().__init__()
        channels, *size = shape
        axes = len(size)
        sizes = [each for each in halved(tuple(size), LEVELS) if min(each) >= LEAST_EXTENT] or [tuple(size)]
        widths = [max(width // 2, 1), *[width] * (len(sizes) - 1)]
        self.moment = Moment(width, classes, dropped)
        self.enter = convolution(axes, channels, widths[0], 3)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(MapTurn(axes, a, width) for a, _ in pairs)
        self.coarser = nn.ModuleList(nn.Sequential(*down("stride", axes, a, b, 3, True)) for a, b in pairs)
        self.deepest = nn.ModuleList(MapTurn(axes, widths[-1], width) for _ in range(blocks))
        self.finer = nn.ModuleList(
            nn.Sequential(*up("resize", sizes[i], b, a, 3, True)) for i, (a, b) in enumerate(pairs)
        )
        self.up = nn.ModuleList(MapTurn(axes, a, width) for a, _ in pairs)
        self.leave = _still(convolution(axes, widths[0], channels, 3))

    def forward(self, z: Tensor, t: Tensor, numbers: Tensor) -> Tensor:
        """The velocity at z, (B, c, *size)."""
        moment, h = self.moment(t, numbers), self.enter(z)
        left: list[Tensor] = []
        for block, coarser in zip(self.down, self.coarser, strict=True):
            left.append(block(h, moment))
            h = coarser(left[-1])
        for block in self.deepest:
            h = block(h, moment)
        for block, finer in zip(reversed(self.up), reversed(self.finer), strict=True):
            h = block(finer(h) + left.pop(), moment)
        velocity: Tensor = self.leave(h)
        return velocity


def field(shape: tuple[int, ...], classes: int, dropped: float, width: int, blocks: int) -> nn.Module:
    """Dense layers for a flat code, a U-Net for one with places.

    Example:
        >>> import torch
        >>> made = field((3, 7, 7), classes=0, dropped=0.1, width=16, blocks=1)
        >>> made(torch.zeros(2, 3, 7, 7), torch.zeros(2), torch.zeros(2, dtype=torch.int64)).shape
        torch.Size([2, 3, 7, 7])
    """
    kind: Any = DenseField if len(shape) == 1 else MapField
    made: nn.Module = kind(shape, classes, dropped, width, blocks)
    return made


def _still(layer: Any) -> nn.Module:
    """The layer marked to start at zero."""
    layer.zero_init = True
    return layer  # type: ignore[no-any-return]
