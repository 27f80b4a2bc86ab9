"""Codes of bounded length, and a decoder that moves little or has small weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import Autoencoder, RegularizedAutoencoder
from isthmus.core.code import Batch
from isthmus.errors import UnknownNameError
from isthmus.parts.penalties import contraction, weight_decay
from tests.models.rows import digits, error

SHAPE: dict[str, Any] = {"latent_dim": 6, "hidden_dims": (32,), "scaling": "none", "epochs": 15, "random_state": 0}


def length(codes: Any) -> float:
    """Mean squared length of a code."""
    return float((np.asarray(codes) ** 2).sum(1).mean())


@pytest.mark.parametrize("beta", [0.01, 0.3])
def test_codes_are_as_short_as_their_price_says(beta: float) -> None:
    train, _ = digits()
    model = RegularizedAutoencoder(beta=beta, **SHAPE).fit(train)
    # At a minimum the length costs no more than it saves: what rows cost whose code is nothing, over what they cost.
    network, x = model.network_, torch.from_numpy(train)
    with torch.no_grad():
        nothing = network.decode(torch.zeros(1, 6)).expand(len(x), -1)
        saved = (network.likelihood.distortion(x, nothing) - network.price(Batch(x))[0]).mean()
    assert 0.5 * beta * length(model.transform(train)) < float(saved)


def test_a_dearer_code_is_shorter_and_a_free_one_longest() -> None:
    train, held_out = digits()
    lengths = [length(RegularizedAutoencoder(beta=b, **SHAPE).fit(train).transform(held_out)) for b in (0.3, 0.03)]
    assert lengths[0] < lengths[1] < length(Autoencoder(**SHAPE).fit(train).transform(held_out))


def test_a_decoder_that_pays_for_moving_moves_less() -> None:
    train, held_out = digits()
    moved, lost = {}, {}
    for weight in (0.0, 0.3):
        model = RegularizedAutoencoder(penalty="gradient", weight=weight, **SHAPE).fit(train)
        z = torch.from_numpy(model.transform(held_out))
        spread = float(z.std(0).mean())  # or longer codes would do
        moved[weight] = float(contraction(model.network_.decoder, z).detach().mean().sqrt()) * spread
        lost[weight] = error(held_out, model.reconstruct(held_out))
    assert moved[0.3] < moved[0.0]
    assert lost[0.3] < 2 * lost[0.0]


def test_the_decoder_alone_pays_for_its_weights() -> None:
    train, _ = digits()
    norms = {}
    for weight in (0.0, 0.1):
        model = RegularizedAutoencoder(weight=weight, **SHAPE).fit(train)
        parts = (model.network_.decoder, model.network_.encoder)
        norms[weight] = [float(weight_decay(part, 1).detach()) for part in parts]
    assert norms[0.1][0] < 0.7 * norms[0.0][0]
    assert norms[0.1][1] > norms[0.1][0]


def test_penalties_that_are_none_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="gradient"):
        RegularizedAutoencoder(penalty="gradients", **SHAPE).fit(digits()[0])
    assert RegularizedAutoencoder().abilities()["sample"] is not True
