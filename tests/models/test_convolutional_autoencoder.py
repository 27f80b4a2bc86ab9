"""The same weights at every place: what moves in the picture moves in the code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import isthmus
from isthmus import ConvolutionalAutoencoder
from isthmus.errors import InputError, ParameterError


def canvas(size: int, at: int) -> Any:
    """60 digits on black canvases, their corner at (at, at)."""
    pictures = np.zeros((60, size, size, 1), np.float32)
    pictures[:, at : at + 8, at : at + 8, 0] = load_digits().images[:60] / 16
    return pictures


def test_a_picture_of_28_pixels_goes_down_as_it_says() -> None:
    model = ConvolutionalAutoencoder(epochs=1).fit(canvas(28, 10))
    summary = model.summary()
    shapes = [line.shape for line in summary.lines]
    assert shapes == [(1, 28, 28), (32, 14, 14), (64, 7, 7), (128,), (128,), (3136,), (32, 14, 14), (1, 28, 28)]
    assert summary.ratio == 784 / 128


@pytest.mark.parametrize(("size", "hidden_dims"), [(8, (32,)), (32, (32, 64)), (64, (32, 64, 128))])
def test_halving_stops_at_7_or_8(size: int, hidden_dims: tuple[int, ...]) -> None:
    assert ConvolutionalAutoencoder(epochs=1).fit(canvas(size, 0)[:8]).settings_.hidden_dims == hidden_dims


def test_a_code_that_keeps_its_places_moves_with_the_picture() -> None:
    model = ConvolutionalAutoencoder(latent_channels=3, hidden_dims=(8, 16), epochs=5, random_state=0)
    model.fit(canvas(32, 12))
    assert model.latent_shape_ == (3, 8, 8)
    here, there = (model.transform(canvas(32, at)).reshape(-1, 3, 8, 8) for at in (12, 16))
    np.testing.assert_allclose(there[:, :, 2:-1, 2:-1], here[:, :, 1:-2, 1:-2], atol=1e-5)
    assert np.abs(there - here).max() > 0.1


def test_it_learns_digits_and_comes_back_from_disk(tmp_path: Any) -> None:
    pictures = (load_digits().images[:, :, :, None] / 16).astype(np.float32)
    model = ConvolutionalAutoencoder(epochs=20, learning_rate=4e-3, random_state=0).fit(pictures[:600])
    lost = ((model.reconstruct(pictures[600:800]) - pictures[600:800]) ** 2).sum((1, 2, 3)).mean()
    assert lost < 0.5 * ((pictures[600:800] - pictures.mean(0)) ** 2).sum((1, 2, 3)).mean()
    places = ConvolutionalAutoencoder(latent_channels=2, epochs=1).fit(pictures[:64])
    twin = isthmus.load(places.save(tmp_path / "model"))
    assert twin.latent_shape_ == (2, 4, 4)
    assert np.array_equal(twin.transform(pictures[:9]), places.transform(pictures[:9]))
    assert torch.is_tensor(twin.network_.encode(isthmus.core.code.Batch(torch.zeros(1, 1, 8, 8))).z)


def test_a_table_is_refused_and_so_are_options_at_odds() -> None:
    with pytest.raises(InputError, match=r"table of shape \(64,\).*takes data of kind 'image' or 'series' or 'volume'"):
        ConvolutionalAutoencoder().fit(load_digits().data)
    with pytest.raises(ParameterError, match=r"architecture='mlp'.*is built of 'conv' or 'residual'"):
        ConvolutionalAutoencoder(architecture="mlp").fit(canvas(8, 0))
    with pytest.raises(ParameterError, match=r"latent_channels=2 with architecture='residual'"):
        ConvolutionalAutoencoder(architecture="residual", latent_channels=2).fit(canvas(8, 0))
    with pytest.raises(ParameterError, match=r"latent_dim=7.*has 32 numbers"):
        ConvolutionalAutoencoder(latent_channels=2, latent_dim=7).fit(canvas(8, 0))
