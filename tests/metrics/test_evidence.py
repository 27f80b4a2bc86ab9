"""Bits a cell against entropies that are known."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus import VAE
from isthmus.errors import ParameterError
from isthmus.metrics import bits_per_dim


def test_independent_normals_cost_their_entropy_in_any_scale() -> None:
    z = np.random.default_rng(0).normal(size=(20_000, 5))
    nats = -0.5 * (z**2 + np.log(2 * np.pi)).sum(1)
    entropy = 0.5 * np.log2(2 * np.pi * np.e)
    assert bits_per_dim(nats, 5).mean() == pytest.approx(entropy, abs=0.01)
    assert bits_per_dim(nats, 5, factor=8.0).mean() == pytest.approx(entropy + 3, abs=0.01)


def test_bytes_with_noise_cost_eight_bits_under_a_uniform_density_however_they_are_scaled() -> None:
    for factor in (1.0, 255.0):
        nats = 784 * np.log(factor / 256)  # p = f / 256 for each scaled cell
        assert float(bits_per_dim(nats, 784, factor)) == pytest.approx(8)


def test_black_and_white_pixels_of_a_model_cost_less_than_a_bit() -> None:
    rows = (np.random.default_rng(0).random((300, 12)) < 0.1).astype(np.float32)
    model = VAE(latent_dim=2, likelihood="bernoulli", epochs=150, random_state=0).fit(rows)
    bits = bits_per_dim(model.log_likelihood(rows, 50), 12)
    entropy = -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)
    assert bits.shape == (300,)
    assert bits.mean() == pytest.approx(entropy, abs=0.08)


@pytest.mark.parametrize(("dims", "factor"), [(0, 1.0), (3, 0.0), (3, -1.0), (3, np.inf), (3, np.nan)])
def test_what_is_no_scale_is_refused(dims: int, factor: float) -> None:
    with pytest.raises(ParameterError):
        bits_per_dim([-1.0], dims, factor)
