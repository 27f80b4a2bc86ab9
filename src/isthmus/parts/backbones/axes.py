"""Layers by the number of axes they slide along: 0 (a flat row), 1 (series), 2 (images), 3 (volumes).

Every size is known when a layer is built, so that what was halved comes back exactly: 7 -> 4 -> 7 and 8 -> 4 -> 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose1d, conv_transpose2d, conv_transpose3d, fold

from isthmus.parts.backbones.kept import Kept
from isthmus.parts.backbones.linear import Linear
from isthmus.parts.backbones.packed import PackedDoubling, Planar, is_packable

Size: TypeAlias = tuple[int, ...]
Sliding: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Conv3d
Doubling: TypeAlias = Callable[[Tensor, Tensor | None], Tensor]
"""Twice the extent along every axis from (x, bias)."""

# Looked up by axes - 1, normalizations by axes.
_CONVOLUTIONS = (nn.Conv1d, Planar, nn.Conv3d)
_TRANSPOSED: tuple[type[nn.Module], ...] = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_TRANSPOSE: tuple[Callable[..., Tensor], ...] = (conv_transpose1d, conv_transpose2d, conv_transpose3d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_BATCH = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def channels_last(x: Tensor) -> Tensor:
    """The same numbers with the channels innermost in memory, which CPU convolutions over images and volumes like best.

    `contiguous(memory_format=...)` leaves a tensor of one channel as it is, and every layer behind it then runs in the
    slower order; a view of the flat numbers has no such doubt.

    Args:
        x: (B, C, *size); a series or a flat row comes back as it is.
    """
    if x.ndim < 4:
        return x
    inner = x.movedim(1, -1)  # (B, C, *size) -> (B, *size, C)
    return inner.flatten().view(inner.shape).movedim(-1, 1)


def halved(size: Size, times: int) -> list[Size]:
    """The extents before and after each halving, odd ones rounded up.

    Example:
        >>> halved((28, 9), 3)
        [(28, 9), (14, 5), (7, 3), (4, 2)]
    """
    sizes = [size]
    for _ in range(times):
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    return sizes


def convolution(axes: int, channels_in: int, channels_out: int, kernel_size: int, bias: bool = True) -> nn.Module:
    """A convolution that keeps the extent; on a flat row a dense layer."""
    if axes == 0:
        return Linear(channels_in, channels_out, bias)
    return _sliding(axes, channels_in, channels_out, kernel_size, 1, bias)


def _sliding(axes: int, channels_in: int, channels_out: int, kernel_size: int, stride: int, bias: bool) -> Sliding:
    """A convolution whose answer has extent / stride places, rounded up."""
    layer = _CONVOLUTIONS[axes - 1]
    return layer(channels_in, channels_out, kernel_size, stride, padding=kernel_size // 2, bias=bias)


def normalization(axes: int, name: str, channels: int) -> list[nn.Module]:
    """What normalizes (B, C, *size): nothing, each channel over the batch, or each row over all it has."""
    if name == "none":
        return []
    return [_BATCH[axes](channels) if name == "batch" else nn.GroupNorm(1, channels)]


def down(by: str, axes: int, channels_in: int, channels_out: int, kernel_size: int, bias: bool) -> list[nn.Module]:
    """From one level to the next deeper one: (B, C, *size) -> (B, C', *halved).

    Args:
        by: "stride" (one convolution that takes every other place) or "pool" (maximum of each 2 after it).
        axes: 0 to 3; at 0 only the width changes.
        channels_in: C.
        channels_out: C'.
        kernel_size: Odd extent of the kernel.
        bias: Whether the convolution adds one.
    """
    if axes == 0:
        return [Linear(channels_in, channels_out, bias)]
    if by == "stride":
        return [_sliding(axes, channels_in, channels_out, kernel_size, 2, bias)]
    return [_sliding(axes, channels_in, channels_out, kernel_size, 1, bias), _POOLS[axes - 1](2, ceil_mode=True)]


def up(by: str, size: Size, channels_in: int, channels_out: int, kernel_size: int, bias: bool) -> list[nn.Module]:
    """From one level back to the shallower one: (B, C, *halved) -> (B, C', *size).

    Args:
        by: "resize" (nearest neighbour, then a convolution: no checkerboard, Odena et al. 2016), "transposed" or
            "pixel-shuffle" (Shi et al. 2016, arXiv:1609.05158).
        size: The extent to come back to; () for a flat row, where only the width changes.
        channels_in: C.
        channels_out: C'.
        kernel_size: Odd extent of the kernel.
        bias: Whether the convolution adds one.
    """
    axes, padding = len(size), kernel_size // 2
    if axes == 0:
        return [Linear(channels_in, channels_out, bias)]
    if by == "resize":
        return [Resized(_sliding(axes, channels_in, channels_out, kernel_size, 1, bias), size)]
    if by == "pixel-shuffle":
        return [_sliding(axes, channels_in, channels_out * 2**axes, kernel_size, 1, bias), Shuffle(size)]
    even = tuple(1 - n % 2 for n in size)  # m places become 2 m - 1, and one more where the extent is even
    return [_TRANSPOSED[axes - 1](channels_in, channels_out, kernel_size, 2, padding, output_padding=even, bias=bias)]


class Resized(nn.Module):
    r"""Each cell twice along every axis, then a convolution, (B, C, *halved) -> (B, C', *size): in one step.

    A kernel of k cells over doubled ones is a kernel of k + 1 over the single ones at stride 2: w, turned about, and
    added to itself one place on. As a transposed convolution that takes 16 products for 36 on an image and 64 for 216
    in a volume (k = 3), and the doubled input is never made.

    .. math:: v_t = w_{k-1-t} + w_{k-t}, \quad t = 0 \dots k, \text{ along each axis, } w = 0 \text{ outside}

    Beyond training v is kept, packed, while w stays: a lone row would wait longer for it than for the products.
    Towards a single channel it is one matrix product whose cells are folded together, which takes a fifth of the time
    (half of it with its backward pass).

    Args:
        layer: The convolution, which owns w; odd kernel, stride 1.
        size: Where the doubled extent is cut.
    """

    spread: Tensor

    def __init__(self, layer: Sliding, size: Sequence[int]) -> None:
        super().__init__()
        self.layer = layer
        self.size = tuple(size)
        self.register_buffer("spread", _spread(layer.kernel_size[0], len(size)), persistent=False)
        self.kept: Kept[Doubling] = Kept()

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of the doubled x, cut to the extent."""
        weight = self.layer.weight
        if self.training or torch.is_grad_enabled():
            doubled = self._doubling(packs=False)
        else:
            doubled = self.kept.of([weight], lambda: self._doubling(is_packable(x, weight)))
        return _cut(doubled(x, self.layer.bias), self.size)

    def train(self, mode: bool = True) -> Resized:
        """Forget what v was made into, and go on as any module."""
        self.kept.forget()
        return super().train(mode)

    def _doubling(self, packs: bool) -> Doubling:
        """The transposed convolution with v."""
        kernel, padding = self._kernel(), self.layer.kernel_size[0] // 2
        if kernel.ndim == 4 and kernel.shape[1] == 1:
            return partial(_folded, kernel, padding)
        if packs:
            return PackedDoubling(kernel, padding)
        transpose = _TRANSPOSE[len(self.size) - 1]
        return lambda x, bias: transpose(x, kernel, bias, stride=2, padding=padding)

    def _kernel(self) -> Tensor:
        """v, (C, C', k + 1, ...)."""
        axes, k = len(self.size), self.layer.kernel_size[0]
        weight = self.layer.weight.transpose(0, 1)  # (C', C, k, ...) -> (C, C', k, ...)
        flat = weight.reshape(-1, k**axes) @ self.spread  # -> (C * C', (k + 1) ** axes)
        return flat.reshape(*weight.shape[:2], *(k + 1,) * axes)


def _folded(kernel: Tensor, padding: int, x: Tensor, bias: Tensor | None) -> Tensor:
    """The transposed convolution at stride 2 towards a single channel, (B, C, h, w) -> (B, 1, 2 h, 2 w)."""
    size = tuple(2 * n for n in x.shape[2:])
    cells = x.flatten(2).transpose(1, 2) @ kernel.flatten(1)  # (B, h w, C) @ (C, (k + 1)^2) -> (B, h w, (k + 1)^2)
    y = fold(cells.transpose(1, 2), size, kernel.shape[2:], padding=padding, stride=2)
    return y if bias is None else y + bias


def _spread(k: int, axes: int) -> Tensor:
    """Which cells of w make up each cell of v, (k ** axes, (k + 1) ** axes) of zeros and ones."""
    turned = torch.eye(k).flip(1)
    line = nn.functional.pad(turned, (0, 1)) + nn.functional.pad(turned, (1, 0))
    whole = torch.ones(1, 1)
    for _ in range(axes):
        whole = torch.kron(whole, line)
    return whole


class Shuffle(nn.Module):
    """Channels spread over space: (B, C * 2 ** axes, *halved) -> (B, C, *size), cut where the extent is odd.

    For images of even extent it is `torch.nn.PixelShuffle(2)`.

    Example:
        >>> import torch
        >>> Shuffle((3,))(torch.tensor([[[1., 3.], [2., 4.]]]))
        tensor([[[1., 2., 3.]]])
    """

    def __init__(self, size: Sequence[int]) -> None:
        super().__init__()
        self.size = tuple(size)

    def forward(self, x: Tensor) -> Tensor:
        """Two cells along every axis from the 2 ** axes channels of each."""
        axes = len(self.size)
        channels = x.shape[1] // 2**axes
        cells = x.reshape(x.shape[0], channels, *(2,) * axes, *x.shape[2:])  # (B, C 2^a, h, w) -> (B, C, 2, 2, h, w)
        pairs = [axis for i in range(axes) for axis in (2 + axes + i, 2 + i)]
        woven = cells.permute(0, *pairs, 1)  # -> (B, h, 2, w, 2, C)
        doubled = woven.reshape(x.shape[0], *(2 * n for n in x.shape[2:]), channels)  # -> (B, 2 h, 2 w, C)
        return _cut(doubled.movedim(-1, 1), self.size)


def _cut(x: Tensor, size: Size) -> Tensor:
    """The first cells of every axis: (B, C, *doubled) -> (B, C, *size)."""
    for axis, n in enumerate(size, start=2):
        x = x if x.shape[axis] == n else x.narrow(axis, 0, n)
    return x
