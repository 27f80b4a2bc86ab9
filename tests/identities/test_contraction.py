"""The contraction penalty against the Jacobian that autograd writes out."""

from __future__ import annotations

import pytest
import torch
from tests.parts.likelihood_cases import TABLE
from torch import Tensor, nn

from isthmus.parts.backbones.dense import Dense
from isthmus.parts.entry import Entry
from isthmus.parts.penalties import contraction, hutchinson_jacobian, shallow_jacobian

DEEP = [
    lambda: Dense((5, 6, 4, 3), "tanh"),
    lambda: Dense((5, 6, 3), "tanh", norm="layer"),
    lambda: nn.Sequential(nn.Linear(5, 6), nn.Sigmoid()),
]


def points(rows: int = 7) -> Tensor:
    return torch.randn(rows, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def written_out(encoder: nn.Module, x: Tensor) -> Tensor:
    """The squared norm of each row's Jacobian, entry by entry."""
    run = encoder.plain if isinstance(encoder, Dense) else encoder
    rows = [torch.autograd.functional.jacobian(lambda row: run(row[None])[0], row, create_graph=True) for row in x]
    return torch.stack([jacobian.square().sum() for jacobian in rows])


def built(make: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().double()


@pytest.mark.parametrize("hidden", [(), (6,)])
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "gelu", "tanh", "linear"])
def test_shallow_encoders_have_a_closed_form(activation: str, hidden: tuple[int, ...]) -> None:
    encoder, x = built(lambda: Dense((5, *hidden, 3), activation)), points()
    torch.testing.assert_close(contraction(encoder, x), written_out(encoder, x))
    wanted = torch.autograd.grad(written_out(encoder, x).sum(), list(encoder.parameters()), allow_unused=True)
    told = torch.autograd.grad(contraction(encoder, x).sum(), list(encoder.parameters()), allow_unused=True)
    for one, other in zip(told, wanted, strict=True):
        assert (one is None or (one == 0).all()) if other is None else torch.allclose(one, other)


@pytest.mark.parametrize("make", DEEP)
def test_deep_encoders_are_estimated_without_bias(make: object) -> None:
    encoder, x, generator = built(make), points(3), torch.Generator().manual_seed(0)
    many = torch.stack([contraction(encoder, x, generator) for _ in range(600)]).detach()
    error = (many.mean(0) - written_out(encoder, x)).abs() / (many.std(0) / 600**0.5)
    assert error.max() < 4


@pytest.mark.parametrize("make", DEEP)
def test_an_estimate_moves_the_weights_as_its_own_formula_asks(make: object) -> None:
    encoder, x = built(make), points()
    weights = list(encoder.parameters())
    told = torch.autograd.grad(hutchinson_jacobian(encoder, x, torch.Generator().manual_seed(1)).sum(), weights[:1])[0]
    index, step = (0, 1), 1e-6
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            weights[0][index] += sign * step
        ends.append(hutchinson_jacobian(encoder, x, torch.Generator().manual_seed(1)).sum().item())
        with torch.no_grad():
            weights[0][index] -= sign * step
    assert told[index].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)
    assert told.abs().sum() > 0


def test_one_row_of_signs_is_exact_for_one_output() -> None:
    encoder, x = built(lambda: Dense((5, 6, 4, 1), "tanh")), points()
    torch.testing.assert_close(contraction(encoder, x), written_out(encoder, x))


def test_more_draws_scatter_less() -> None:
    encoder, x = built(DEEP[0]), points(50)
    error = [(contraction(encoder, x, draws=n) - written_out(encoder, x)).square().mean() for n in (1, 64)]
    assert error[1] < error[0] / 8


def test_the_fast_node_is_back_after_an_estimate() -> None:
    encoder = built(DEEP[0])
    contraction(encoder, points())
    assert encoder.has_node


def test_x_is_what_enters_the_first_layer() -> None:
    stack = built(lambda: Dense((16, 6, 3), "tanh"))
    encoder = nn.Sequential(Entry(TABLE), stack)
    x = torch.tensor([[2.0, 0.5, 1.0, 4.0, -1.5, 0.0, torch.nan]], dtype=torch.float64)
    torch.testing.assert_close(contraction(encoder, x), shallow_jacobian(stack, encoder[0](x)))


def test_it_can_be_read_without_gradients() -> None:
    with torch.no_grad():
        for make in (DEEP[0], lambda: Dense((5, 6, 3))):
            assert contraction(built(make), points()).isfinite().all()
