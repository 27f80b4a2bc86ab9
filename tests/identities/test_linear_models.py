"""Linear members on real tables: the plain one spans the principal subspace, the VAE reaches the model's evidence."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA, FactorAnalysis

from isthmus import VAE, Autoencoder
from isthmus.core.spec import Spec
from isthmus.estimator.inputs import read
from isthmus.parts.likelihoods import Gaussian

TABLES = {"iris": (load_iris, 2), "wine": (load_wine, 3), "breast-cancer": (load_breast_cancer, 5)}
every_table = pytest.mark.parametrize("name", TABLES)
some_tables = pytest.mark.parametrize(
    "name", ["iris", *(pytest.param(name, marks=pytest.mark.slow) for name in ("wine", "breast-cancer"))]
)
LINEAR = {"hidden_dims": (), "activation": "linear", "random_state": 0}


def standardised(name: str) -> tuple[Any, int]:
    """The table with columns of mean 0 and variance 1, as every fit sees it; and how many dimensions to keep."""
    load, dimensions = TABLES[name]
    X = load().data
    return (X - X.mean(0)) / X.std(0), dimensions


@every_table
def test_a_linear_autoencoder_spans_the_principal_subspace(name: str) -> None:
    X, k = standardised(name)
    model = Autoencoder(latent_dim=k, epochs=200, batch_size=32, learning_rate=0.01, **LINEAR).fit(X)
    pca = PCA(k).fit(X)
    angles = np.degrees(subspace_angles(pca.components_.T, model.network_.decoder.linears[0].weight.detach().numpy()))
    assert angles.max() < 0.5
    lost = ((X - model.reconstruct(X)) ** 2).sum(1).mean()
    least = ((X - pca.inverse_transform(pca.transform(X))) ** 2).sum(1).mean()
    assert least < lost < 1.005 * least


class SharedVAE(VAE):
    """A VAE with one variance for all columns, as probabilistic PCA has it."""

    def build(self, spec: Spec) -> Any:
        network = super().build(spec)
        network.likelihood = Gaussian(spec.shape, "learned", shared=True)
        return network


@functools.cache
def linear_vae(member: Any, name: str) -> Any:
    """The member trained on the whole table at once."""
    X, k = standardised(name)
    return member(latent_dim=k, epochs=1200, batch_size=len(X), learning_rate=0.03, **LINEAR).fit(X)


@some_tables
@pytest.mark.parametrize(
    ("member", "truth"),
    [(SharedVAE, PCA), pytest.param(VAE, FactorAnalysis, marks=pytest.mark.slow)],
    ids=["one variance", "a variance each"],
)
def test_a_linear_vae_reaches_the_evidence_and_stays_below_it(name: str, member: Any, truth: Any) -> None:
    """Tipping & Bishop 1999, eq. 4 and 8; with a variance of each column's own, the factor analysis beside it."""
    X, k = standardised(name)
    evidence = truth(k).fit(X).score(X)
    short = 0.02 if truth is PCA else 0.3  # a column that one factor explains alone has no likeliest variance
    assert evidence - short < linear_vae(member, name).score(X) < evidence + 0.002


@some_tables
def test_a_linear_vae_leaves_its_posterior_as_wide_as_the_closed_form(name: str) -> None:
    """Tipping & Bishop 1999, eq. 12: the posterior's covariance is sigma^2 (W'W + sigma^2 I)^-1 for every row."""
    X, k = standardised(name)
    model = linear_vae(SharedVAE, name)
    network = model.network_
    weight = network.decoder.linears[0].weight.detach().numpy().astype(float)
    variance = network.likelihood.log_var.exp().item()
    assert variance == pytest.approx(PCA(k).fit(X).noise_variance_, rel=0.02)
    covariance = variance * np.linalg.inv(weight.T @ weight + variance * np.eye(k))
    _, log_var = network.bottleneck.posterior(network.encoder(read(model, X).block(0, len(X))))
    widths = log_var.exp().detach().numpy()
    assert np.allclose(widths.mean(0), np.diag(covariance), rtol=0.05)
    spread = np.sqrt(np.diag(covariance))
    assert np.allclose(covariance / np.outer(spread, spread), np.eye(k), atol=0.05)
