"""A code in levels: one level is the plain VAE, its prices add up, and the top says what the rest hangs on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import roc_auc_score

from isthmus import MLP, VAE, HierarchicalVAE
from isthmus.core.code import Batch
from isthmus.errors import ParameterError

QUICK = {"epochs": 3, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def wine() -> Any:
    """178 wines, 13 measurements."""
    return load_wine().data


@pytest.fixture(scope="module")
def fitted(wine: Any) -> Any:
    """A model of them with three levels."""
    return HierarchicalVAE(latent_dim=2, epochs=40, learning_rate=5e-3, random_state=0).fit(wine)


def batch(seed: int = 0) -> Batch:
    """Eight rows, with noise of their own."""
    x, noise = (torch.Generator().manual_seed(seed) for seed in (seed, 7))
    return Batch(torch.randn(8, 13, generator=x), generator=noise)


def test_one_level_is_the_plain_vae_on_the_same_weights(wine: Any) -> None:
    plain, one = VAE(**QUICK).fit(wine), HierarchicalVAE(levels=1, **QUICK).fit(wine)
    names = {"decoder.": "decoder.decoder.", "bottleneck.": ""}
    weights = plain.network_.state_dict()
    for old, new in names.items():
        weights = {name.replace(old, new): tensor for name, tensor in weights.items()}
    one.network_.load_state_dict(weights)
    assert np.allclose(one.score_samples(wine), plain.score_samples(wine), rtol=1e-6)
    assert np.allclose(one.log_likelihood(wine, 20), plain.log_likelihood(wine, 20), rtol=1e-5)
    costs = [sum(model.objective(model.network_.train(), batch()).values()) for model in (plain, one)]
    assert torch.allclose(*costs, rtol=1e-6)


def test_the_bound_is_the_mean_weight_and_below_the_evidence(fitted: Any, wine: Any) -> None:
    network = fitted.network_.eval()
    rows = Batch(torch.from_numpy((wine - wine.mean(0)) / wine.std(0)).float())
    with torch.no_grad():
        distortion, rate = network.price(rows)
        weights = torch.stack([*network.log_weights(rows, 100, torch.Generator().manual_seed(0))])
    assert weights.mean().item() == pytest.approx(-(distortion + rate).mean().item(), abs=0.15)
    gap = fitted.elbo_gap(wine, 30)
    assert gap.mean() > 0
    assert (gap > -1.5).all()


def test_levels_add_up_and_come_apart(fitted: Any, wine: Any) -> None:
    assert fitted.level_shapes_ == ((2,), (2,), (2,))
    codes = fitted.transform(wine)
    assert codes.shape == (178, 6)
    assert [tuple(part.shape) for part in fitted.network_.decoder.apart(torch.from_numpy(codes))] == [(178, 2)] * 3
    assert np.allclose(fitted.inverse_transform(codes), fitted.reconstruct(wine), rtol=1e-4)
    line = fitted.history_[-1]
    parts = [line["distortion"], *(line[f"rate_{level}"] for level in (1, 2, 3))]
    assert line["loss"] == pytest.approx(sum(parts))
    drawn = fitted.sample(2000, random_state=0)
    assert np.abs((drawn.mean(0) - wine.mean(0)) / wine.std(0)).max() < 0.25
    assert (drawn.std(0) / wine.std(0)).min() > 0.6


@pytest.mark.slow
def test_what_all_else_hangs_on_is_sent_at_the_top() -> None:
    random = np.random.default_rng(0)
    group = random.integers(0, 2, 800)
    centres, spans = 2.5 * random.normal(size=(2, 10)), random.normal(size=(2, 2, 10))
    X = centres[group] + np.einsum("nf,nfd->nd", random.normal(size=(800, 2)), spans[group])
    X = X + 0.2 * random.normal(size=X.shape)
    model = HierarchicalVAE(levels="1 2", epochs=40, learning_rate=5e-3, random_state=0).fit(X)
    assert model.history_[-1]["rate_1"] > 0.5  # the group alone is log 2
    area = roc_auc_score(group, model.transform(X)[:, 0])
    assert max(area, 1 - area) > 0.95


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_one_grammar_places_levels_in_every_backbone(architecture: str) -> None:
    images = (load_digits().images[:96, :, :, None] / 16).astype(np.float32)
    asked = {"architecture": architecture, "hidden_dims": (8, 16), **QUICK, "epochs": 1}
    model = HierarchicalVAE(levels="6 3x2 2", **asked).fit(images)
    places = [(), (2, 2), (4, 4)] if architecture == "conv" else [()] * 3
    shapes = [(6,), (3, *places[1]), (3, *places[1]), (2, *places[2])]
    assert list(model.level_shapes_) == shapes
    assert model.latent_shape_ == (sum(int(np.prod(shape)) for shape in shapes),)
    assert model.sample(2, random_state=0).shape == (2, 8, 8, 1)


@pytest.mark.parametrize("levels", [0, 2.5, "", "8x2 4", "8 x2", "8 0", "8 4 4 4"])
def test_what_are_no_levels_is_said(levels: Any, wine: Any) -> None:
    with pytest.raises(ParameterError, match="levels="):
        HierarchicalVAE(levels=levels, **QUICK).fit(wine)


def test_nothing_goes_around_the_levels(wine: Any) -> None:
    with pytest.raises(ParameterError, match="has no price"):
        HierarchicalVAE(architecture=MLP(skip_connections=True), **QUICK).fit(wine)


@pytest.mark.slow
def test_free_bits_bring_the_upper_levels_into_use() -> None:
    images = (load_digits().data[:600] / 16).astype(np.float32)
    asked = {"levels": 3, "latent_dim": 4, "hidden_dims": (64, 32), "likelihood": "bernoulli", "scaling": "none"}
    above, without = {}, {}
    for free in (0.0, 2.0):
        model = HierarchicalVAE(free_bits=free, epochs=20, random_state=0, **asked).fit(images)
        above[free], codes = told_above(model, images), model.transform(images)
        silent = codes.copy()
        silent[:, :8] = codes[:, :8].mean(0)  # the two levels farthest from the data say the same of every row
        rebuilt = [model.inverse_transform(z) for z in (codes, silent)]
        without[free] = float(np.mean((rebuilt[1] - images) ** 2) - np.mean((rebuilt[0] - images) ** 2))
    assert above[0.0] < 0.5
    assert above[2.0] > 2.0
    assert without[2.0] > 5 * max(without[0.0], 1e-4)


def told_above(model: Any, images: Any) -> float:
    """Nats that cross at the two levels farthest from the data."""
    network = model.network_.eval()
    with torch.no_grad():
        terms = network.encode(Batch(torch.from_numpy(images))).terms
    return float(terms["rate_1"].mean() + terms["rate_2"].mean())
