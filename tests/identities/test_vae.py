"""What a VAE charges and scores, against the definitions: on wines, with the network as it was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.metrics import roc_auc_score
from torch.distributions import Normal

from isthmus import VAE, Autoencoder, DenoisingAutoencoder
from isthmus.core.code import Batch
from isthmus.estimator.inputs import read

X = load_wine().data


@pytest.fixture(scope="module")
def model() -> Any:
    return VAE(latent_dim=3, epochs=100, random_state=0).fit(X)


def batch(model: Any, seed: int = 0) -> Batch:
    """All rows as one batch."""
    return Batch(read(model, X).block(0, len(X)), generator=torch.Generator().manual_seed(seed))


def test_the_rate_is_the_expected_log_ratio_of_posterior_and_prior(model: Any) -> None:
    network, rows = model.network_, batch(model)
    with torch.no_grad():
        mean, log_var = network.bottleneck.posterior(network.encoder(rows.x))
        posterior = Normal(mean.double(), (log_var / 2).exp().double())
        noise = torch.randn(20_000, *mean.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        z = posterior.loc + posterior.scale * noise
        ratio = (posterior.log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(2)
        rate = network.price(rows)[1]
    error = (ratio.mean(0) - rate).abs() / (ratio.std(0) / 20_000**0.5)
    assert rate.min() > 0
    assert error.max() < 4.5


def test_the_score_is_the_mean_price_over_the_stored_draws(model: Any) -> None:
    network, rows = model.network_, batch(model)
    with torch.no_grad():
        mean, log_var = network.bottleneck.posterior(network.encoder(rows.x))
        codes = [mean + (log_var / 2).exp() * noise for noise in network.bottleneck.noise]
        lost = [network.likelihood.distortion(rows.x, network.decode(z)) for z in codes]
        rate = network.encode(rows).rate
    by_hand = -(torch.stack(lost).double().mean(0) + rate.double()).numpy()
    np.testing.assert_allclose(model.score_samples(X), by_hand, rtol=1e-5, atol=1e-5)


def test_the_score_estimates_the_bound_that_was_trained(model: Any) -> None:
    network = model.network_.train()
    with torch.no_grad():
        paid = [sum(model.objective(network, batch(model, seed)).values()).mean().item() for seed in range(300)]
    network.eval()
    assert model.score(X) == pytest.approx(-np.mean(paid), abs=0.1)


def test_the_value_at_the_mean_lies_above_the_bound(model: Any) -> None:
    network, rows = model.network_, batch(model)
    with torch.no_grad():
        code = network.encode(rows)
        at_mean = -(network.likelihood.distortion(rows.x, network.decode(code.z)) + code.rate).mean().item()
    assert at_mean > model.score(X)


@pytest.mark.parametrize("member", [Autoencoder, DenoisingAutoencoder, VAE])
def test_what_was_never_seen_costs_more(member: Any) -> None:
    cells, benign = load_breast_cancer(return_X_y=True)
    normal, malignant = cells[benign == 1], cells[benign == 0]
    model = member(random_state=0).fit(normal[::2])
    held_out, strange = model.anomaly_score(normal[1::2]), model.anomaly_score(malignant)
    labels = np.r_[np.zeros(len(held_out)), np.ones(len(strange))]
    assert roc_auc_score(labels, np.r_[held_out, strange]) > 0.85
    assert strange.mean() > held_out.mean() > model.anomaly_score(normal[::2]).mean()
    further = [model.anomaly_score(normal[1::2] + step * cells.std(0)).mean() for step in (0, 2, 4, 8)]
    assert further == sorted(further)
