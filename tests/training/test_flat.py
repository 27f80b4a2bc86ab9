"""A player's flat storage takes the steps of torch's own AdamW, and is gone when the loop is over."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.training.runs import two_parts, weights
from torch import Tensor, nn

from isthmus.training.flat import ALIGNMENT, Flat

STEPS, RATE = 20, 0.03


def loss(network: nn.ModuleDict, step: int) -> Tensor:
    """A cost whose gradient changes with the step."""
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
    answer: Tensor = network["two"](network["one"](x).tanh())
    return (answer - x).square().sum(1).mean() * 10


def stepped(network: nn.ModuleDict, decay: float, clip: float | None) -> Tensor:
    """The weights after twenty steps of ours."""
    flat = Flat([network], STEPS)
    for step in range(STEPS):
        loss(network, step).backward()
        flat.step(RATE, decay, clip, slot=step)
        flat.zero()
    flat.release()
    return weights(network)


def stepped_by_torch(network: nn.ModuleDict, decay: float, clip: float | None) -> Tensor:
    """The weights after twenty steps of torch's."""
    adam = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=decay)
    for step in range(STEPS):
        adam.zero_grad()
        loss(network, step).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        adam.step()
    return weights(network)


@pytest.mark.parametrize("clip", [None, 1.0, 1e6])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_those_of_adamw(decay: float, clip: float | None) -> None:
    before = weights(two_parts())
    ours, theirs = stepped(two_parts(), decay, clip), stepped_by_torch(two_parts(), decay, clip)
    assert (ours - theirs).abs().max() <= 1e-6
    assert (theirs - before).abs().max() > 0.05


def test_clipping_changes_the_way() -> None:
    assert not torch.allclose(stepped(two_parts(), 0.0, 0.1), stepped(two_parts(), 0.0, None))


def test_parameters_are_views_on_cache_lines_and_hold_what_they_held() -> None:
    network = two_parts()
    before = weights(network)
    flat = Flat([network], 4)
    assert torch.equal(weights(network), before)
    for parameter in network.parameters():
        assert parameter.untyped_storage().data_ptr() == flat.weights.untyped_storage().data_ptr()
        assert parameter.storage_offset() % ALIGNMENT == 0
        assert parameter.grad.untyped_storage().data_ptr() == flat.gradients.untyped_storage().data_ptr()


def test_release_gives_ordinary_storage_back() -> None:
    network = two_parts()
    flat = Flat([network], 4)
    held = weights(network)
    flat.release()
    flat.weights.zero_()
    assert torch.equal(weights(network), held)
    storages = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    assert len(storages) == 4
    assert all(p.untyped_storage().nbytes() == 4 * p.numel() for p in network.parameters())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_tied_parameters_are_laid_once() -> None:
    tied, theirs = two_parts(), two_parts()
    for network in (tied, theirs):
        network["two"].weight = network["one"].weight
    assert len(Flat([copy.deepcopy(tied)], 4).parameters) == 3
    assert len(Flat([tied["one"], tied["two"], tied], 4).parameters) == 3
    assert (stepped(tied, 0.1, None) - stepped_by_torch(theirs, 0.1, None)).abs().max() <= 1e-6


def test_frozen_parameters_are_left_where_they_are() -> None:
    network = two_parts()
    network["one"].requires_grad_(False)
    before = weights(network["one"])
    after = stepped(network, 0.1, None)
    assert torch.equal(weights(network["one"]), before)
    assert not torch.equal(after, weights(two_parts()))


@pytest.mark.parametrize("fault", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_gradient_that_is_not_finite_moves_nothing(fault: float, clip: float | None) -> None:
    network = two_parts()
    flat = Flat([network], 3)
    for step in range(3):
        loss(network, step).backward()
        if step == 1:
            before, moments = weights(network), [flat.first_moment.clone(), flat.second_moment.clone()]
            network["one"].bias.grad[1] = fault
        flat.step(RATE, 0.1, clip, slot=step)
        if step == 1:
            assert torch.equal(weights(network), before)
            assert torch.equal(flat.first_moment, moments[0])
            assert torch.equal(flat.second_moment, moments[1])
        flat.zero()
    assert flat.faults.tolist() == [0, 1, 0]
    assert flat.steps.item() == 2
    assert weights(network).isfinite().all()
    assert not torch.equal(weights(network), before)


def test_state_goes_to_another_and_on_from_there() -> None:
    whole = stepped(two_parts(), 0.1, None)
    network = two_parts()
    flat = Flat([network], STEPS)
    for step in range(STEPS):
        if step == 7:
            kept = {name: tensor.clone() for name, tensor in flat.state().items()}
            flat.release()
            flat = Flat([network], STEPS)
            flat.restore(kept)
        loss(network, step).backward()
        flat.step(RATE, 0.1, None, slot=step)
        flat.zero()
    assert torch.equal(weights(network), whole)
