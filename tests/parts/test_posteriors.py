"""The forms of a posterior against torch.distributions: draws, rates, densities, and noise with its exact variance."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal
from torch.distributions import Laplace as LaplaceDensity

from isthmus.core.code import Batch
from isthmus.parts.bottlenecks.gaussian import DRAWS, Gaussian
from isthmus.parts.bottlenecks.posteriors import FORMS
from isthmus.parts.initialise import initialise

Z, ROWS = 3, 4
every_form = pytest.mark.parametrize("name", FORMS)


def features(name: str) -> Tensor:
    wide = FORMS[name]().features(Z)
    return torch.randn(ROWS, wide, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def truth(name: str) -> Distribution:
    """The density that the features say, built by torch."""
    mean, spread = FORMS[name]().split(features(name))
    if name == "full":
        return MultivariateNormal(mean, scale_tril=spread)
    family: Any = LaplaceDensity if name == "laplace" else Normal
    return Independent(family(mean, (spread / 2).exp()), 1)


@every_form
def test_rate_is_the_expected_log_ratio(name: str) -> None:
    form, posterior = FORMS[name](), truth(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        z = posterior.sample(torch.Size([100_000]))
    ratio = posterior.log_prob(z) - Normal(0.0, 1.0).log_prob(z).sum(2)
    error = (ratio.mean(0) - form.rate(*form.split(features(name)))).abs() / (ratio.std(0) / 100_000**0.5)
    assert error.max() < 4


@every_form
def test_density_of_a_draw_is_that_of_the_family(name: str) -> None:
    form, own = FORMS[name](), features(name)
    mean, spread = form.split(own)
    noise = form.noise(torch.randn(ROWS, Z, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    z = form.place(mean, spread, noise)
    torch.testing.assert_close(form.log_density(spread, noise), truth(name).log_prob(z))
    drawn, log_weight = Gaussian(Z, form).weighed(own.float(), torch.Generator().manual_seed(3))
    expected = Normal(0.0, 1.0).log_prob(drawn).sum(1) - truth(name).log_prob(drawn.double())
    torch.testing.assert_close(log_weight, expected.float(), rtol=1e-4, atol=1e-4)


@every_form
def test_training_draws_have_the_moments_of_the_posterior(name: str) -> None:
    own, batch = Gaussian(Z, FORMS[name]()), Batch(torch.zeros(40_000, 1), generator=torch.Generator().manual_seed(0))
    posterior: Any = truth(name)
    z = own(features(name).float()[:1].expand(40_000, -1), batch).z
    spread = posterior.variance[0].sqrt().float()
    assert ((z.mean(0) - posterior.mean[0].float()) / spread).abs().max() < 0.03
    assert (z.std(0) / spread - 1).abs().max() < 0.03
    if name == "full":
        torch.testing.assert_close(z.T.cov(), posterior.covariance_matrix[0].float(), rtol=0.1, atol=0.1)


@every_form
def test_fixed_draws_come_in_pairs_with_the_variance_of_the_noise(name: str) -> None:
    own = Gaussian(12, FORMS[name]())
    initialise(own, torch.Generator().manual_seed(0))
    torch.testing.assert_close(own.noise.square().mean(0), torch.full((12,), own.form.variance))
    assert torch.equal(own.noise[: DRAWS // 2], -own.noise[DRAWS // 2 :])


def test_a_normal_posterior_at_the_prior_costs_nothing() -> None:
    for name in ("diagonal", "full"):
        form = FORMS[name]()
        assert not form.rate(*form.split(torch.zeros(2, form.features(Z)))).any()


@every_form
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_extreme_features_stay_finite(name: str, size: float) -> None:
    h = torch.full((2, FORMS[name]().features(Z)), size).requires_grad_()
    code = Gaussian(Z, FORMS[name]())(h, Batch(torch.zeros(2, 1), generator=torch.Generator().manual_seed(0)))
    (code.rate.sum() + code.z.sum()).backward()
    assert code.rate.isfinite().all()
    assert h.grad is not None
    assert h.grad.isfinite().all()
