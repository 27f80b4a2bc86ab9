"""Packed kernels: the answers of ordinary convolutions, packed once for each of the last few shapes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.parts.backbones.axes import Resized
from isthmus.parts.backbones.packed import SHAPES, Planar, packed


def images(n: int, channels: int) -> Tensor:
    return torch.randn(n, channels, 7, 7, generator=torch.Generator().manual_seed(n))


def test_every_number_of_images_gets_the_plain_answer() -> None:
    parts = (Planar(3, 5, 3, 2, padding=1), Resized(Planar(3, 5, 3, padding=1), (14, 14)))
    for part in parts:
        for n in (1, 2, 64, 1):
            x = images(n, 3)
            plain = part.train()(x).detach()
            with torch.inference_mode():
                torch.testing.assert_close(part.eval()(x), plain, rtol=1e-5, atol=1e-5)


def test_a_kernel_is_packed_once_for_a_shape_and_only_the_last_few_are_kept() -> None:
    met: list[int] = []

    def pack(kernel: Tensor, times: int, shape: Any) -> Tensor:
        met.append(shape[0])
        return times * kernel

    kernel = packed(pack, torch.ones(1), (2,))
    shapes = [torch.Size((n, 1, 7, 7)) for n in range(SHAPES + 1)]
    for shape in [*shapes, shapes[-1], shapes[1]]:
        assert torch.equal(kernel(shape), torch.full((1,), 2.0))
    assert met == list(range(SHAPES + 1))
    kernel(shapes[0])
    assert met[-1] == 0
