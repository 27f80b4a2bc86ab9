"""Estimates of how units hang together: known values, and the same expectation at 64 rows and at 256."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from isthmus.parts.correlations import mingled, squared_covariances, total_correlation

ROUNDS = 120


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def codes(rows: int, seed: int, correlation: float = 0.8) -> Tensor:
    """Three units of variance 1, of which the first two go together."""
    z = torch.randn(rows, 3, generator=generator(seed), dtype=torch.float64)
    z[:, 1] = correlation * z[:, 0] + (1 - correlation**2) ** 0.5 * z[:, 1]
    return z


def agree(value: Callable[[int, int], Tensor]) -> tuple[float, float]:
    """Means at 64 and at 256 rows, found to agree within 4 standard errors."""
    small, large = (torch.stack([value(rows, seed) for seed in range(ROUNDS)]) for rows in (64, 256))
    error = (small.var() / ROUNDS + large.var() / ROUNDS).sqrt()
    assert (small.mean() - large.mean()).abs() < 4 * error
    return small.mean().item(), error.item()


@pytest.mark.parametrize("width", [0.1, 0.5])
def test_total_correlation_expects_the_same_at_every_batch_size(width: float) -> None:
    def value(rows: int, seed: int) -> Tensor:
        mean, log_var = codes(rows, seed), torch.full((rows, 3), 2.0, dtype=torch.float64) * torch.tensor(width).log()
        z = mean + width * torch.randn(rows, 3, generator=generator(seed + 10_000), dtype=torch.float64)
        return total_correlation(z, mean, log_var, rows=5000)[0]

    agree(value)


def test_total_correlation_of_wide_posteriors_is_that_of_the_closed_form() -> None:
    """q(z) is normal with variances 1 + w^2 and a covariance of 0.8: TC = -log(1 - rho^2) / 2."""

    def value(rows: int, seed: int) -> Tensor:
        mean = codes(rows, seed)
        z = mean + torch.randn(rows, 3, generator=generator(seed + 10_000), dtype=torch.float64)
        return total_correlation(z, mean, torch.zeros_like(z), rows=5000)[0]

    found, error = agree(value)
    exact = -0.5 * torch.log(torch.tensor(1 - 0.4**2)).item()
    assert found == pytest.approx(exact, abs=0.03 + 4 * error)
    assert found < exact + 4 * error  # the logarithm of an estimate lies too low


def test_a_single_row_has_no_correlation() -> None:
    assert total_correlation(*torch.ones(2, 1, 4), torch.zeros(1, 4), rows=10).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("width", [None, 0.5])
def test_squares_of_covariances_are_right_in_expectation_at_every_batch_size(width: float | None) -> None:
    def both(rows: int, seed: int) -> tuple[Tensor, Tensor]:
        variance = None if width is None else torch.full((rows, 3), width, dtype=torch.float64)
        return squared_covariances(2 * codes(rows, seed), variance)

    off, off_error = agree(lambda rows, seed: both(rows, seed)[0][0])
    on, on_error = agree(lambda rows, seed: both(rows, seed)[1][0])
    assert off == pytest.approx(2 * (4 * 0.8) ** 2, abs=4 * 2 * off_error)
    assert on == pytest.approx(3 * (3 + (width or 0)) ** 2, abs=4 * 2 * on_error)


def test_too_few_rows_have_no_covariance() -> None:
    off, on = squared_covariances(torch.randn(3, 2, generator=generator(0)))
    assert not off.any()
    assert not on.any()


@pytest.mark.parametrize("rows", [64, 256])
def test_mingled_codes_have_the_same_units_and_no_correlation(rows: int) -> None:
    z = codes(rows, 0)
    apart = mingled(z, generator(1))
    assert torch.equal(apart.sort(0).values, z.sort(0).values)
    many = torch.cat([mingled(codes(rows, seed), generator(seed)) for seed in range(ROUNDS)])
    assert (many.T.corrcoef() - torch.eye(3)).abs().max() < 4 * 2 / (ROUNDS * rows) ** 0.5


def test_no_two_units_of_a_mingled_row_are_of_one_row() -> None:
    rows = torch.arange(10.0)[:, None].repeat(1, 10)
    apart = mingled(rows, generator(0))
    assert all(len(row.unique()) == 10 for row in apart)
    assert mingled(rows[:3], generator(0)).shape == (3, 10)
