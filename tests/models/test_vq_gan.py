"""Symbols, a price by features that stay as they are, and a critic whose word is weighed and heard late."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from isthmus import VQGAN, VQVAE
from isthmus.core.code import Batch
from isthmus.errors import InputError, ParameterError
from isthmus.parts.adversarial import FLOOR

IMAGES = (load_digits().images[:160, :, :, None] / 16).astype(np.float32)
SHAPE: dict[str, Any] = {"codes": 64, "latent_dim": 12, "hidden_dims": (16,), "architecture": "conv", "random_state": 0}
X = torch.from_numpy(IMAGES).movedim(3, 1)


@pytest.fixture(scope="module")
def fitted() -> VQGAN:
    """A model that heard its critic for half of the run."""
    return VQGAN(weight=0.7, start=0.5, epochs=4, **SHAPE).fit(IMAGES)


@pytest.mark.parametrize("quantizer", ["fsq", "vq"])
def test_before_the_gate_opens_it_is_the_model_without_a_critic_bit_for_bit(quantizer: str) -> None:
    twin = VQVAE(quantizer=quantizer, likelihood="perceptual", epochs=4, **SHAPE).fit(IMAGES)
    deaf = VQGAN(quantizer=quantizer, start=1.0, epochs=4, **SHAPE).fit(IMAGES)
    for name, tensor in twin.network_.state_dict().items():
        assert torch.equal(deaf.network_.state_dict()[name], tensor), name


def test_the_critic_learns_at_once_and_is_heard_later(fitted: VQGAN) -> None:
    deaf = VQGAN(start=1.0, epochs=4, **SHAPE).fit(IMAGES).history_
    lines = fitted.history_
    assert all("critic/judge" in line for line in lines)
    assert ["autoencoder/fool" in line for line in lines] == [False, False, True, True]
    lost, ours = ([line["autoencoder/distortion"] for line in history] for history in (deaf, lines))
    assert [a == b for a, b in zip(lost, ours, strict=True)] == [True, True, False, False]


def test_the_weight_is_the_ratio_of_the_pulls_worked_out_by_hand(fitted: VQGAN) -> None:
    model = fitted
    network, batch = model.network_.eval(), Batch(X[:32], progress=1.0)
    answer = network(batch).params.detach().requires_grad_()
    patches = network.critic(answer).flatten(1).mean(1)
    rebuilding = network.likelihood.distortion(batch.x, answer)
    pulls = [torch.autograd.grad(cost.sum(), answer)[0].flatten(1) for cost in (rebuilding, patches)]
    lengths = [float((pull**2).sum(1).mean() ** 0.5) for pull in pulls]
    weight = min(lengths[0] / (lengths[1] + FLOOR), 1e4)
    fool = model.objective(network, batch)["fool"]
    torch.testing.assert_close(fool, 0.7 * weight * patches)


def test_the_features_that_price_take_no_step(fitted: VQGAN) -> None:
    model = copy.deepcopy(fitted)
    features = model.network_.likelihood.features
    assert not any(weight.requires_grad for weight in features.parameters())
    before = {name: tensor.clone() for name, tensor in features.state_dict().items()}
    decoder = [weight.clone() for weight in model.network_.decoder.parameters()]
    model.partial_fit(IMAGES)
    assert all(torch.equal(tensor, before[name]) for name, tensor in features.state_dict().items())
    assert not all(map(torch.equal, decoder, model.network_.decoder.parameters()))


def test_images_are_drawn_from_a_prior_of_its_symbols(fitted: VQGAN) -> None:
    model = copy.deepcopy(fitted)
    assert model.tokens(IMAGES).shape == (160, 6)
    drawn = model.fit_prior(IMAGES, "autoregressive", epochs=1).sample(3, random_state=0)
    assert drawn.shape == (3, 8, 8, 1)


def test_it_is_of_images_alone_and_prices_have_domains() -> None:
    with pytest.raises(InputError, match="image"):
        VQGAN(epochs=1).fit(load_digits().data)
    for params in ({"weight": -1.0}, {"entropy": float("nan")}, {"start": 1.5}, {"commitment": -1.0}):
        with pytest.raises(ParameterError, match=next(iter(params))):
            VQGAN(epochs=1, **SHAPE, **params).fit(IMAGES[:50])
