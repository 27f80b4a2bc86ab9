"""Whole numbers from 0 up: Poisson, and negative binomial where they vary more than Poisson allows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from isthmus.core.network import Likelihood
from isthmus.parts import noise
from isthmus.parts.likelihoods.cells import known, paid, per_row

CEILING = 20.0  # of log means, from where a mean grows linearly in the params: exp(20) is beyond counting in float32
LARGE = 16.0  # from where Stirling's series with two terms is exact to float64's 1e-9


def log_mean(params: Tensor) -> Tensor:
    r"""Log of the mean that the params stand for: the params themselves, but tamed above 20.

    .. math:: \mu(a) = e^a \text{ for } a \le 20, \quad e^{20} (1 + a - 20) \text{ above}

    The mean is increasing and smooth of first order everywhere, so that an extreme answer of the decoder has a finite
    price and a finite gradient.
    """
    return torch.where(params > CEILING, CEILING + (params - CEILING).clamp_min(0).log1p(), params)


def log_rising(start: Tensor, steps: Tensor) -> Tensor:
    r"""log of start (start + 1) ... (start + steps - 1), without the cancellation of two large numbers.

    .. math:: \log \Gamma(r + x) - \log \Gamma(r)

    Args:
        start: r > 0.
        steps: x >= 0, of a shape that broadcasts with r.
    """
    low, high = start.clamp_max(LARGE), start.clamp_min(LARGE)  # both branches stay finite, and so do their gradients
    exact = torch.lgamma(low + steps) - torch.lgamma(low)
    end = high + steps
    series = (end - 0.5) * (steps / high).log1p() + steps * (high.log() - 1)
    series = series + (1 / end - 1 / high) / 12 - (end**-3 - high**-3) / 360
    return torch.where(start > LARGE, series, exact)


class Poisson(Likelihood):
    r"""Independent counts around the decoder's answer, as variable as their mean is large.

    .. math:: -\log p(x|z) = \textstyle\sum_d \big(\mu_d - x_d \log \mu_d + \log x_d!\big)

    Args:
        shape: Shape of one sample of x, whole numbers from 0 up; the params are log means (see `log_mean`).

    Example:
        >>> Poisson((2,)).distortion(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
        tensor([2.6931])
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.params_shape = shape

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x; 0 where it is not observed."""
        x, log_mu = known(x, observed), log_mean(params)
        return paid(log_mu.exp() - x * log_mu + torch.lgamma(x + 1), observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The expected counts, the shape of the params."""
        return log_mean(params).exp()

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of the counts, the shape of the params."""
        return torch.poisson(self.mean(params), generator=noise.source(generator, params.device))


class NegativeBinomial(Likelihood):
    r"""Independent counts that vary more than Poisson ones: a Poisson whose rate is itself a Gamma draw.

    .. math:: -\log p(x|z) = \textstyle\sum_d \big(\log x_d! - \log \tfrac{\Gamma(x_d + r_d)}{\Gamma(r_d)}
              + r_d \log(1 + \tfrac{\mu_d}{r_d}) + x_d \log(1 + \tfrac{r_d}{\mu_d})\big)

    The variance is mean + mean^2 / r; as r grows it becomes the Poisson.

    Args:
        shape: Shape of one sample of x, whole numbers from 0 up; the params are log means (see `log_mean`).
        shared: Whether all cells of a sample have one learned dispersion r, or each its own.

    Example:
        >>> NegativeBinomial((1,)).distortion(torch.tensor([[0.0]]), torch.zeros(1, 1))  # r = 1, mean 1: p(0) = 1/2
        tensor([0.6931], grad_fn=...)
    """

    def __init__(self, shape: tuple[int, ...], shared: bool = False) -> None:
        super().__init__()
        self.params_shape = shape
        self.log_r = nn.Parameter(torch.zeros(() if shared else shape))

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x; 0 where it is not observed."""
        x, odds = known(x, observed), log_mean(params) - self.log_r  # log(mean / r)
        ways = log_rising(self.log_r.exp(), x) - torch.lgamma(x + 1)
        return paid(self.log_r.exp() * softplus(odds) + x * softplus(-odds) - ways, observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The expected counts, the shape of the params."""
        return log_mean(params).exp()

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of the counts, the shape of the params: first the rates, then what they bring."""
        rng = noise.source(generator, params.device)
        r = self.log_r.exp().to(params.dtype)
        rates = torch._standard_gamma(r.expand_as(params).contiguous(), generator=rng) * self.mean(params) / r
        return torch.poisson(rates, generator=rng)
