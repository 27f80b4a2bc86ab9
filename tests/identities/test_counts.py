"""Closed forms of the count likelihoods."""

from __future__ import annotations

import pytest
import torch

from isthmus.parts.likelihoods import NegativeBinomial, Poisson
from isthmus.parts.likelihoods.counts import log_mean, log_rising


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 2e-5), (torch.float64, 1e-8)])
@pytest.mark.parametrize("start", [1e-6, 0.3, 15.9, 16.1, 1e3, 1e9])
def test_rising_factorial_is_the_sum_of_its_logs(start: float, dtype: torch.dtype, bound: float) -> None:
    r = torch.tensor(start, dtype=torch.float64)
    exact = torch.stack([torch.log(r + torch.arange(n, dtype=torch.float64)).sum() for n in range(30)])
    told = log_rising(r.to(dtype), torch.arange(30, dtype=dtype)).double()
    torch.testing.assert_close(told, exact, rtol=bound, atol=bound)


def test_a_negative_binomial_of_endless_dispersion_is_a_poisson() -> None:
    x, params = torch.arange(12.0)[:, None], torch.full((12, 1), 1.3)
    own = NegativeBinomial((1,))
    own.log_r.data.fill_(18.0)
    torch.testing.assert_close(own.distortion(x, params), Poisson((1,)).distortion(x, params), rtol=1e-4, atol=1e-4)


def test_variance_of_negative_binomial_draws() -> None:
    own = NegativeBinomial((1,))
    own.log_r.data.fill_(2.0)
    drawn = own.sample(torch.full((100_000, 1), 1.5), torch.Generator().manual_seed(0)).detach()
    mean = torch.tensor(1.5).exp()
    torch.testing.assert_close(drawn.var(), mean + mean**2 / own.log_r.exp().detach()[0], rtol=0.03, atol=0)


def test_means_are_exponential_below_twenty_and_linear_above() -> None:
    params = torch.tensor([0.0, 19.0, 21.0, 22.0, 23.0], dtype=torch.float64)
    mean = log_mean(params).exp()
    torch.testing.assert_close(mean[:2], params[:2].exp())
    torch.testing.assert_close(mean[3] - mean[2], mean[4] - mean[3])
