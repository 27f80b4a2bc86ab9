"""The Gaussian bottleneck: each row sends a sample of its posterior to a receiver who expects N(0, I)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck
from isthmus.parts.divergences import kl_to_standard_normal
from isthmus.parts.noise import balanced, normal

DRAWS = 16  # codes over which a score takes its expectation
LOG_VAR_RANGE = (-30.0, 20.0)  # beyond these a variance says nothing in float32


class Gaussian(Bottleneck):
    r"""z = mean + sigma * noise, priced at the divergence of the posterior from the prior.

    .. math:: R(x) = KL(q(z|x) \,\|\, N(0, I))

    Features are (B, 2 Z): means, then log-variances. In training the noise comes from the batch's generator; in
    evaluation z is the posterior mean, and a score averages over `DRAWS` fixed antithetic draws that are stored with
    the model and are the same for every row.

    Args:
        latent_dim: Z.

    Paper:
        Kingma & Welling 2014, arXiv:1312.6114, section 2.4.
    """

    features_per_latent = 2

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.noise: Tensor
        self.register_buffer("noise", torch.zeros(DRAWS, latent_dim))

    def draw(self, generator: torch.Generator) -> None:
        """Fix the noise of the scores, (DRAWS, Z).

        All rows share these few draws. Unbalanced ones were in every score by more than a nat on real tables, above
        the evidence that a score must bound.
        """
        self.noise.copy_(balanced(DRAWS, self.noise.shape[1], generator))

    def posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), (B, Z) each."""
        mean, log_var = features.chunk(2, dim=1)
        return mean, log_var.clamp(*LOG_VAR_RANGE)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) = log N(z; 0, I) in nats, (B,)."""
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)

    def weighed(self, features: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        r"""One draw of each row's posterior by noise that all rows share, and log p(z) - log q(z | x) in nats.

        .. math:: \log p(z) - \log q(z|x) = \tfrac12 \textstyle\sum_z (\varepsilon_z^2 + \log \sigma_z^2 - z^2)

        Args:
            features: (B, 2 Z).
            generator: On the CPU; where the noise comes from.

        Returns:
            z (B, Z) and the weight's logarithm, (B,).
        """
        mean, log_var = self.posterior(features)
        noise = torch.randn(mean.shape[1], generator=generator).to(mean.device)
        z = mean + (0.5 * log_var).exp() * noise
        return z, 0.5 * (noise.square() + log_var - z.square()).sum(1)

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """A sample in training, the mean in evaluation; the rate is exact in both."""
        mean, log_var = self.posterior(features)
        rate = kl_to_standard_normal(mean, log_var)
        if not self.training:
            return Code(mean, rate)
        return Code(mean + (0.5 * log_var).exp() * normal(mean, batch.generator), rate)

    def draws(self, features: Tensor, batch: Batch) -> Iterator[Code]:
        """The fixed draws of every row's posterior."""
        mean, log_var = self.posterior(features)
        rate, sigma = kl_to_standard_normal(mean, log_var), (0.5 * log_var).exp()
        for noise in self.noise:
            yield Code(mean + sigma * noise, rate)
