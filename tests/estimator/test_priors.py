"""Priors on fitted models: what they change and what they leave, and that they come back from disk."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine

import isthmus
from isthmus import VAE, VQVAE, Autoencoder
from isthmus.errors import AbilityError, InputError, ParameterError, UnknownNameError

WINE = load_wine()
X = WINE.data
SLOW_FLOW = pytest.param("flow", marks=pytest.mark.slow)
SHORT: dict[str, dict[str, Any]] = {
    "normal": {},
    "mixture": {"components": 3},
    "vamp": {"pseudo_inputs": 8, "epochs": 3},
    "flow": {"couplings": 2, "hidden": 8, "epochs": 3},
    "diffusion": {"width": 16, "blocks": 1, "steps": 4, "epochs": 3},
}


@pytest.fixture(scope="module")
def plain() -> Any:
    return Autoencoder(latent_dim=3, epochs=30, random_state=0).fit(X)


@pytest.fixture(scope="module")
def stochastic() -> Any:
    return VAE(latent_dim=3, epochs=40, random_state=0).fit(X)


def with_prior(model: Any, kind: str, **options: Any) -> Any:
    return copy.deepcopy(model).fit_prior(X, kind, **{**SHORT[kind], **options})


@pytest.mark.parametrize("kind", [kind for kind in SHORT if kind != "vamp"])
def test_a_plain_autoencoder_draws_and_scores_as_before(plain: Any, kind: str) -> None:
    before = torch.get_rng_state()
    model, twin = with_prior(plain, kind), with_prior(plain, kind)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.abilities()["sample"] is True
    assert "fit_prior" in str(plain.abilities()["sample"])
    assert np.array_equal(model.score_samples(X), plain.score_samples(X))
    drawn = model.sample(20, random_state=1)
    assert drawn.shape == (20, X.shape[1])
    assert np.array_equal(drawn, twin.sample(20, random_state=1))
    assert model.interpolate(X[:1], X[1:2], 3).shape == model.traverse(X[0], 1, [0.0, 1.0, 2.0]).shape
    if kind != "normal":  # whose closed form draws nothing
        assert not np.array_equal(with_prior(plain, kind, random_state=5).sample(20, random_state=1), drawn)


def test_draws_from_a_fitted_prior_look_like_rows_and_those_of_noise_do_not(plain: Any) -> None:
    drawn = with_prior(plain, "normal").sample(2000, random_state=0)
    assert np.abs((drawn.mean(0) - X.mean(0)) / X.std(0)).max() < 0.3
    codes = plain.transform(X)
    assert np.abs(codes.std(0) - 1).max() > 0.3  # else N(0, I) would do


@pytest.mark.parametrize("kind", SHORT)
def test_a_saved_prior_comes_back(stochastic: Any, kind: str, tmp_path: Any) -> None:
    model = with_prior(stochastic, kind)
    twin = isthmus.load(model.save(tmp_path / "model"))
    for other in (twin, copy.deepcopy(model)):
        assert np.array_equal(other.score_samples(X), model.score_samples(X))
        assert np.array_equal(other.sample(5, random_state=0), model.sample(5, random_state=0))
    assert twin.prior_.recipe["kind"] == kind
    assert [line["loss"] for line in twin.prior_history_] == [line["loss"] for line in model.prior_history_]


@pytest.mark.parametrize("kind", ["mixture", "vamp", SLOW_FLOW])
def test_scores_under_a_fitted_prior_are_those_of_the_new_model(stochastic: Any, kind: str) -> None:
    model = with_prior(stochastic, kind)
    network, prior = model.network_, model.prior_
    with torch.no_grad():
        x = torch.from_numpy((X - model.spec_.center.numpy()) / model.spec_.scale.numpy()).float()
        mean, log_var = network.bottleneck.posterior(network.encoder(x))
        by_hand = []
        for noise in network.bottleneck.noise:
            z = mean + (log_var / 2).exp() * noise
            posterior = torch.distributions.Normal(mean, (log_var / 2).exp()).log_prob(z).sum(1)
            lost = network.likelihood.distortion(x, network.decode(z))
            by_hand.append(-lost - posterior + prior.log_prob(z))
    scores = model.score_samples(X)
    np.testing.assert_allclose(scores, torch.stack(by_hand).mean(0), rtol=1e-4, atol=1e-3)
    assert not np.allclose(scores, stochastic.score_samples(X))
    assert np.array_equal(model.elbo(X[3:7]), scores[3:7])
    assert model.log_likelihood(X, 100).mean() > scores.mean() - 0.05
    assert np.array_equal(model.log_likelihood(X[5:9], 8), model.log_likelihood(X, 8)[5:9])


def test_a_diffusion_draws_for_a_vae_and_leaves_its_bound(stochastic: Any) -> None:
    model = with_prior(stochastic, "diffusion")
    assert np.array_equal(model.score_samples(X), stochastic.score_samples(X))
    assert not np.array_equal(model.sample(5, random_state=0), stochastic.sample(5, random_state=0))


def test_a_diffusion_told_classes_draws_them(plain: Any) -> None:
    names = np.array(["barolo", "grignolino", "barbera"])[WINE.target]
    longer = {"width": 32, "epochs": 200, "steps": 10, "learning_rate": 4e-3}
    model = with_prior(plain, "diffusion", y=names, **longer)
    drawn = model.sample(300, y="barolo", random_state=0)
    centres = np.stack([X[WINE.target == kind].mean(0) for kind in range(3)]) / X.std(0)
    nearest = np.linalg.norm((drawn / X.std(0))[:, None] - centres, axis=2).argmin(1)
    assert (nearest == 0).mean() > 0.8
    assert model.sample(3, y=["barolo", "barbera", "barolo"], random_state=0).shape == (3, X.shape[1])
    with pytest.raises(ParameterError, match="it was told the classes"):
        model.sample(3, y="merlot")
    with pytest.raises(InputError, match="one class, or one for each"):
        model.sample(3, y=["barolo"])


def test_a_diffusion_of_the_rows_themselves(plain: Any) -> None:
    model = with_prior(plain, "diffusion", on="data", width=64, steps=20, epochs=150)
    assert model.prior_.shape == (X.shape[1],)
    drawn = model.sample(1000, random_state=0)
    assert drawn.shape == (1000, X.shape[1])
    np.testing.assert_allclose((drawn.mean(0) - X.mean(0)) / X.std(0), 0, atol=0.3)
    np.testing.assert_allclose(drawn.std(0) / X.std(0), 1, atol=0.3)
    apart = np.corrcoef(drawn.T) - np.corrcoef(X.T)
    assert np.abs(apart).mean() < 0.5 * np.abs(np.corrcoef(X.T) - np.eye(X.shape[1])).mean()


def test_a_later_fit_forgets_and_a_pass_keeps(plain: Any) -> None:
    model = with_prior(plain, "mixture").partial_fit(X)
    assert model.prior_.recipe["kind"] == "mixture"
    model.set_params(epochs=1).fit(X)
    with pytest.raises(AbilityError, match="no prior was fitted"):
        _ = model.prior_


@pytest.mark.parametrize("kind", ["mixture", "vamp", SLOW_FLOW])
def test_a_vae_learns_with_its_prior(kind: str, tmp_path: Any) -> None:
    model = VAE(prior=kind, latent_dim=2, hidden_dims=(16,), epochs=10, random_state=0).fit(X)
    start = VAE(prior=kind, latent_dim=2, hidden_dims=(16,), epochs=1, random_state=0, learning_rate=1e-12).fit(X)
    moved = [
        name
        for (name, one), other in zip(model.prior_.named_parameters(), start.prior_.parameters(), strict=True)
        if not torch.equal(one, other)
    ]
    assert moved == [name for name, _ in model.prior_.named_parameters()]
    assert model.score(X) > start.score(X)
    assert model.log_likelihood(X, 20).mean() > model.score(X) - 0.1
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(twin.score_samples(X), model.score_samples(X))
    assert np.array_equal(twin.sample(3, random_state=0), model.sample(3, random_state=0))
    twin.fit_prior(X, "normal")
    again = isthmus.load(twin.save(tmp_path / "again"))
    assert np.array_equal(again.score_samples(X), twin.score_samples(X))


def test_an_autoregressive_prior_draws_symbols(tmp_path: Any) -> None:
    model = VQVAE(codes=16, latent_dim=6, epochs=2, random_state=0).fit(X)
    model.fit_prior(X, "autoregressive", y=WINE.target, epochs=10, width=16, blocks=1)
    assert (model.prior_.places, model.prior_.codes) == (3, 16)
    assert model.prior_history_[-1]["loss"] < model.prior_history_[0]["loss"]
    assert model.sample(5, y=1, random_state=0).shape == (5, X.shape[1])
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(twin.sample(5, random_state=0), model.sample(5, random_state=0))


def test_maps_have_diffusions_of_maps() -> None:
    digits = (load_digits().images[:200, :, :, None] / 16).astype(np.float32)
    conv = isthmus.Convolutional(latent_channels=2)
    model = Autoencoder(architecture=conv, hidden_dims=(8,), epochs=2, random_state=0).fit(digits)
    model.fit_prior(digits, "diffusion", epochs=1, width=8, blocks=1, steps=2)
    assert model.prior_.shape == (2, 4, 4)
    assert model.sample(3, random_state=0).shape == (3, 8, 8, 1)
    assert model.fit_prior(digits, "mixture", components=2).sample(3, random_state=0).shape == (3, 8, 8, 1)


def test_what_a_code_does_not_allow_is_refused(plain: Any, stochastic: Any) -> None:
    model = copy.deepcopy(plain)
    with pytest.raises(AbilityError, match="pseudo-inputs need a normal posterior"):
        model.fit_prior(X, "vamp")
    with pytest.raises(AbilityError, match="its code has no integer form"):
        model.fit_prior(X, "autoregressive")
    assert "use a VAE" in str(model.abilities()["fit_prior:vamp"])
    assert stochastic.abilities()["fit_prior:vamp"] is True
    with pytest.raises(UnknownNameError, match="kind='mixtures'"):
        model.fit_prior(X, "mixtures")
    with pytest.raises(ParameterError, match="components=3"):
        model.fit_prior(X, "flow", components=3)
    with pytest.raises(ParameterError, match="y with kind='mixture'"):
        model.fit_prior(X, "mixture", y=WINE.target)
    with pytest.raises(InputError, match=r"y of shape \(3,\)"):
        model.fit_prior(X, "diffusion", y=[0, 1, 2])
    with pytest.raises(ParameterError, match="epochs=0"):
        model.fit_prior(X, "flow", epochs=0)
    with pytest.raises(ParameterError, match="on='data' with kind='flow'"):
        model.fit_prior(X, "flow", on="data")
    with pytest.raises(ParameterError, match="its prior was told no classes"):
        model.fit_prior(X, "normal").sample(3, y=1)
    with pytest.raises(UnknownNameError, match="prior='vampp'"):
        VAE(prior="vampp", epochs=1).fit(X)


def test_pseudo_inputs_are_read_off_normal_posteriors_alone() -> None:
    skewed = VAE(posterior="laplace", latent_dim=2, epochs=1, random_state=0).fit(X)
    assert "use a VAE" in str(skewed.abilities()["fit_prior:vamp"])
    with pytest.raises(ParameterError, match="independent"):
        VAE(posterior="full", prior="vamp", latent_dim=2, epochs=1).fit(X)
