"""First weights: their law, their source, and who is asked to draw its own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.initialise import initialise

LAYERS = {
    "linear": (lambda: nn.Linear(50, 400), 50),
    "conv": (lambda: nn.Conv2d(4, 200, 5), 100),
    "grouped": (lambda: nn.Conv1d(8, 400, 5, groups=4), 10),
    "transposed": (lambda: nn.ConvTranspose2d(4, 200, 5), 100),
}


def drawn(layer: nn.Module, seed: int = 0) -> nn.Module:
    """The layer with weights of this seed."""
    initialise(layer, torch.Generator().manual_seed(seed))
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_weights_and_biases_are_uniform_within_the_root_of_the_fan_in(name: str) -> None:
    make, fan_in = LAYERS[name]
    layer = drawn(make())
    for parameter in layer.parameters():
        assert parameter.abs().max() <= 1 / math.sqrt(fan_in)
        assert parameter.std().item() == pytest.approx(1 / math.sqrt(3 * fan_in), rel=0.15)
        assert parameter.mean().abs() < 0.15 / math.sqrt(fan_in)


def test_the_seed_decides_and_nothing_else() -> None:
    torch.manual_seed(1)
    first = nn.Linear(3, 4)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = drawn(nn.Linear(3, 4))
    assert not torch.equal(torch.get_rng_state(), before)  # building draws; whoever builds keeps that to himself
    drawn(first)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)
    assert not torch.equal(first.weight, drawn(nn.Linear(3, 4), seed=1).weight)


def test_drawing_leaves_global_randomness_alone() -> None:
    layer = nn.Linear(3, 4)
    before = torch.get_rng_state()
    drawn(layer)
    assert torch.equal(torch.get_rng_state(), before)


def test_layers_may_start_at_nought_or_without_a_bias() -> None:
    silent = nn.Linear(3, 4)
    silent.zero_init = True
    assert not drawn(silent).weight.any()
    assert not silent.bias.any()
    assert drawn(nn.Linear(3, 4, bias=False)).weight.any()


def test_a_part_that_can_draw_is_asked_to() -> None:
    network = nn.Sequential(nn.Linear(3, 4), Gaussian(2))
    assert not network[1].noise.any()
    drawn(network)
    assert network[1].noise.all()
    assert torch.equal(drawn(nn.Sequential(nn.Linear(3, 4), Gaussian(2)))[1].noise, network[1].noise)
