"""Likelihoods: true densities, gaps that cost nothing, extremes that stay finite, means and draws that agree."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from tests.parts.likelihood_cases import CASES, TABLE, Case
from torch import Tensor

from isthmus.core.spec import Column, Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts import likelihoods as parts

OBSERVED = torch.rand(6, 18, generator=torch.Generator().manual_seed(2)) < 0.6


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


def gaps_of(case: Case) -> tuple[Tensor, Tensor]:
    """The case's x with NaN in its gaps, one row of nothing but gaps, and what is observed."""
    observed = OBSERVED[:, : case.x[0].numel()].view_as(case.x).clone()
    observed[0] = False
    return case.x.masked_fill(~observed, math.nan), observed


def test_density_is_the_one_of_torch_distributions(case: Case) -> None:
    cost = case.likelihood.distortion(case.x, case.params)
    assert cost.shape == (6,)
    torch.testing.assert_close(cost, -case.log_p(case.x, case.params), rtol=1e-7, atol=1e-6)


def test_a_row_costs_what_its_cells_cost(case: Case) -> None:
    cells = case.likelihood.cells(case.x, case.params)
    assert cells.shape == case.x.shape
    torch.testing.assert_close(cells.flatten(1).sum(1), case.likelihood.distortion(case.x, case.params))


def test_a_price_does_not_depend_on_the_neighbours(case: Case) -> None:
    together = case.likelihood.distortion(case.x, case.params)
    alone = [case.likelihood.distortion(case.x[i : i + 1], case.params[i : i + 1]) for i in range(6)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_gaps_cost_nothing_and_poison_nothing(case: Case) -> None:
    x, observed = gaps_of(case)
    params = case.params.clone().requires_grad_()
    cost = case.likelihood.distortion(x, params, observed)
    torch.testing.assert_close(cost, case.likelihood.cells(x, params, observed).flatten(1).sum(1))
    cost.sum().backward()
    assert cost[0] == 0
    assert cost.isfinite().all()
    assert params.grad.isfinite().all()
    assert (params.grad[0] == 0).all()
    assert params.grad[1:].abs().sum() > 0
    assert all(p.grad.isfinite().all() for p in case.likelihood.parameters())


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"multinomial"}))
def test_gaps_leave_the_price_of_the_other_cells_alone(name: str) -> None:
    case = CASES[name]()
    x, observed = gaps_of(case)
    whole = case.likelihood.cells(case.x, case.params).where(observed, 0.0)
    torch.testing.assert_close(case.likelihood.cells(x, case.params, observed), whole)


def test_a_basket_with_gaps_is_a_smaller_basket() -> None:
    case = CASES["multinomial"]()
    observed = torch.tensor([True, False, True, True, False]).expand(6, 5)
    smaller = parts.Multinomial((3,)).distortion(case.x[:, observed[0]], case.params[:, observed[0]])
    torch.testing.assert_close(case.likelihood.distortion(case.x, case.params, observed), smaller)


@pytest.mark.parametrize("size", [-1e6, -100.0, 100.0, 1e6])
def test_extreme_params_have_a_finite_price_and_a_finite_gradient(case: Case, size: float) -> None:
    own = case.likelihood.float()
    params = (case.params.sign() * size).float().requires_grad_()
    cost = own.distortion(case.x.float(), params)
    cost.sum().backward()
    assert cost.isfinite().all()
    assert params.grad.isfinite().all()
    assert own.mean(params).isfinite().all()


@pytest.mark.parametrize("size", [-60.0, 60.0])
def test_extreme_spreads_have_a_finite_price_and_a_finite_gradient(size: float) -> None:
    for name in ("gaussian-learned", "laplace-learned", "negative-binomial"):
        case = CASES[name]()
        own = case.likelihood.float()
        for parameter in own.parameters():
            parameter.data.fill_(size)
        cost = own.distortion(case.x.float(), case.params.float())
        cost.sum().backward()
        assert cost.isfinite().all(), name
        assert all(parameter.grad.isfinite().all() for parameter in own.parameters()), name


def all_of(likelihood: torch.nn.Module, params: Tensor, values: list[tuple[float, ...]]) -> float:
    """The probability of all these rows together under one row of params."""
    x = torch.tensor(values, dtype=torch.float64)
    return (-likelihood.distortion(x, params.double().expand(len(x), -1))).exp().sum().item()


@pytest.mark.parametrize(
    ("likelihood", "params", "values"),
    [
        (parts.Bernoulli((3,)), torch.tensor([[-1.0, 0.3, 4.0]]), list(itertools.product((0, 1), repeat=3))),
        (parts.Categorical((2,), 4), torch.arange(8.0).sin()[None], list(itertools.product(range(4), repeat=2))),
        (parts.Poisson((1,)), torch.tensor([[1.5]]), [(n,) for n in range(60)]),
        (parts.NegativeBinomial((1,)).double(), torch.tensor([[1.5]]), [(n,) for n in range(400)]),
        (
            parts.Multinomial((3,)),
            torch.tensor([[0.5, -1.0, 2.0]]),
            [(i, j, 7 - i - j) for i in range(8) for j in range(8 - i)],
        ),
        (
            parts.Mixed(Spec("table", (2,), (TABLE.columns[2], TABLE.columns[0]))),
            torch.tensor([[1.0, 0.1, -2.0, 0.4]]),
            list(itertools.product((0, 1), range(3))),
        ),
    ],
)
def test_probabilities_sum_to_one(likelihood: torch.nn.Module, params: Tensor, values: list[tuple[float, ...]]) -> None:
    assert all_of(likelihood, params, values) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("likelihood", [parts.Gaussian((1,)), parts.Laplace((1,))])
def test_densities_integrate_to_one(likelihood: torch.nn.Module) -> None:
    x = torch.linspace(-30, 30, 60_001, dtype=torch.float64)[:, None]
    density = (-likelihood.distortion(x, torch.full_like(x, 0.7))).exp()
    assert torch.trapezoid(density, x[:, 0]).item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"categorical", "mixed"}))
def test_draws_have_the_mean_that_is_told_and_repeat_with_their_seed(name: str) -> None:
    own, params = CASES[name]().likelihood, CASES[name]().params[:1]
    many = params.expand(40_000, *params.shape[1:])
    drawn, again = (own.sample(many, torch.Generator().manual_seed(5)) for _ in range(2))
    error = (drawn.mean(0) - own.mean(params)[0]).abs() / (drawn.std(0) / 200)
    assert torch.equal(drawn, again)
    assert error.max() < 4.5


def test_draws_of_names_have_their_probabilities() -> None:
    own = parts.Categorical((1,), 3)
    p = torch.tensor([0.5, 0.3, 0.2])
    drawn = own.sample(p.log().expand(40_000, -1), torch.Generator().manual_seed(0))
    assert drawn.shape == (40_000, 1)
    assert (drawn[:, 0].long().bincount() / 40_000 - p).abs().max() < 0.01


def test_a_mean_and_a_draw_have_the_layout_of_x(case: Case) -> None:
    for told in (case.likelihood.mean(case.params), case.likelihood.sample(case.params)):
        assert told.shape == case.x.shape
        assert told.dtype == case.params.dtype
        assert case.likelihood.distortion(told, case.params).isfinite().all()


def test_the_mean_of_a_mixed_table_stands_in_its_columns() -> None:
    params = torch.tensor([[1.5, 2.5, 3.5, 0.0, *[0, 9, 0, 0, 0, 9], *[0, 0, 0, 9, 0]]])
    expected = torch.tensor([[1.0, 1.5, 0.5, 3.0, 2.5, 2.0, 3.5]])
    assert torch.equal(parts.Mixed(TABLE).mean(params), expected)


def test_a_greater_total_draws_more() -> None:
    own = parts.Multinomial((2, 2), total=10)
    params = torch.zeros(5, 2, 2)
    assert (own.sample(params).sum((1, 2)) == 10).all()
    assert torch.equal(own.mean(params), torch.full((5, 2, 2), 2.5))


def test_a_soft_target_costs_least_at_itself() -> None:
    x, own = torch.full((1, 1), 0.3), parts.Bernoulli((1,))
    at = [own.distortion(x, torch.full((1, 1), logit)).item() for logit in (-2.0, math.log(0.3 / 0.7), 1.0)]
    assert min(at) == at[1] == pytest.approx(-0.3 * math.log(0.3) - 0.7 * math.log(0.7))


@pytest.mark.parametrize("name", [name for name in parts.LIKELIHOODS if name not in ("ssim", "perceptual")])
def test_every_name_builds_for_the_data_it_fits(name: str) -> None:
    columns = {"mixed": TABLE.columns, "categorical": TABLE.columns[:1]}.get(name, (Column("a"), Column("b")))
    own = parts.likelihood(name, Spec("table", (len(columns),), columns))
    params, x = torch.zeros(2, *own.params_shape), torch.ones(2, len(columns))
    assert own.distortion(x, params).shape == (2,)
    low, high, is_whole = parts.domain(name)
    assert low < high
    assert parts.domain(name).is_scalable == (low == -math.inf)
    assert is_whole == (name in ("categorical", "poisson", "negative-binomial", "multinomial"))


@pytest.mark.parametrize(("kind", "shape"), [("table", (5,)), ("image", ())])
def test_spread_is_each_columns_own_in_a_table_and_shared_elsewhere(kind: str, shape: tuple[int, ...]) -> None:
    spec = Spec("table", (5,)) if kind == "table" else Spec("image", (1, 4, 4))
    assert parts.likelihood("gaussian-learned", spec).log_var.shape == shape
    assert parts.likelihood("gaussian-optimal", spec).log_var.shape == shape
    assert parts.likelihood("laplace-learned", spec).log_scale(torch.zeros(1)).shape == shape
    assert parts.likelihood("negative-binomial", spec).log_r.shape == shape


def test_codes_of_an_image_come_from_its_range() -> None:
    own = parts.likelihood("categorical", Spec("image", (1, 4, 4), value_range=(0.0, 7.0)))
    assert own.params_shape == (8, 4, 4)


@pytest.mark.parametrize("ask", [parts.domain, lambda name: parts.likelihood(name, TABLE)])
def test_an_unknown_name_is_refused_with_the_nearest(ask: object) -> None:
    with pytest.raises(UnknownNameError, match=r"likelihood='gausian'.*[Dd]id you mean 'gaussian'"):
        ask("gausian")


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("gaussian", TABLE, "'gaussian' for the column 'colour'.*no numbers.*Use likelihood='mixed'"),
        ("categorical", TABLE, "'categorical' for the column 'age'.*no categories"),
        ("mixed", Spec("image", (1, 4, 4)), "'mixed' for data of kind 'image'.*columns of a table"),
    ],
)
def test_a_likelihood_that_does_not_fit_is_refused(name: str, spec: Spec, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parts.likelihood(name, spec)
