"""Linear layers beyond training: the bits of a row's answer are the same wherever the row stands."""

from __future__ import annotations

import pytest
import torch

from isthmus.parts.backbones.dense import Dense
from isthmus.parts.backbones.linear import Linear

WIDTHS = [1, 3, 11, 16, 17, 19, 31, 33]
ROWS = torch.randn(64, 21, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("width", WIDTHS)
@torch.no_grad()
def test_a_row_is_answered_with_the_same_bits_wherever_it_stands(width: int) -> None:
    for layer in (Linear(21, width), Dense((21, width, width)).eval()):
        answer = layer(ROWS)
        assert all(torch.equal(layer(ROWS.roll(by, 0)).roll(-by, 0), answer) for by in range(1, 9))


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_of_zeros_change_nothing_but_the_last_bits(width: int) -> None:
    layer = Linear(21, width)
    plain = layer(ROWS).detach()
    with torch.no_grad():
        torch.testing.assert_close(layer(ROWS), plain)
