"""Around an item, into empty places, into holes, and up the slope of a density."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from isthmus import VAE, Autoencoder, Convolutional, DenoisingAutoencoder
from isthmus.errors import AbilityError, InputError, ParameterError

X = load_wine().data
AMOUNT = 0.4


@pytest.fixture(scope="module")
def plain() -> Any:
    return Autoencoder(latent_dim=2, epochs=30, random_state=0).fit(X).fit_prior(X, "mixture", components=3)


def spread_of(rows: Any, around: Any) -> float:
    """Mean distance in deviations of the data."""
    return float(np.linalg.norm((rows - around) / X.std(0), axis=1).mean())


@pytest.mark.parametrize("kind", [None, "mixture", "diffusion"])
def test_variations_lie_around_the_item_as_far_as_asked(plain: Any, kind: str | None) -> None:
    model = plain if kind else VAE(latent_dim=2, epochs=20, random_state=0).fit(X)
    if kind == "diffusion":
        model = copy.deepcopy(plain).fit_prior(X, kind, epochs=30, width=32, blocks=1, steps=10)
    item = model.reconstruct(X[:1])
    np.testing.assert_allclose(model.variations(X[0], 3, 0.0, random_state=0), item.repeat(3, 0), rtol=1e-3)
    far = [spread_of(model.variations(X[0], 60, s, random_state=0), item) for s in (0.1, 0.4, 1.0)]
    assert 0 < far[0] < far[1] < far[2]
    several = model.variations(X[:2], 5, 0.2, random_state=1)
    assert several.shape == (10, X.shape[1])
    assert np.array_equal(several, model.variations(X[:2], 5, 0.2, random_state=1))
    with pytest.raises(ParameterError, match="spread=2"):
        model.variations(X[0], 3, 2)


def test_gaps_are_likely_and_empty() -> None:
    """Codes are a disc with a hole of no rows; the gap must be found in the hole."""
    random = np.random.default_rng(0)
    points = random.normal(size=(1500, 2))
    ring = points[np.linalg.norm(points, axis=1) > 0.7]
    rows = np.c_[ring, ring @ random.normal(size=(2, 3))]
    linear: dict[str, Any] = {"hidden_dims": (), "activation": "linear", "scaling": "none"}
    model = Autoencoder(latent_dim=2, epochs=15, random_state=0, **linear).fit(rows).fit_prior(rows, "normal")
    found = model.gaps(4, random_state=0)
    assert found.shape == (4, 5)
    assert np.linalg.norm(found[:1, :2], axis=1) < 0.6
    assert np.array_equal(found, model.gaps(4, random_state=0))


def test_what_cannot_explore_says_why(plain: Any) -> None:
    vae = VAE(latent_dim=2, epochs=1, random_state=0).fit(X)
    bare = Autoencoder(latent_dim=2, epochs=1, random_state=0).fit(X)
    with pytest.raises(AbilityError, match="keeps no training codes"):
        vae.gaps(3)
    with pytest.raises(AbilityError, match="call fit_prior"):
        bare.variations(X[0], 3)
    with pytest.raises(AbilityError, match="no diffusion was fitted to places"):
        plain.inpaint(X)
    with pytest.raises(AbilityError, match="use DenoisingAutoencoder"):
        plain.langevin(3)
    with pytest.raises(AbilityError, match="use DenoisingAutoencoder"):
        DenoisingAutoencoder(corruption="masking", latent_dim=2, epochs=1).fit(X).score_function(X)


@pytest.mark.parametrize("on", ["code", "data"])
def test_holes_are_filled_and_the_rest_comes_back(on: str) -> None:
    digits = (load_digits().images[:300, :, :, None] / 16).astype(np.float32)
    conv = Convolutional(latent_channels=2)
    model = Autoencoder(architecture=conv, hidden_dims=(16,), epochs=4, random_state=0).fit(digits)
    model.fit_prior(digits, "diffusion", on=on, epochs=2, width=8, blocks=1, steps=3)
    mask = np.ones(digits[:5].shape, dtype=bool)
    mask[:, 5:] = False
    filled = model.inpaint(digits[:5], mask, random_state=0)
    assert filled.shape == digits[:5].shape
    assert np.array_equal(filled[mask], digits[:5][mask])
    assert not np.allclose(filled[~mask], 0)
    assert np.array_equal(filled, model.inpaint(digits[:5], mask, random_state=0))
    assert not np.array_equal(filled, model.inpaint(digits[:5], mask, random_state=1))
    with pytest.raises(InputError, match="mask of shape"):
        model.inpaint(digits[:5], mask[:2])


@pytest.fixture(scope="module")
def hills() -> tuple[Any, Any, Any]:
    """Rows of a mixture of two normals, its density with the noise of training on it, and a model of them."""
    means = torch.tensor([[-1.5, 0.0], [1.5, 0.5]], dtype=torch.float64)
    covariances = torch.tensor([[[0.5, 0.2], [0.2, 0.3]], [[0.3, 0.0], [0.0, 0.6]]], dtype=torch.float64)
    which = torch.arange(4000) % 2
    noise = torch.randn(4000, 2, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = means[which] + (torch.linalg.cholesky(covariances)[which] @ noise)[:, :, 0]
    noisy = MultivariateNormal(means, covariances + AMOUNT**2 * torch.eye(2, dtype=torch.float64))
    density = MixtureSameFamily(Categorical(torch.ones(2, dtype=torch.float64)), noisy)
    model = DenoisingAutoencoder(
        amount=AMOUNT, latent_dim=16, hidden_dims=(32,), epochs=12, batch_size=128, learning_rate=4e-3, random_state=0
    ).fit(10 * rows.numpy())
    return model, density, rows.numpy()


def test_the_score_function_is_the_slope_of_the_noisy_density(hills: tuple[Any, Any, Any]) -> None:
    model, density, rows = hills
    at = torch.from_numpy(rows[:500]).requires_grad_()
    scale = torch.from_numpy(model.spec_.scale.numpy() / 10)
    assert float((scale - scale.mean()).abs().max()) < 1.0
    # Noise is added to scaled rows, so in units of the rows it is wider along the wider column.
    widths = (AMOUNT * scale) ** 2 - AMOUNT**2
    component = density.component_distribution
    covariances = component.covariance_matrix + torch.diag(widths)
    exact = MixtureSameFamily(density.mixture_distribution, MultivariateNormal(component.loc, covariances))
    (slope,) = torch.autograd.grad(exact.log_prob(at).sum(), at)
    found = 10 * model.score_function(10 * rows[:500])
    assert found.shape == (500, 2)
    error = np.linalg.norm(found - slope.numpy()) / np.linalg.norm(slope.numpy())
    assert error < 0.25
    assert np.array_equal(model.score_function(10 * rows[3:5]), model.score_function(10 * rows[:500])[3:5])


def test_walks_end_where_rows_are(hills: tuple[Any, Any, Any]) -> None:
    model, _, rows = hills
    ended = model.langevin(800, 60, random_state=0) / 10
    assert ended.shape == (800, 2)
    np.testing.assert_allclose(ended.mean(0), rows.mean(0), atol=0.25)
    assert np.abs(np.cov(ended.T) - np.cov(rows.T)).max() < 1.0
    assert np.array_equal(ended, model.langevin(800, 60, random_state=0) / 10)
    with pytest.raises(ParameterError, match="sigma=-1"):
        model.langevin(3, sigma=-1.0)
