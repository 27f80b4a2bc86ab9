"""Penalties and schedules: their closed forms, and the rows they come in."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from isthmus.parts.penalties import kl_sparsity, l1, weight_decay
from isthmus.parts.schedules import anneal, capacity, warmup


def test_l1_adds_up_each_row() -> None:
    z = torch.tensor([[[1.0, -2.0]], [[0.5, 0.0]]])
    assert l1(z).tolist() == [3.0, 0.5]


@pytest.mark.parametrize("rho", [0.05, 0.3])
def test_kl_sparsity_is_the_divergence_of_two_coins(rho: float) -> None:
    h = torch.rand(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean = h.mean(0)
    coins = [torch.distributions.Bernoulli(torch.as_tensor(p, dtype=torch.float64)) for p in (rho, mean)]
    wanted = torch.distributions.kl_divergence(*coins).sum()
    torch.testing.assert_close(kl_sparsity(h, rho), wanted.expand(40))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_dead_and_saturated_units_have_a_finite_price(value: float) -> None:
    h = torch.full((4, 2), value, requires_grad=True)
    price = kl_sparsity(h)
    price.sum().backward()
    assert price.isfinite().all()
    assert price[0] > 0.1
    assert h.grad.isfinite().all()


def test_kl_sparsity_expects_nearly_the_same_at_every_batch_size() -> None:
    h = torch.rand(256 * 50, 4, generator=torch.Generator().manual_seed(0)) ** 8
    small, large = (torch.stack([kl_sparsity(part)[0] for part in h.split(rows)]).mean() for rows in (64, 256))
    assert small.item() == pytest.approx(large.item(), rel=0.1)


def test_weight_decay_counts_weights_and_not_biases() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    wanted = 0.5 * (module[0].weight.square().sum() + module[2].weight.square().sum())
    told = weight_decay(module, rows=5)
    torch.testing.assert_close(told, wanted.expand(5))
    torch.testing.assert_close(torch.autograd.grad(told.mean(), module[0].weight)[0], module[0].weight)


def test_a_module_without_weights_has_nothing_to_decay() -> None:
    assert weight_decay(nn.ReLU(), rows=2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (lambda t: warmup(t, 0.2), [0.0, 0.5, 1.0, 1.0]),
        (lambda t: warmup(t, 0.0), [1.0, 1.0, 1.0, 1.0]),
        (lambda t: anneal(t, 4.0, 1.0, 0.2), [4.0, 2.5, 1.0, 1.0]),
        (lambda t: anneal(t, 1.0, 3.0), [1.0, 1.2, 1.4, 3.0]),
        (lambda t: capacity(t, 10.0, 0.4), [0.0, 2.5, 5.0, 10.0]),
    ],
)
def test_schedules_are_functions_of_progress(schedule: object, values: list[float]) -> None:
    assert [schedule(t) for t in (0.0, 0.1, 0.2, 1.0)] == pytest.approx(values)


def test_annealing_ends_exactly() -> None:
    assert anneal(1.0, math.pi, 0.1) == 0.1
