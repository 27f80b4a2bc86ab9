"""Dense stacks side by side against each by itself: answers, gradients, weights there and back."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.errors import TrainingError
from isthmus.parts.backbones.activations import IN_PLACE
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.backbones.ensemble import DenseEnsemble, can_stack
from isthmus.parts.initialise import initialise
from isthmus.training.flat import Flat

WIDTHS = {1: (5, 3), 2: (5, 7, 3), 4: (5, 7, 4, 6, 3)}
ROWS, MEMBERS = 9, 3


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stacks(activation: str = "tanh", depth: int = 2) -> list[Dense]:
    """Stacks with weights of their own."""
    made = [Dense(WIDTHS[depth], activation) for _ in range(MEMBERS)]
    for seed, stack in enumerate(made):
        initialise(stack, seeded(seed))
    return made


def loss_of(y: Tensor) -> Tensor:
    """One number that weighs every cell of a member's y otherwise, and those of all members alike."""
    return (y * torch.linspace(-1, 2, ROWS * 3).view(ROWS, 3).repeat(len(y) // ROWS, 1)).sum()


def laid(ensemble: DenseEnsemble) -> Flat:
    """The ensemble as the loop has it."""
    return Flat([ensemble], 8)


@pytest.mark.parametrize("depth", sorted(WIDTHS))
@pytest.mark.parametrize("activation", sorted(IN_PLACE))
def test_answers_and_gradients_are_those_of_each_stack(activation: str, depth: int) -> None:
    alone = stacks(activation, depth)
    ensemble = DenseEnsemble(alone)
    x = torch.randn(MEMBERS * ROWS, 5, generator=seeded(7)).requires_grad_()
    flat = laid(ensemble)
    y = ensemble(x)
    loss_of(y).backward()
    flat.step(0.01, 0.0, None, slot=0)
    flat.release()
    stepped = stacks(activation, depth)
    ensemble.hand_back(stepped)
    for member, stack in enumerate(alone):
        rows = slice(member * ROWS, (member + 1) * ROWS)
        own = x.detach()[rows].clone().requires_grad_()
        flat = Flat([stack], 8)
        expected = stack(own)
        loss_of(expected).backward()
        flat.step(0.01, 0.0, None, slot=0)
        flat.release()
        torch.testing.assert_close(y[rows], expected)
        torch.testing.assert_close(x.grad[rows], own.grad)  # type: ignore[index]
        for ours, theirs in zip(stepped[member].parameters(), stack.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_weights_go_there_and_back() -> None:
    first, second = stacks(), stacks("tanh")
    for stack in second:
        nn.init.zeros_(stack.linears[0].weight)  # type: ignore[arg-type]
    DenseEnsemble(first).hand_back(second)
    for one, other in zip(first, second, strict=True):
        for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_two_passes_before_one_backward_add_up() -> None:
    ensemble = DenseEnsemble(stacks())
    x = torch.randn(MEMBERS * ROWS, 5, generator=seeded(7))
    flat = laid(ensemble)
    (loss_of(ensemble(x)) + loss_of(ensemble(x))).backward()
    twice = flat.gradients.clone()
    flat.zero()
    loss_of(ensemble(x)).backward()
    torch.testing.assert_close(twice, 2 * flat.gradients)


@pytest.mark.parametrize("again", [{"create_graph": True}, {"retain_graph": True}])
def test_it_is_differentiable_once(again: dict[str, Any]) -> None:
    ensemble = DenseEnsemble(stacks())
    flat = laid(ensemble)
    cost = loss_of(ensemble(torch.ones(MEMBERS * ROWS, 5)))
    with pytest.raises(TrainingError, match="several members"):
        cost.backward(**again)
        cost.backward()
    flat.release()


def test_what_draws_or_looks_at_other_rows_has_no_such_form() -> None:
    able = Dense((5, 4, 3))
    others: list[nn.Module] = [
        Dense((5, 4, 3), dropout=0.1),
        Dense((5, 4, 3), norm="batch"),
        Dense((5, 4, 3), "gelu"),
        Dense((5, 4, 3), precision="bfloat16"),
        nn.Linear(5, 3),
    ]
    assert can_stack(able)
    assert not any(map(can_stack, others))
