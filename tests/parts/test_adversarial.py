"""Costs of critics, the gate, the weight that balances two pulls, and a critic of patches that cannot grow steep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isthmus.parts.adversarial import GAMES, MOST, adaptive_weight, fooled, gate, judged
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.initialise import initialise
from isthmus.parts.patches import PatchCritic, SpectralConvolution


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_costs_are_those_of_a_classifier_and_of_a_margin() -> None:
    real, other = torch.tensor([-2.0, 0.5]), torch.tensor([3.0, -0.5])
    odds = nn.functional.binary_cross_entropy_with_logits
    expected = odds(real, torch.zeros(2), reduction="none") + odds(other, torch.ones(2), reduction="none")
    torch.testing.assert_close(judged(real, other), expected)
    torch.testing.assert_close(judged(real, other, "hinge"), torch.tensor([0.0, 3.0]))
    assert judged(torch.tensor([-1.0]), torch.tensor([1.0]), "hinge") == 0


@pytest.mark.parametrize("game", GAMES)
def test_whoever_made_the_rows_pays_more_the_surer_the_critic(game: str) -> None:
    costs = fooled(torch.tensor([[-3.0, -3.0], [0.0, 0.0], [3.0, 3.0]]), game)
    assert costs.shape == (3,)
    assert costs[0] < costs[1] < costs[2]


def test_at_the_ratio_of_two_normals_the_cost_is_their_divergence() -> None:
    z = 0.5 + 0.8 * torch.randn(200_000, generator=seeded())
    log_ratio = -((z - 0.5) ** 2) / (2 * 0.64) - np.log(0.8) + z.square() / 2
    kl = 0.5 * (0.5**2 + 0.64 - np.log(0.64) - 1)
    assert fooled(log_ratio, "ratio").mean() == pytest.approx(kl, abs=0.005)


def test_the_gate_opens_once() -> None:
    assert [gate(t, 0.5) for t in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 1]
    assert gate(0.0, 0.0) == 1


@pytest.mark.parametrize("rows", [64, 256])
def test_the_weight_is_the_ratio_of_the_gradients_lengths_at_any_batch_size(rows: int) -> None:
    made, slope = torch.randn(rows, 5, generator=seeded()), torch.tensor([3.0, 0.0, 0.0, 4.0, 0.0])

    def squares(a: Tensor) -> Tensor:
        return 0.5 * a.square().sum(1)

    weight = adaptive_weight(made, squares, lambda a: a @ slope)
    torch.testing.assert_close(weight, made.square().sum(1).mean().sqrt() / 5, rtol=1e-4, atol=0)
    assert weight == pytest.approx(5**0.5 / 5, rel=0.15)
    assert not weight.requires_grad
    assert adaptive_weight(1e9 * made, squares, lambda a: 1e-3 * a @ slope) == MOST


def test_the_weighted_pull_is_as_long_as_that_of_rebuilding_through_parts_of_one_derivative() -> None:
    decoder = Dense((2, 8, 6), "relu")
    initialise(decoder, seeded())
    params = decoder(torch.randn(16, 2, generator=seeded(1)))
    x, critic = torch.randn(16, 6, generator=seeded(2)), nn.Linear(6, 1)

    def rebuilding(a: Tensor) -> Tensor:
        return (a - x).square().sum(1)

    def fooling(a: Tensor) -> Tensor:
        return fooled(critic(a))

    weight = adaptive_weight(params, rebuilding, fooling)
    pulls = [torch.autograd.grad(c(params).sum(), params, retain_graph=True)[0] for c in (rebuilding, fooling)]
    assert float((weight * pulls[1]).norm() / pulls[0].norm()) == pytest.approx(1, rel=0.01)
    (weight * fooling(params)).sum().backward()  # the weight has sent nothing back before
    assert decoder.linears[0].weight.grad.abs().sum() > 0
    assert critic.weight.grad is not None


def test_a_spectral_kernel_has_norm_one_and_moves_in_refine_alone() -> None:
    layer = SpectralConvolution(3, 6, 3, 1, 1)
    with torch.no_grad():
        layer.weight.mul_(40)
    layer.refine(50)
    top = torch.linalg.svdvals((layer.weight.flatten(1) / layer.norm()).detach())[0]
    assert float(top) == pytest.approx(1, abs=1e-3)
    before = layer.left.clone()
    layer.train()(torch.randn(2, 3, 8, 8, generator=seeded()))
    assert torch.equal(layer.left, before)


def test_a_spectral_critic_stays_flat_where_a_free_one_does_not() -> None:
    answers = {}
    for spectral in (True, False):
        critic = PatchCritic(1, (8, 16), spectral)
        initialise(critic, seeded())
        with torch.no_grad():
            for parameter in critic.parameters():
                parameter.mul_(30)
        for _ in range(20):
            critic.refine()
        x = torch.randn(4, 1, 12, 12, generator=seeded(3)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(x).sum(), x)
        answers[spectral] = float(slope.abs().max())
        assert [tuple(level.shape) for level in critic.features(x)] == [(4, 8, 6, 6), (4, 16, 3, 3)]
    assert 100 * answers[True] < answers[False]


def test_a_patch_sees_its_surroundings_and_no_other_row() -> None:
    critic = PatchCritic(1).eval()
    x = torch.randn(3, 1, 28, 28, generator=seeded())
    moved = x.clone()
    moved[0, :, :4, :4] += 1
    difference = (critic(moved) - critic(x)).abs()
    assert difference[0, 0, 0, 0] > 0
    assert difference[0, 0, 4:, 4:].max() == 0
    assert difference[1:].max() < 1e-5
