"""Gradients of every likelihood against finite differences, in float64: to the params and to its own parameters."""

from __future__ import annotations

import math

import pytest
import torch
from tests.parts.likelihood_cases import CASES
from torch import Tensor
from torch.func import functional_call

from isthmus.parts.likelihoods.cells import per_row
from isthmus.parts.likelihoods.counts import log_mean, log_rising


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_distortion(name: str, gaps: bool) -> None:
    case = CASES[name]()
    own = dict(case.likelihood.named_parameters())
    observed = (torch.arange(case.x.numel()) % 3 != 0).view_as(case.x) if gaps else None
    x = case.x.masked_fill(~observed, math.nan) if gaps else case.x

    def cost(params: Tensor, *values: Tensor) -> Tensor:
        named = {f"own.{name}": value for name, value in zip(own, values, strict=True)}
        return functional_call(_Distortion(case.likelihood), named, (x, params, observed))

    given = [value.detach().clone().requires_grad_() for value in (case.params, *own.values())]
    assert torch.autograd.gradcheck(cost, given)


class _Distortion(torch.nn.Module):
    """A likelihood whose forward pass is its price, as functional_call wants it.

    The sum over the plain cells: gradcheck runs backward again and again, which the unit-variance node refuses (its
    gradient is compared with the plain one in tests/parts/test_gaussian.py).
    """

    def __init__(self, own: torch.nn.Module) -> None:
        super().__init__()
        self.own = own

    def forward(self, *given: Tensor | None) -> Tensor:
        return per_row(self.own.cells(*given))


@pytest.mark.parametrize("name", ["gaussian-learned", "laplace-learned", "bernoulli", "poisson", "negative-binomial"])
def test_plain_costs_have_second_derivatives(name: str) -> None:
    case = CASES[name]()
    params = case.params.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda given: case.likelihood.distortion(case.x, given), params)


def test_tamed_log_mean() -> None:
    params = torch.tensor([-50.0, 0.0, 19.9, 20.1, 25.0, 1e3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(log_mean, params)


def test_rising_factorial() -> None:
    start = torch.tensor([1e-3, 0.5, 15.0, 17.0, 1e4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: log_rising(given, torch.full_like(given, 3.0)), start)
