"""The price of residuals: a Mahalanobis distance, whose parts belong to columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.tasks.anomaly.whitening import FLOOR, WIDEST, Whitening

RANDOM = np.random.default_rng(0)
MIXING = RANDOM.normal(size=(5, 5))
ROWS = torch.from_numpy(RANDOM.normal(size=(20_000, 5)) @ MIXING)
ZERO = torch.zeros(5, dtype=torch.float64)


def test_with_many_rows_it_is_the_mahalanobis_distance() -> None:
    inverse = np.linalg.inv(MIXING.T @ MIXING)
    exact = 0.5 * np.einsum("ni,ij,nj->n", ROWS, inverse, ROWS)
    cost = Whitening.of(ROWS, ZERO).cost(ROWS).numpy()
    assert np.abs(cost / exact - 1).max() < 0.05


def test_units_do_not_matter() -> None:
    units = torch.tensor([1.0, 10.0, 0.1, 5.0, 0.3], dtype=torch.float64)
    plain, scaled = Whitening.of(ROWS, ZERO), Whitening.of(ROWS * units, ZERO)
    torch.testing.assert_close(scaled.parts(ROWS * units), plain.parts(ROWS), rtol=1e-6, atol=1e-9)


def test_the_parts_of_independent_columns_are_their_own() -> None:
    rows = torch.from_numpy(RANDOM.normal(size=(20_000, 3)))
    whitening = Whitening.of(rows, torch.zeros(3, dtype=torch.float64))
    parts = whitening.parts(torch.tensor([[0.0, 4.0, 0.0]], dtype=torch.float64))
    assert parts[0, 1] > 7.5
    assert parts[0, [0, 2]].max() < 0.05


def test_few_rows_are_shrunk_until_nothing_is_infinite() -> None:
    few = ROWS[:3]
    assert torch.isfinite(Whitening.of(few, ZERO).cost(ROWS)).all()
    assert torch.isfinite(Whitening.of(few[:1], ZERO).cost(ROWS)).all()


def test_a_constant_column_has_a_least_spread() -> None:
    rows = ROWS.clone()
    rows[:, 0] = 0
    whitening = Whitening.of(rows, ZERO)
    pooled = float(rows.square().mean().sqrt())
    assert float(whitening.scale[0]) >= 0.9 * FLOOR * pooled
    nothing = Whitening.of(torch.zeros_like(rows), ZERO)
    torch.testing.assert_close(nothing.parts(ROWS), ROWS.square() / 2)


def test_very_wide_rows_are_taken_column_by_column() -> None:
    wide = torch.from_numpy(RANDOM.normal(size=(40, WIDEST + 1)))
    whitening = Whitening.of(wide, torch.zeros(WIDEST + 1, dtype=torch.float64))
    assert whitening.root is None
    torch.testing.assert_close(whitening.parts(wide), (wide / whitening.scale).square() / 2)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 12, 15, 16, 17, 18, 25, 30, 33, 41])
def test_a_row_costs_the_same_bits_wherever_it_stands(width: int) -> None:
    for rows in torch.from_numpy(RANDOM.normal(size=(12, 64, width))):
        whitening = Whitening.of(rows, torch.zeros(width, dtype=torch.float64))
        cost = whitening.cost(rows)
        assert all(torch.equal(whitening.cost(rows.roll(by, 0)).roll(-by, 0), cost) for by in range(1, 9))
