"""What each form of a VAE's posterior gives away, on linear-Gaussian models whose true posterior is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits, load_iris, load_wine

import isthmus
from isthmus import VAE
from isthmus.errors import UnknownNameError
from isthmus.estimator import evidence
from isthmus.estimator.inputs import read

LINEAR: dict[str, Any] = {"hidden_dims": (), "activation": "linear", "latent_dim": 2, "random_state": 0}
X = load_iris().data
WEIGHT = np.array([[0.7, 0.1], [-0.1, 0.5], [0.8, 0.2], [0.4, 0.7]])  # its columns are no right angle
ROWS = X[::5]
FORMS = ("diagonal", "full", "laplace")


def best(posterior: str) -> Any:
    """A linear VAE whose decoder is `WEIGHT`, and whose encoder is the best that the form of its posterior allows."""
    model = VAE(posterior=posterior, epochs=1, **LINEAR).fit(X)
    network = model.network_
    with torch.no_grad():
        network.decoder.linears[0].weight.copy_(torch.from_numpy(WEIGHT))
        network.decoder.linears[0].bias.zero_()
        network.likelihood.raw_log_var.fill_(-0.5)
        to_mean, covariance, _ = truth(model)
        factor = np.linalg.cholesky(covariance)
        widths = np.diag(factor) if posterior == "full" else np.diag(np.linalg.inv(covariance)) ** -0.5
        spread = 2 * np.log(widths / network.bottleneck.form.variance**0.5)
        below = [factor[1, 0] / factor[1, 1]] if posterior == "full" else []
        encoder = network.encoder.linears[0]
        encoder.weight.zero_()
        encoder.weight[:2] = torch.from_numpy(to_mean)
        encoder.bias.copy_(torch.tensor([0.0, 0.0, *spread, *below]))
    return model


def truth(model: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The matrix (Z, D) from x to the mean of p(z | x), its covariance (Z, Z), and log p(x) of each row."""
    noise = model.network_.likelihood.log_var.detach().exp().numpy().astype(float)
    covariance = np.linalg.inv(np.eye(2) + WEIGHT.T / noise @ WEIGHT)
    x = read(model, ROWS).block(0, len(ROWS)).numpy().astype(float)
    log_p = multivariate_normal(np.zeros(4), WEIGHT @ WEIGHT.T + np.diag(noise)).logpdf(x)
    return covariance @ WEIGHT.T / noise, covariance, log_p


def divergence(model: Any) -> float:
    """KL(q(z | x) || p(z | x)) in nats, the same for every row of such a model, over many draws of q."""
    form, (_, covariance, _) = model.network_.bottleneck.form, truth(model)
    bias = model.network_.encoder.linears[0].bias.detach()[None]
    mean, spread = form.split(bias)
    noise = form.noise(torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0)))
    z = form.place(mean, spread, noise).numpy()
    log_q = form.log_density(spread, noise).numpy()
    return float((log_q - multivariate_normal(np.zeros(2), covariance).logpdf(z)).mean())


@pytest.mark.parametrize("posterior", FORMS)
def test_the_gap_is_the_divergence_from_the_true_posterior(posterior: str) -> None:
    model = best(posterior)
    given_away = divergence(model)
    # A Laplace posterior's fixed draws are not quite uncorrelated, and its weights vary more.
    near, far = (0.015, 0.08) if posterior == "laplace" else (0.005, 0.04)
    np.testing.assert_allclose(truth(model)[2] - model.elbo(ROWS), given_away, atol=near)
    np.testing.assert_allclose(model.elbo_gap(ROWS, 500), given_away, atol=far)


def test_the_error_of_a_gap_is_what_other_draws_differ_by(monkeypatch: pytest.MonkeyPatch) -> None:
    model, gaps, errors = best("diagonal"), [], []
    for seed in range(40):
        monkeypatch.setattr(evidence, "SEED", seed)
        gap, error = model.elbo_gap(ROWS[:2], 1000, return_error=True)
        gaps.append(gap[0])
        errors.append(error[0])
    assert np.std(gaps) == pytest.approx(np.mean(errors), rel=0.3)
    assert np.mean(gaps) == pytest.approx(divergence(model), abs=0.01)
    np.testing.assert_array_equal(gap, model.elbo_gap(ROWS[:2], 1000))
    assert np.isnan(model.elbo_gap(ROWS[:2], 1, return_error=True)[1]).all()


def test_a_full_posterior_closes_the_gap_and_the_others_do_not() -> None:
    gaps = {posterior: (truth(best(posterior))[2] - best(posterior).elbo(ROWS)).mean() for posterior in FORMS}
    assert gaps["full"] == pytest.approx(0, abs=1e-4)
    # The best normal with independent units has the precisions of the true one, so what is lost is a ratio of volumes.
    covariance = truth(best("diagonal"))[1]
    lost = 0.5 * np.log(np.prod(np.diag(np.linalg.inv(covariance))) * np.linalg.det(covariance))
    assert gaps["diagonal"] == pytest.approx(lost, abs=1e-4)
    assert lost > 0.04
    assert gaps["laplace"] > gaps["diagonal"] + 0.05


@pytest.mark.parametrize("posterior", ["full", "laplace"])
def test_each_form_learns_and_comes_back_from_disk(posterior: str, tmp_path: Any) -> None:
    rows = load_wine().data
    shape = {"posterior": posterior, "latent_dim": 3, "hidden_dims": (16,), "learning_rate": 0.01, "random_state": 0}
    model, blank = VAE(epochs=20, **shape).fit(rows), VAE(epochs=1, **shape).fit(rows)
    assert model.score(rows) > blank.score(rows) + 1
    assert model.log_likelihood(rows).mean() > model.score(rows)
    assert np.array_equal(isthmus.load(model.save(tmp_path / "model")).score_samples(rows), model.score_samples(rows))
    assert model.score_samples(rows[5:6])[0] == model.score_samples(rows)[5]


def test_another_form_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="posterior='student'"):
        VAE(posterior="student", latent_dim=2).fit(X)


@pytest.mark.slow
def test_an_images_variance_is_found_before_the_code_is_empty() -> None:
    digits = (load_digits().images[:1400, :, :, None] / 16).astype(np.float32)
    asked = {"epochs": 20, "random_state": 0}
    models = [VAE(**asked).fit(digits), VAE(likelihood="gaussian-learned", **asked).fit(digits)]
    spread = np.square(digits - digits.mean(0)).sum()
    kept, control = (1 - np.square(model.reconstruct(digits) - digits).sum() / spread for model in models)
    assert kept > 0.4
    assert control < 0.2
