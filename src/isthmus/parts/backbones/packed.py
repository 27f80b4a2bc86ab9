"""Convolutions over images with their kernels packed once, as the processor's library wants them, beyond training.

Left alone, torch packs a kernel at every call, which for a single image takes far longer than the products; and it
takes another way for one image than for several, which rounds otherwise. How a kernel is best packed depends on the
processor and on the shape of the images: one packed for another shape would be packed anew at every call. The
operations used here are those that torch's own compiler calls. Where they are missing nothing is packed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from isthmus.parts.backbones.kept import Kept

_LIBRARY: Any = torch.ops.mkldnn
_NAMES = (
    "_convolution_pointwise",
    "_convolution_transpose_pointwise",
    "_reorder_convolution_weight",
    "_reorder_convolution_transpose_weight",
)
_IS_THERE = torch.backends.mkldnn.is_available() and all(hasattr(_LIBRARY, name) for name in _NAMES)
_CALLS: list[Any] = [getattr(_LIBRARY, name).default for name in _NAMES if _IS_THERE] or [None] * len(_NAMES)
_CONVOLVE, _TRANSPOSE, _PACK, _PACK_TRANSPOSED = _CALLS
_ALONE: tuple[str, list[float], str] = ("none", [], "")  # no other operation is joined to it
SHAPES = 8  # of images for which a kernel is kept packed: scoring has fewer, and `sample(n)` as many as there are n

Packed: TypeAlias = Callable[[torch.Size], Tensor]
"""Shape of the images, (B, C, H, W) -> the kernel as it is best packed for them."""


def packed(pack: Any, kernel: Tensor, options: tuple[Any, ...]) -> Packed:
    """A kernel that is packed once for each of the last few shapes that it met."""
    return lru_cache(SHAPES)(lambda shape: pack(kernel, *options, shape))


def is_packable(x: Tensor, weight: Tensor) -> bool:
    """Whether x, (B, C, H, W), can be convolved with a packed kernel, where nothing passes back."""
    fits = x.ndim == 4 and x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
    return fits and _IS_THERE and not torch.is_autocast_enabled("cpu")


class Planar(nn.Conv2d):
    """A convolution over images; beyond training one image has the bits of the first of many."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kept: Kept[Packed] = Kept()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        if self.training or torch.is_grad_enabled() or not is_packable(x, self.weight):
            return super().forward(x)
        options = (self.padding, self.stride, self.dilation, self.groups)
        kernel = self.kept.of([self.weight], lambda: packed(_PACK, self.weight, options))(x.shape)
        y: Tensor = _CONVOLVE(x, kernel, self.bias, *options, *_ALONE)
        return y

    def train(self, mode: bool = True) -> Planar:
        """Forget the packed kernels, and go on as any module."""
        self.kept.forget()
        return super().train(mode)


class PackedDoubling:
    """A transposed convolution at stride 2 with packed kernels.

    Args:
        kernel: (C, C', k + 1, k + 1).
        padding: Cut off on every side.
    """

    def __init__(self, kernel: Tensor, padding: int) -> None:
        side, twice, one, none = [padding] * 2, [2, 2], [1, 1], [0, 0]
        self.options = (side, none, twice, one, 1)
        self.kernel = packed(_PACK_TRANSPOSED, kernel, self.options)

    def __call__(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """(B, C, H, W) -> (B, C', 2 H, 2 W)."""
        y: Tensor = _TRANSPOSE(x, self.kernel(x.shape), bias, *self.options, *_ALONE)
        return y
