"""The parts of a rate against closed forms of Gaussians; active units; the frontier of rate and distortion."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

from isthmus import VAE
from isthmus.errors import InputError
from isthmus.estimator.inputs import read
from isthmus.metrics import active_units, mutual_information, rate_distortion


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_parts_of_the_rate_are_those_of_a_linear_gaussian_code(spread: float) -> None:
    """mean = A x with x normal: q(z) is normal with covariance A A' + s^2, up to the finite number of rows."""
    A = np.array([[0.9, 0.3], [0.2, 0.7]])
    mean = np.random.default_rng(0).normal(size=(1000, 2)) @ A.T
    found = mutual_information(mean, np.full_like(mean, 2 * np.log(spread)))
    covariance = np.cov(mean.T) + spread**2 * np.eye(2)
    volume, widths = np.linalg.slogdet(covariance)[1], np.log(np.diag(covariance))
    assert found.information == pytest.approx(0.5 * (volume - 4 * np.log(spread)), abs=0.06)
    assert found.total_correlation == pytest.approx(0.5 * (widths.sum() - volume), abs=0.03)
    assert found.unitwise == pytest.approx(0.5 * (np.diag(covariance) - 1 - widths).sum(), abs=0.06)
    assert found.rate == pytest.approx(0.5 * (mean**2 + spread**2 - 1 - 2 * np.log(spread)).sum(1).mean(), rel=0.05)


def test_the_parts_add_up_and_information_is_at_most_that_of_the_rows() -> None:
    random = np.random.default_rng(1)
    found = mutual_information(10 * random.normal(size=(64, 3)), np.full((64, 3), -8.0))
    assert found.information + found.marginal == pytest.approx(found.rate)
    assert found.information == pytest.approx(np.log(64), abs=0.2)


def test_a_vae_has_its_rate_and_its_active_units() -> None:
    X = load_wine().data
    model = VAE(latent_dim=6, hidden_dims=(16,), epochs=20, learning_rate=0.01, random_state=0).fit(X)
    with torch.no_grad():
        x = read(model, X).block(0, len(X))
        posterior = model.network_.bottleneck.posterior(model.network_.encoder(x))
        rate = model.network_.bottleneck.form.rate(*posterior).mean().item()
    found = mutual_information(*(part.numpy() for part in posterior))
    assert found.rate == pytest.approx(rate, rel=0.05)
    assert 0 < active_units(model.transform(X)) <= 6
    assert found.information < found.rate


def test_units_that_stand_still_are_not_active() -> None:
    z = np.random.default_rng(0).normal(size=(500, 3)) * [1, 0.2, 0.05]
    assert (active_units(z), active_units(z, threshold=1e-4)) == (2, 3)


def test_the_frontier_holds_what_is_best_at_some_price() -> None:
    random = np.random.default_rng(0)
    rates, distortions = random.uniform(0, 10, 40), random.uniform(0, 10, 40)
    frontier = rate_distortion(rates, distortions)
    best = {int((distortions + price * rates).argmin()) for price in np.geomspace(1e-4, 1e4, 4000)}
    assert set(frontier.models) == best
    assert (np.diff(rates[frontier.models]) > 0).all()
    assert (np.diff(frontier.prices) < 0).all()
    for one, two, price in zip(frontier.models, frontier.models[1:], frontier.prices, strict=False):
        assert distortions[one] + price * rates[one] == pytest.approx(distortions[two] + price * rates[two])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"mean of shape \(3, 2\) with log_var of shape \(3, 1\)"):
        mutual_information(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(InputError, match=r"rates of shape \(2,\)"):
        rate_distortion([1, 2], [1])
