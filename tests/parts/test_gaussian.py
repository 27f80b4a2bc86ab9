"""The unit-variance node against its plain twin, and the optimal variance as a statistic of training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from isthmus.errors import TrainingError
from isthmus.parts.likelihoods import Gaussian, plain_unit_cost, unit_cost


def pair(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, params = (torch.randn(shape, generator=generator).to(dtype).requires_grad_() for _ in range(2))
    return x, params


@pytest.mark.parametrize("shape", [(1, 1), (7, 30), (5, 2, 4, 4), (0, 3)])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_node_and_twin_agree(shape: tuple[int, ...], dtype: torch.dtype, bound: float) -> None:
    x, params = pair(*shape, dtype=dtype)
    weight = torch.linspace(0.1, 2.0, shape[0], dtype=dtype)
    answers = []
    for cost in (unit_cost, plain_unit_cost):
        priced = cost(x, params)
        answers.append([priced, *torch.autograd.grad((priced * weight).sum(), (x, params))])
    for fast, twin in zip(*answers, strict=True):
        torch.testing.assert_close(fast, twin, rtol=bound, atol=bound)


def test_the_hot_path_is_the_node_and_gaps_take_the_plain_one() -> None:
    x, params = pair(4, 3)
    own = Gaussian((3,))
    assert "UnitCost" in type(own.distortion(x, params).grad_fn).__name__
    assert "UnitCost" not in type(own.distortion(x, params, x > 0).grad_fn).__name__


def test_each_forward_pass_owns_its_residual() -> None:
    x, params = pair(4, 3)
    one, two = unit_cost(x, params), unit_cost(x, 2 * params)
    fast = torch.autograd.grad(two.sum() + one.sum(), params)
    twin = torch.autograd.grad((plain_unit_cost(x, params) + plain_unit_cost(x, 2 * params)).sum(), params)
    torch.testing.assert_close(fast, twin)


def test_the_input_is_left_alone() -> None:
    x, params = pair(4, 3)
    kept = x.detach().clone(), params.detach().clone()
    unit_cost(x, params).sum().backward()
    assert torch.equal(x, kept[0])
    assert torch.equal(params, kept[1])


def test_a_second_derivative_is_refused_by_the_node_and_given_by_the_twin() -> None:
    x, params = pair(4, 3)
    with pytest.raises(TrainingError, match=r"second derivative of.*differentiable once.*plain_unit_cost"):
        torch.autograd.grad(unit_cost(x, params).sum(), params, create_graph=True)
    (slope,) = torch.autograd.grad(plain_unit_cost(x, params).sum(), params, create_graph=True)
    assert torch.equal(torch.autograd.grad(slope.sum(), params)[0], torch.ones_like(params))


def test_a_second_backward_pass_is_refused() -> None:
    cost = unit_cost(*pair(4, 3)).sum()
    cost.backward(retain_graph=True)
    with pytest.raises(TrainingError, match=r"second backward pass.*plain_unit_cost"):
        cost.backward()


@pytest.mark.parametrize("shared", [True, False])
def test_the_optimal_variance_is_the_mean_squared_residual(shared: bool) -> None:
    own, (_, params) = Gaussian((2,), "optimal", shared), pair(4000, 2)
    x = params.detach() + torch.randn(4000, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([0.5, 3.0])
    own.distortion(x, params)
    squares = (x - params).square().detach()
    expected = squares.mean() if shared else squares.mean(0)
    torch.testing.assert_close(own.log_var.exp(), expected, rtol=1e-4, atol=0)
    costs = own.eval().distortion(x, params).sum()
    for nearby in (0.9, 1.1):  # no other variance prices these rows lower
        own.spread.copy_(expected * nearby)
        assert own.distortion(x, params).sum() > costs


def test_a_batch_is_priced_before_it_moves_the_variance() -> None:
    x, params = pair(5, 3)
    own = Gaussian((3,), "optimal")
    torch.testing.assert_close(own.distortion(x, params), plain_unit_cost(x, params))
    assert own.batches == 1
    own.distortion(x, params).sum().backward()  # the move is in place, and must not reach what backward needs
    assert own.batches == 2


def test_only_a_training_pass_moves_the_variance() -> None:
    x, params = pair(5, 3)
    own = Gaussian((3,), "optimal")
    own.distortion(x, params.detach())
    own.eval().distortion(x, params)
    assert own.batches == 0
    assert own.spread == 1


def test_a_broken_or_empty_batch_does_not_spoil_the_variance() -> None:
    x, params = pair(5, 3)
    own = Gaussian((3,), "optimal", shared=False)
    own.distortion(torch.full_like(x, math.inf), params)
    own.distortion(x, params, torch.zeros(5, 3, dtype=torch.bool))
    assert torch.equal(own.spread, torch.ones(3))


def test_gaps_do_not_count_for_the_variance() -> None:
    own, observed = Gaussian((2,), "optimal", shared=False), torch.tensor([[True, False], [True, True]])
    params = torch.zeros(2, 2, requires_grad=True)
    own.distortion(torch.tensor([[1.0, math.nan], [3.0, 2.0]]), params, observed)
    torch.testing.assert_close(own.spread, torch.tensor([5.0, 4.0]))


@pytest.mark.parametrize("variance", ["learned", "optimal"])
def test_perfect_rebuilding_costs_no_less_than_the_floor(variance: str) -> None:
    own, params = Gaussian((1,), variance), torch.zeros(2, 1, requires_grad=True)
    for parameter in own.parameters():
        parameter.data.fill_(-1e4)
    own.distortion(torch.zeros(2, 1), params)
    cost = own.distortion(torch.zeros(2, 1), params)
    torch.testing.assert_close(cost, torch.full((2,), 0.5 * (math.log(2 * math.pi) - 12)))


def test_what_is_learnt_is_saved() -> None:
    saved = {variance: set(Gaussian((2,), variance).state_dict()) for variance in ("fixed", "learned", "optimal")}
    assert saved == {"fixed": set(), "learned": {"raw_log_var"}, "optimal": {"spread", "batches"}}
