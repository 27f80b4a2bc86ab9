"""Dropout keeps the mean, draws from the generator it was given, and rests outside a run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.parts.backbones.dropout import Dropout, listen
from isthmus.parts.masks import byte_share


def layer(p: float, seed: int = 0) -> Dropout:
    """A layer that listens to a generator of its own."""
    made = Dropout(p)
    made.generator = torch.Generator().manual_seed(seed)
    return made


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_it_drops_its_share_and_keeps_the_mean(p: float) -> None:
    h = torch.ones(500, 400)
    kept = layer(p)(h)
    assert (kept == 0).float().mean().item() == pytest.approx(byte_share(p), abs=0.005)
    assert kept.mean().item() == pytest.approx(1.0, abs=0.03)
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / (1 - byte_share(p))])


def test_the_same_generator_gives_the_same_mask_and_goes_on() -> None:
    h = torch.ones(8, 16)
    one, two = layer(0.5), layer(0.5)
    first = one(h)
    assert torch.equal(first, two(h))
    assert not torch.equal(first, one(h))


def test_gradients_pass_where_numbers_do() -> None:
    h = torch.randn(8, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    kept = layer(0.5)(h)
    kept.sum().backward()
    assert torch.equal(h.grad == 0, kept == 0)


@pytest.mark.parametrize("resting", [layer(0.5).eval(), Dropout(0.5), layer(0.0)], ids=["eval", "deaf", "nothing"])
def test_it_rests_in_evaluation_outside_a_run_and_at_nought(resting: Dropout) -> None:
    h = torch.ones(8, 16)
    assert resting(h) is h


def test_global_randomness_is_left_alone() -> None:
    before = torch.get_rng_state()
    layer(0.5)(torch.ones(8, 16))
    assert torch.equal(torch.get_rng_state(), before)


def test_every_layer_inside_listens_and_stops() -> None:
    network, generator = nn.Sequential(Dropout(0.2), nn.Sequential(nn.ReLU(), Dropout(0.3))), torch.Generator()
    layers = [part for part in network.modules() if isinstance(part, Dropout)]
    listen(network, generator)
    assert [part.generator for part in layers] == [generator, generator]
    listen(network, None)
    assert [part.generator for part in layers] == [None, None]
