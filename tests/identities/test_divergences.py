"""Divergences against torch.distributions, Monte Carlo, and what they must be at equality."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from isthmus.parts.divergences import kl_between_normals, kl_to_standard_normal, mmd


def draws(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def four() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mean_q, log_var_q, mean_p, log_var_p = (draws(5, 2, 3, seed=seed) for seed in range(4))
    return mean_q, log_var_q, mean_p, log_var_p


def test_kl_is_the_one_of_torch_distributions(four: tuple[Tensor, ...]) -> None:
    q, p = Normal(four[0], (four[1] / 2).exp()), Normal(four[2], (four[3] / 2).exp())
    torch.testing.assert_close(kl_between_normals(*four), kl_divergence(q, p).sum((1, 2)))
    standard = kl_divergence(q, Normal(torch.zeros_like(four[0]), 1.0)).sum((1, 2))
    torch.testing.assert_close(kl_to_standard_normal(*four[:2]), standard)


def test_kl_is_the_expected_log_ratio(four: tuple[Tensor, ...]) -> None:
    std = (four[1] / 2).exp()
    z = four[0] + std * draws(100_000, 5, 2, 3, seed=9)
    ratio = (Normal(four[0], std).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum((2, 3))
    error = (ratio.mean(0) - kl_to_standard_normal(*four[:2])).abs() / (ratio.std(0) / 100_000**0.5)
    assert error.max() < 4


@pytest.mark.parametrize("log_var", [-80.0, -1e-4, 0.0, 1e-4, 40.0])
def test_kl_is_never_negative_and_stays_finite(log_var: float) -> None:
    rate = kl_to_standard_normal(torch.zeros(1, 4), torch.full((1, 4), log_var))
    assert rate.isfinite().all()
    assert rate.item() >= 0
    assert (rate.item() == 0) == (log_var == 0)


def test_mmd_of_equals_is_nought_in_expectation_and_sees_a_difference() -> None:
    same = torch.stack([mmd(draws(64, 3, seed=2 * i), draws(64, 3, seed=2 * i + 1))[0] for i in range(200)])
    moved = mmd(draws(64, 3, seed=0), draws(64, 3, seed=1) + 0.5)[0]
    assert same.mean().abs() < 4 * same.std() / 200**0.5
    assert moved > same.max()


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_mmd_expects_the_same_at_every_batch_size(shift: float) -> None:
    def values(rows: int) -> Tensor:
        return torch.stack([mmd(draws(rows, 2, seed=i), draws(rows, 2, seed=i + 500) + shift)[0] for i in range(100)])

    small, large = values(64), values(256)
    spread = (small.var() / 100 + large.var() / 100).sqrt()
    assert (small.mean() - large.mean()).abs() < 4 * spread


def test_mmd_is_the_double_sum_of_its_kernel() -> None:
    a, b = draws(5, 2, seed=0), draws(5, 2, seed=1)

    def kernel(one: Tensor, two: Tensor) -> float:
        scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
        return sum(4 * s / (4 * s + (one - two).square().sum().item()) for s in scales)

    within = sum(kernel(c[i], c[j]) for c in (a, b) for i in range(5) for j in range(5) if i != j) / 20
    across = sum(kernel(one, two) for one in a for two in b) / 25
    assert mmd(a, b).shape == (5,)
    assert mmd(a, b)[0].item() == pytest.approx(within - 2 * across)
