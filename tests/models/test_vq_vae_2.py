"""The VQ-VAE-2: two levels, the coarse one first, and a fine one that is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from isthmus import VQVAE2, Convolutional
from isthmus.errors import ParameterError

IMAGES = (load_digits().images[:200, :, :, None] / 16).astype(np.float32)
BRIEF: dict[str, Any] = {"codes": 64, "hidden_dims": (8,), "epochs": 2, "random_state": 0}


@pytest.mark.parametrize("quantizer", ["fsq", "vq", "residual"])
def test_symbols_come_coarse_first_and_are_taken_apart(quantizer: str) -> None:
    model = VQVAE2(quantizer=quantizer, depth=2, **BRIEF).fit(IMAGES)
    symbols, deep = torch.from_numpy(model.tokens(IMAGES)), 2 if quantizer == "residual" else 1
    coarse, fine = model.network_.bottleneck.levels(symbols)
    assert (coarse.shape, fine.shape) == ((200, 4 * deep), (200, 16 * deep))
    assert torch.equal(torch.cat([coarse, fine], 1), symbols)
    assert model.latent_dim_ == model.transform(IMAGES).shape[1]


def test_coarse_symbols_change_the_whole_and_fine_ones_a_place() -> None:
    model = VQVAE2(**BRIEF).fit(IMAGES)
    symbols = model.tokens(IMAGES[:1])
    plain = model.from_tokens(symbols)

    def changed(place: int) -> Any:
        """Which pixels another symbol there moves."""
        other = symbols.copy()
        other[0, place] = (other[0, place] + 32) % 64
        return np.abs(model.from_tokens(other) - plain)[0, :, :, 0] > 1e-7

    assert changed(0).sum() > changed(4).sum() > 0  # the first coarse symbol, the first fine one
    assert not changed(4)[6:, 6:].any()


def test_both_books_follow_the_fit() -> None:
    model = VQVAE2(quantizer="vq", **BRIEF).fit(IMAGES)
    for part in (model.network_.bottleneck.coarse, model.network_.bottleneck.fine):
        assert bool(part.quantizer.begun)


@pytest.mark.parametrize(
    "params", [{"latent_dim": 5}, {"architecture": Convolutional(latent_channels=3)}, {"hidden_dims": 3}]
)
def test_what_leaves_the_levels_no_places_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        VQVAE2(**{**BRIEF, **params}).fit(IMAGES)
