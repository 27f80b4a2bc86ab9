"""The Gaussian bottleneck: each row sends a sample of its posterior to a receiver who expects N(0, I)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck
from isthmus.parts.bottlenecks.posteriors import LOG_2PI, Diagonal, Form
from isthmus.parts.noise import balanced, normal
from isthmus.parts.priors.prior import Prior

DRAWS = 16  # codes over which a score takes its expectation


class Gaussian(Bottleneck):
    r"""z = mean + sigma * noise, priced at the divergence of the posterior from the prior N(0, I).

    .. math:: R(x) = KL(q(z|x) \,\|\, N(0, I))

    Features are those of the posterior's form: unless told otherwise (B, 2 Z), means, then log-variances. In training
    the noise comes from the batch's generator; in evaluation z is the posterior mean, and a score averages over `DRAWS`
    fixed antithetic draws that are stored with the model and are the same for every row.

    Under another `prior` the rate is taken draw by draw: log q(z | x) - log p(z), whose expectation is the divergence.

    Args:
        latent_dim: Z.
        form: Of the posterior, one of `posteriors.FORMS`; None for a normal one with a variance of each unit's own.

    Paper:
        Kingma & Welling 2014, arXiv:1312.6114, section 2.4.
    """

    def __init__(self, latent_dim: int, form: Form | None = None) -> None:
        super().__init__()
        self.form: Form = Diagonal() if form is None else form
        self.prior: Prior | None = None  # None is N(0, I)
        self.noise: Tensor
        self.register_buffer("noise", torch.zeros(DRAWS, latent_dim))

    def features(self, latent_dim: int) -> int:
        """As many as the posterior's form needs."""
        return self.form.features(latent_dim)

    def draw(self, generator: torch.Generator) -> None:
        """Fix the noise of the scores, (DRAWS, Z), with exactly the variances of the form.

        All rows share these few draws. Unbalanced ones were in every score by more than a nat on real tables, above
        the evidence that a score must bound.
        """
        noise = self.form.noise(balanced(DRAWS, self.noise.shape[1], generator))
        self.noise.copy_(noise * (self.form.variance / noise.square().mean(0)).sqrt())

    def posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of q(z | x), (B, Z), and its spread: log-variances (B, Z) unless the form says otherwise."""
        return self.form.split(features)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (B,): log N(z; 0, I) unless there is another prior."""
        if self.prior is not None:
            return self.prior.log_prob(z)
        return -0.5 * (z.square() + LOG_2PI).sum(1)

    def weighed(self, features: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One draw of each row's posterior by noise that all rows share, and log p(z) - log q(z | x) in nats.

        Args:
            features: (B, F).
            generator: On the CPU; where the noise comes from.

        Returns:
            z (B, Z) and the weight's logarithm, (B,).
        """
        mean, spread = self.posterior(features)
        noise = self.form.noise(torch.randn(1, mean.shape[1], generator=generator)).to(mean.device)
        z = self.form.place(mean, spread, noise)
        return z, self.log_prior(z) - self.form.log_density(spread, noise)

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """A sample in training, the mean in evaluation; the rate is exact in both, or under another prior of a draw."""
        mean, spread = self.posterior(features)
        divergence = self._divergence(mean, spread)
        if self.training:
            if self.prior is not None:
                self.prior.begin(batch.x, batch.generator)
            return self._code(mean, spread, self.form.noise(normal(mean, batch.generator)), divergence)
        if divergence is None:
            divergence = torch.stack([code.rate for code in self.draws(features, batch)]).mean(0)
        return Code(mean, divergence)

    def draws(self, features: Tensor, batch: Batch) -> Iterator[Code]:
        """The fixed draws of every row's posterior."""
        mean, spread = self.posterior(features)
        divergence = self._divergence(mean, spread)
        for noise in self.noise:
            yield self._code(mean, spread, noise, divergence)

    def _divergence(self, mean: Tensor, spread: Tensor) -> Tensor | None:
        """That of the posterior from N(0, I); None under another prior."""
        return self.form.rate(mean, spread) if self.prior is None else None

    def _code(self, mean: Tensor, spread: Tensor, noise: Tensor, divergence: Tensor | None) -> Code:
        """One draw of each row's posterior, at its divergence from N(0, I) or at the log ratio of the draw."""
        z = self.form.place(mean, spread, noise)
        return Code(z, self.form.log_density(spread, noise) - self.log_prior(z) if divergence is None else divergence)
