"""The Gaussian bottleneck: what it sends, what that costs, and over which draws a score averages."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from isthmus.core.code import Batch
from isthmus.parts.bottlenecks.gaussian import DRAWS, Gaussian
from isthmus.parts.bottlenecks.posteriors import LOG_VAR_RANGE
from isthmus.parts.initialise import initialise


def bottleneck(latent_dim: int = 3) -> Gaussian:
    made = Gaussian(latent_dim)
    initialise(made, torch.Generator().manual_seed(0))
    return made


def features(rows: int = 6, latent_dim: int = 3) -> Tensor:
    return torch.randn(rows, 2 * latent_dim, generator=torch.Generator().manual_seed(1))


def batch(seed: int = 0) -> Batch:
    return Batch(torch.zeros(6, 2), generator=torch.Generator().manual_seed(seed))


def test_training_sends_a_sample_of_the_posterior() -> None:
    own, h = bottleneck(), features()
    many = torch.stack([own(h, batch(seed)).z for seed in range(4000)])
    mean, log_var = h.chunk(2, 1)
    std = (log_var / 2).exp()
    assert ((many.mean(0) - mean).abs() / (std / 4000**0.5)).max() < 4.5
    assert (many.std(0) / std - 1).abs().max() < 0.06


def test_the_noise_is_that_of_the_batch() -> None:
    own, h = bottleneck(), features()
    before = torch.get_rng_state()
    assert torch.equal(own(h, batch(3)).z, own(h, batch(3)).z)
    assert not torch.equal(own(h, batch(3)).z, own(h, batch(4)).z)
    own(h, Batch(torch.zeros(6, 2)))
    assert torch.equal(torch.get_rng_state(), before)


def test_evaluation_sends_the_mean_at_the_same_rate() -> None:
    own, h = bottleneck(), features()
    sent, answered = own(h, batch()), own.eval()(h, batch())
    assert torch.equal(answered.z, h[:, :3])
    assert torch.equal(answered.rate, sent.rate)
    posterior = Normal(h[:, :3], (h[:, 3:] / 2).exp())
    torch.testing.assert_close(sent.rate, kl_divergence(posterior, Normal(0.0, 1.0)).sum(1))


def test_the_posterior_at_the_prior_costs_nothing() -> None:
    assert not bottleneck()(torch.zeros(4, 6), batch()).rate.any()


def test_scores_average_over_fixed_antithetic_draws() -> None:
    own, h = bottleneck().eval(), features()
    draws = [code.z for code in own.draws(h, batch())]
    again = [code.z for code in own.draws(h.flip(0), batch(9))]
    assert len(draws) == DRAWS
    assert all(torch.equal(a, b.flip(0)) for a, b in zip(draws, again, strict=True))
    torch.testing.assert_close(torch.stack(draws).mean(0), h[:, :3])
    assert torch.equal(own.noise[: DRAWS // 2], -own.noise[DRAWS // 2 :])
    assert own.noise.unique(dim=0).shape == own.noise.shape


@pytest.mark.parametrize("latent_dim", [1, 3, 8, 20])
def test_the_fixed_draws_have_the_moments_of_the_noise(latent_dim: int) -> None:
    noise = bottleneck(latent_dim).noise
    covariance = noise.T @ noise / DRAWS
    torch.testing.assert_close(noise.mean(0), torch.zeros(latent_dim))
    torch.testing.assert_close(covariance.diagonal(), torch.ones(latent_dim))
    first = covariance[: DRAWS // 2, : DRAWS // 2]
    torch.testing.assert_close(first, torch.eye(len(first)))
    assert noise.square().sum(1).mean().item() == pytest.approx(latent_dim)


@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_extreme_log_variances_stay_finite(size: float) -> None:
    h = torch.full((2, 6), size).requires_grad_()
    code = bottleneck()(h, batch())
    (code.rate.sum() + code.z.sum()).backward()
    assert code.rate.isfinite().all()
    assert h.grad.isfinite().all()
    assert bottleneck().posterior(h)[1].unique().item() in LOG_VAR_RANGE


def test_the_prior_is_a_standard_normal() -> None:
    z = features()
    torch.testing.assert_close(bottleneck(6).log_prior(z), Normal(0.0, 1.0).log_prob(z).sum(1))
