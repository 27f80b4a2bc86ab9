"""Layers by number of axes: extents halved and brought back, channels woven into places."""

from __future__ import annotations

import pytest
import torch
from tests.parts.pairs import rows
from torch import nn

from isthmus.core.spec import Spec
from isthmus.parts.backbones.axes import Resized, Shuffle, channels_last, convolution, down, halved, up

SIZES = [(1,), (7,), (8,), (2, 1), (5, 8), (3, 4, 5)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("by", ["stride", "pool"])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_down_halves_and_rounds_up(size: tuple[int, ...], by: str, kernel_size: int) -> None:
    layers = nn.Sequential(*down(by, len(size), 2, 3, kernel_size, bias=True))
    assert layers(torch.zeros(4, 2, *size)).shape == (4, 3, *halved(size, 1)[-1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("by", ["resize", "transposed", "pixel-shuffle"])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_up_comes_back_to_the_extent(size: tuple[int, ...], by: str, kernel_size: int) -> None:
    layers = nn.Sequential(*up(by, size, 2, 3, kernel_size, bias=True))
    assert layers(torch.zeros(4, 2, *halved(size, 1)[-1])).shape == (4, 3, *size)


def test_shuffle_is_the_pixel_shuffle_of_images() -> None:
    x = torch.randn(2, 12, 3, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Shuffle((6, 10))(x), nn.functional.pixel_shuffle(x, 2))
    assert torch.equal(Shuffle((5, 9))(x), nn.functional.pixel_shuffle(x, 2)[:, :, :5, :9])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_shuffle_takes_its_cells_from_the_channels_in_reading_order(axes: int) -> None:
    x = torch.arange(2.0**axes).reshape(1, -1, *(1,) * axes)
    assert torch.equal(Shuffle((2,) * axes)(x), x.reshape(1, 1, *(2,) * axes))


@pytest.mark.parametrize("size", [(7,), (8,), (1,), (5, 8), (4, 6, 3)])
@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_resized_is_the_convolution_of_doubled_cells(size: tuple[int, ...], kernel_size: int, bias: bool) -> None:
    resized = Resized(convolution(len(size), 2, 3, kernel_size, bias=bias), size).double()
    x = rows(Spec("volume", (2, *halved(size, 1)[-1]))).double().requires_grad_()
    doubled = x
    for axis in range(2, x.ndim):
        doubled = doubled.repeat_interleave(2, axis)
    wanted = resized.layer(doubled)[(..., *(slice(n) for n in size))]
    got = resized(x)
    torch.testing.assert_close(got, wanted)
    sources = [x, *resized.parameters()]
    for slope, twin in zip(*(torch.autograd.grad(y.square().sum(), sources) for y in (got, wanted)), strict=True):
        torch.testing.assert_close(slope, twin)


@pytest.mark.parametrize("shape", [(4, 1, 5, 6), (4, 3, 5, 6), (4, 1, 2, 3, 5), (4, 3, 2, 3, 5)])
def test_channels_are_innermost_and_the_numbers_the_same(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    y = channels_last(x)
    assert torch.equal(x, y)
    assert (y.stride(1), y.stride(-1)) == (1, shape[1])
    assert channels_last(y).data_ptr() == y.data_ptr()


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5)])
def test_rows_and_series_are_left_alone(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    assert channels_last(x) is x
