"""A code that moves less with the row, where it moves exactly as autograd says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import Autoencoder, ContractiveAutoencoder
from isthmus.parts.backbones.dense import plainly
from isthmus.parts.penalties import contraction
from tests.models.rows import digits, error

SHAPE = {"latent_dim": 16, "scaling": "none", "epochs": 25, "random_state": 0}


def moved(model: Any, rows: Any) -> tuple[float, float]:
    """Mean ||dz/dx||_F over the rows; and the same in units of the code's spread."""
    generator = torch.Generator().manual_seed(0)
    squares = contraction(model.network_.encoder, torch.from_numpy(rows), generator, draws=20)
    norm = float(squares.detach().sqrt().mean())
    return norm, norm / float(np.sqrt(model.transform(rows).var(0).sum()))


@pytest.mark.parametrize("hidden_dims", [(64,), pytest.param((64, 32), marks=pytest.mark.slow)])
def test_the_code_moves_less_than_that_of_a_plain_autoencoder(hidden_dims: tuple[int, ...]) -> None:
    train, held_out = digits()
    plain = Autoencoder(hidden_dims=hidden_dims, **SHAPE).fit(train)
    contractive = ContractiveAutoencoder(hidden_dims=hidden_dims, weight=0.1, **SHAPE).fit(train)
    (norm, relative), (plain_norm, plain_relative) = moved(contractive, held_out), moved(plain, held_out)
    assert norm < 0.5 * plain_norm
    assert relative < 0.9 * plain_relative
    assert error(held_out, contractive.reconstruct(held_out)) < 0.55


@pytest.mark.parametrize("architecture", ["mlp", "conv", "residual"])
def test_the_penalty_is_that_of_the_written_out_jacobian_of_an_image(architecture: str) -> None:
    images = digits()[0][:40].reshape(-1, 1, 8, 8)
    shape = {"hidden_dims": (8,), "latent_dim": 3, "epochs": 1, "random_state": 0}
    model = ContractiveAutoencoder(architecture=architecture, **shape).fit(images.transpose(0, 2, 3, 1))
    encoder, x = model.network_.encoder.double(), torch.from_numpy(images[:3]).double()
    with plainly(encoder):
        rows = [torch.autograd.functional.jacobian(lambda row: encoder(row[None])[0], row) for row in x]
    written = torch.stack([jacobian.square().sum() for jacobian in rows])
    draws = 1 if architecture == "mlp" else 400
    told = contraction(encoder, x, torch.Generator().manual_seed(0), draws=draws).detach()
    torch.testing.assert_close(told, written, rtol=1e-6 if architecture == "mlp" else 0.2, atol=0)


def test_what_was_paid_stands_in_the_history() -> None:
    model = ContractiveAutoencoder(hidden_dims=(16,), weight=0.5, latent_dim=4, epochs=8, random_state=0)
    train, held_out = digits()
    history = model.fit(train, validation=held_out).history_
    assert min(line["contraction"] for line in history) > 0
    assert history[-1]["loss"] == pytest.approx(history[-1]["distortion"] + history[-1]["contraction"])
    assert model.score(held_out) == pytest.approx(-history[-1]["validation_distortion"])
