"""The dense node against its plain twin: same answers, same gradients, memory that is nobody else's."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.errors import TrainingError, UnknownNameError
from isthmus.parts.backbones.activations import IN_PLACE
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.initialise import initialise
from isthmus.training.flat import Flat

DEPTHS = {1: (5, 3), 2: (5, 7, 3), 3: (5, 7, 4, 3), 4: (5, 7, 4, 6, 3)}
every_activation = pytest.mark.parametrize("activation", sorted(IN_PLACE))
every_depth = pytest.mark.parametrize("depth", sorted(DEPTHS))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stack(activation: str = "tanh", depth: int = 3, **options: Any) -> Dense:
    """A stack with weights from seed 0."""
    made = Dense(DEPTHS[depth], activation, **options)
    initialise(made, seeded(0))
    return made


def rows(n: int = 9, seed: int = 1) -> Tensor:
    return torch.randn(n, 5, generator=seeded(seed))


def loss_of(y: Tensor) -> Tensor:
    """One number that weighs every cell of y otherwise."""
    return (y * torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view(y.shape)).sum()


def answer_and_gradients(dense: Dense, call: Any, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """y of one call, and the gradients of its loss to x and all parameters."""
    x = x.clone().requires_grad_()
    y = call(x)
    return y, list(torch.autograd.grad(loss_of(y), [x, *dense.parameters()]))


@pytest.fixture
def flat() -> Iterator[Any]:
    """Lays modules flat, and gives them back at the end."""
    made: list[Flat] = []

    def lay(*modules: nn.Module) -> Flat:
        made.append(Flat(modules, 8))
        return made[-1]

    yield lay
    for one in made:
        one.release()


@every_activation
@every_depth
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_node_computes_what_plain_modules_compute(
    activation: str, depth: int, dtype: torch.dtype, tolerance: float
) -> None:
    dense, x = stack(activation, depth).to(dtype), rows().to(dtype)
    assert dense.has_node
    y, gradients = answer_and_gradients(dense, dense, x)
    plain_y, plain_gradients = answer_and_gradients(dense, dense.plain, x)
    assert type(y.grad_fn).__name__ == "_DenseNodeBackward"
    for ours, plain in zip((y, *gradients), (plain_y, *plain_gradients), strict=True):
        assert (ours - plain).abs().max() <= tolerance * plain.abs().max()


@every_activation
@every_depth
def test_node_has_the_slope_of_what_it_computes(activation: str, depth: int) -> None:
    dense, x = stack(activation, depth).double(), rows().double()
    gradients = answer_and_gradients(dense, dense, x)[1]
    ways = [torch.randn(g.shape, generator=seeded(i), dtype=g.dtype) for i, g in enumerate(gradients)]
    expected = sum((gradient * way).sum() for gradient, way in zip(gradients, ways, strict=True))

    def moved(step: float) -> Tensor:
        twin = copy.deepcopy(dense)
        for parameter, way in zip(twin.parameters(), ways[1:], strict=True):
            parameter.data += step * way
        return loss_of(twin.plain(x + step * ways[0]))

    slope = (moved(1e-6) - moved(-1e-6)) / 2e-6  # finite differences: gradcheck would ask the node twice
    torch.testing.assert_close(expected, slope, rtol=1e-6, atol=1e-6)


@every_depth
def test_gradients_are_the_same_where_they_are_gathered(depth: int, flat: Any) -> None:
    dense, x = stack(depth=depth), rows()
    expected = answer_and_gradients(dense, dense, x)[1]
    flat(dense)
    assert dense.laid is not None
    x = x.requires_grad_()
    loss_of(dense(x)).backward()
    for found, wanted in zip((x.grad, *(p.grad for p in dense.parameters())), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("widths", [(5, 7, 3), (30, 64, 16), (30, 16, 20), (20, 40, 50)])
def test_products_with_zeros_beside_them_answer_and_learn_as_without(widths: tuple[int, ...], flat: Any) -> None:
    dense = Dense(widths, "tanh")
    initialise(dense, seeded(0))
    x = torch.randn(40, widths[0], generator=seeded(1))
    wanted, *expected = dense.plain(x), *torch.autograd.grad(loss_of(dense.plain(x)), list(dense.parameters()))
    laid = flat(dense)
    for _ in range(2):  # the second step reads the zeros that the first has left alone
        y = dense(x)
        torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-6)
        laid.zero()
        loss_of(y).backward()
        for parameter, gradient in zip(dense.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-5, atol=1e-5)
        laid.step(0.1, 0.1, None, slot=0)
        wanted = dense.plain(x).detach()
        expected = torch.autograd.grad(loss_of(dense.plain(x)), list(dense.parameters()))
    assert laid.weights.count_nonzero() == sum(parameter.numel() for parameter in dense.parameters())


def test_gradients_of_two_forward_passes_add_up(flat: Any) -> None:
    dense, x, other = stack(), rows(), rows(seed=2)
    alone = [answer_and_gradients(dense, dense.plain, each)[1][1:] for each in (x, other)]
    for laid in (False, True):
        if laid:
            flat(dense)
        dense.zero_grad(set_to_none=False)
        loss_of(dense(x) + dense(other)).backward()
        for parameter, a, b in zip(dense.parameters(), *alone, strict=True):
            torch.testing.assert_close(parameter.grad, a + b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("laid", [False, True])
def test_frozen_stack_passes_gradients_through(laid: bool, flat: Any) -> None:
    dense, x = stack(), rows()
    expected = answer_and_gradients(dense, dense.plain, x)[1][0]
    if laid:
        flat(dense)
    dense.requires_grad_(False)
    x = x.requires_grad_()
    loss_of(dense(x)).backward()
    torch.testing.assert_close(x.grad, expected, rtol=1e-5, atol=1e-6)
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in dense.parameters())


def test_a_stack_that_is_partly_frozen_learns_the_rest(flat: Any) -> None:
    dense, x = stack(), rows()
    expected = answer_and_gradients(dense, dense.plain, x)[1][-1]
    dense.linears[0].requires_grad_(False)
    laid = flat(dense)
    assert dense.laid is None
    assert len(laid.parameters) == 4
    loss_of(dense(x)).backward()
    torch.testing.assert_close(dense.linears[-1].bias.grad, expected, rtol=1e-5, atol=1e-6)


def test_second_backward_pass_is_refused() -> None:
    loss = stack()(rows()).sum()
    loss.backward()
    with pytest.raises(TrainingError, match="Run the forward pass again"):
        loss.backward()


@pytest.mark.parametrize("laid", [False, True])
def test_second_derivatives_are_refused_and_plain_has_them(laid: bool, flat: Any) -> None:
    dense, x = stack().double(), rows().double().requires_grad_()
    if laid:
        flat(dense.float())
        x = rows().requires_grad_()
    with pytest.raises(TrainingError, match="create_graph=True"):
        torch.autograd.grad(dense(x).sum(), x, create_graph=True)
    slope = torch.autograd.grad(dense.plain(x).sum(), x, create_graph=True)[0]
    assert torch.autograd.grad(slope.square().sum(), x)[0].abs().sum() > 0


@every_activation
def test_products_in_bfloat16_come_close(activation: str, flat: Any) -> None:
    near = 0.3 if activation in ("relu", "leaky-relu") else 0.02  # a unit near its kink may fall to the other side
    exact, low = stack(activation, 4), stack(activation, 4, precision="bfloat16")
    wanted, wanted_gradients = answer_and_gradients(exact, exact, rows(64))
    for call in (low, low.plain):
        y, gradients = answer_and_gradients(low, call, rows(64))
        for found, exactly in zip((y, *gradients), (wanted, *wanted_gradients), strict=True):
            assert found.dtype == torch.float32
            assert 0 < (found - exactly).norm() < near * exactly.norm()
    flat(low)
    loss_of(low(rows(64))).backward()
    for parameter, exactly in zip(low.parameters(), wanted_gradients[1:], strict=True):
        assert (parameter.grad - exactly).norm() < near * exactly.norm()


@every_activation
@every_depth
def test_scoring_computes_what_training_computes(activation: str, depth: int) -> None:
    dense, x = stack(activation, depth), rows()
    with torch.no_grad():
        without = dense(x)
    with torch.inference_mode():
        inferred = dense(x)
    trained = dense(x)
    assert torch.equal(without, inferred)
    # Narrow products are widened beyond training, and round otherwise.
    assert torch.allclose(inferred, trained, rtol=1e-5, atol=1e-6)


def test_memory_is_used_again_and_never_by_two() -> None:
    dense, x = stack(), rows()
    held: list[set[int]] = []

    def memory() -> set[int]:
        return {buffer.data_ptr() for buffer in y.grad_fn.buffers}

    for _ in range(2):
        y = dense(x)
        held.append(memory())
        y.sum().backward()
    assert held[0] == held[1]
    y = dense(x)
    first, held = y, [memory()]
    y = dense(x)
    held.append(memory())
    assert not held[0] & held[1]
    (first.sum() + y.sum()).backward()


def test_what_scoring_took_first_serves_training_too() -> None:
    dense, x = stack(), rows()
    with torch.inference_mode():
        dense(x)
    dense(x).sum().backward()
    assert all(parameter.grad is not None for parameter in dense.parameters())


@pytest.mark.parametrize("laid", [False, True])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda dense: pickle.loads(pickle.dumps(dense))])
def test_a_copy_shares_nothing(copied: Any, laid: bool, flat: Any) -> None:
    dense, x = stack(), rows()
    dense(x).sum().backward()
    if laid:
        flat(dense)
    twin = copied(dense)
    before = dense(x).detach()
    torch.testing.assert_close(twin(x), before)  # laid flat, narrow products are widened, and round otherwise
    twin(x).sum().backward()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    assert torch.equal(dense(x), before)
    assert not torch.equal(twin(x), before)
    assert not {t.data_ptr() for t in twin.parameters()} & {t.data_ptr() for t in dense.parameters()}


@pytest.mark.parametrize("options", [{"activation": "gelu"}, {"norm": "batch"}, {"norm": "layer"}, {"dropout": 0.5}])
def test_what_the_node_does_not_know_takes_plain_modules(options: dict[str, Any]) -> None:
    dense = stack(**options)
    assert not dense.has_node
    assert dense(rows()).grad_fn is not None


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'batch'"):
        Dense((2, 3, 4), norm="bach")
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        Dense((2, 3, 4), "rellu")
