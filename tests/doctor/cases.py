"""What each finding is provoked by: models fitted on scikit-learn's sets in a moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.preprocessing import minmax_scale

from isthmus import (
    MLP,
    VAE,
    VQVAE,
    Autoencoder,
    BetaVAE,
    ContractiveAutoencoder,
    Convolutional,
    SparseAutoencoder,
)
from isthmus.data import photographs


class Case(NamedTuple):
    """A fitted model that has a finding, the rows that it is shown, and rows that it has not seen."""

    model: Any
    X: Any
    X_held: Any = None


def shown(model: Any, X: Any, X_held: Any = None, trained: Any = None) -> Case:
    """The model fitted on `trained`, or on the rows that it is shown."""
    return Case(model.set_params(random_state=0).fit(X if trained is None else trained), X, X_held)


def digits(first: int, last: int) -> Any:
    """Digits as tables of 64 numbers from 0 to 16, in a random order."""
    order = np.random.default_rng(0).permutation(1797)
    return load_digits().data[order[first:last]]


def images() -> Any:
    """The first 200 digits as images in [0, 1]."""
    return (load_digits().images[:200] / 16).astype(np.float32)


@cache
def curved() -> Any:
    """500 rows of 100 columns near a curved surface of six dimensions."""
    random = np.random.default_rng(0)
    surface = np.tanh(random.normal(size=(500, 6)) @ random.normal(size=(6, 100)))
    return surface + 0.05 * random.normal(size=(500, 100))


cancer, wine, diabetes = load_breast_cancer().data, load_wine().data, load_diabetes().data


def by_heart() -> Case:
    """A large network that has forty rows by heart."""
    model = Autoencoder(hidden_dims=(256, 256), latent_dim=2, epochs=250)
    return shown(model, digits(0, 40), digits(60, 160))


def with_prior(model: Any, X: Any, kind: str) -> Case:
    """The model fitted on the rows, with a prior of this kind on its codes."""
    case = shown(model, X)
    case.model.fit_prior(X, kind)
    return case


PROVOKED: dict[str, Callable[[], Case]] = {
    "data-range: other units than the likelihood's": lambda: shown(
        Autoencoder(likelihood="bernoulli", epochs=2), digits(0, 300), trained=digits(0, 300) / 16
    ),
    "data-range: grey coins": lambda: shown(Autoencoder(likelihood="bernoulli", epochs=2), minmax_scale(cancer)),
    "data-range: a variance far too large": lambda: shown(
        VAE(likelihood="gaussian", scaling="none", epochs=5), diabetes
    ),
    "unscaled-data: one large column": lambda: shown(Autoencoder(scaling="none", epochs=2), wine),
    "unscaled-data: large numbers": lambda: shown(Autoencoder(scaling="none", epochs=2), 16 * digits(0, 300)),
    "unscaled-data: small numbers": lambda: shown(Autoencoder(scaling="none", epochs=2), diabetes),
    "unscaled-data: other units than in training": lambda: shown(Autoencoder(epochs=2), 1000 * cancer, trained=cancer),
    "identity-mapping: as wide as the input": lambda: shown(
        Autoencoder(latent_dim=100, allow_overcomplete=True, epochs=5), curved()
    ),
    "identity-mapping: 100 to 95": lambda: shown(Autoencoder(latent_dim=95, epochs=5), curved()),
    "identity-mapping: a price of nothing": lambda: shown(
        ContractiveAutoencoder(latent_dim=13, weight=0.0, epochs=5), wine
    ),
    "bottleneck-too-small: one number": lambda: shown(Autoencoder(latent_dim=1, epochs=40), cancer),
    "bottleneck-too-small: one number with a price": lambda: shown(VAE(latent_dim=1, epochs=40), digits(0, 400)),
    "code-bypassed: dense": lambda: shown(Autoencoder(architecture=MLP(skip_connections=True), epochs=20), cancer),
    "code-bypassed: convolutional": lambda: shown(
        Autoencoder(architecture=Convolutional(skip_connections=True), epochs=15), images()
    ),
    "rate-collapsed: a high price": lambda: shown(BetaVAE(beta=100.0, epochs=40), load_iris().data),
    "rate-collapsed: a variance far too large": lambda: shown(VAE(likelihood="gaussian", epochs=20), images()),
    "dead-units: the largest only": lambda: shown(SparseAutoencoder(latent_dim=60, epochs=30), cancer),
    "dead-units: a price on each": lambda: shown(SparseAutoencoder(sparsity="l1", latent_dim=60, epochs=30), cancer),
    "dead-codes: none begins anew": lambda: shown(
        VQVAE(quantizer="vq", codes=64, latent_dim=8, restarts=False, batch_size=8, epochs=3), digits(0, 1200)
    ),
    "holes: one normal over three kinds of iris": lambda: with_prior(
        Autoencoder(epochs=60), load_iris().data, "normal"
    ),
    "holes: a low price": lambda: shown(BetaVAE(beta=0.001, epochs=60), load_iris().data),
    "holdout-error: forty rows": by_heart,
    "memorisation: forty rows": by_heart,
    "checkerboard: convolutions that reach pixels unevenly": lambda: shown(
        Autoencoder(architecture=Convolutional(upsampling="transposed"), hidden_dims=(16, 32), latent_dim=24, epochs=3),
        photographs.patches(250, size=16).X,
    ),
    "blur: a likelihood under which the rate is too dear": lambda: shown(
        VAE(latent_dim=12, hidden_dims=(64,), likelihood="bernoulli", epochs=30, learning_rate=5e-3),
        images()[..., None],
    ),
    "blur: photographs by squared errors": lambda: shown(
        Autoencoder(latent_dim=12, architecture="mlp", epochs=30, batch_size=32),
        photographs.patches(400, size=16).X,
    ),
}
