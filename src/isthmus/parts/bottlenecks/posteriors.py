"""The forms that q(z | x) may have: a mean, a spread, and where standard noise comes to lie under them."""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from isthmus.parts.divergences import kl_to_standard_normal

LOG_VAR_RANGE = (-30.0, 20.0)  # beyond these a variance says nothing in float32
LOG_2PI = math.log(2 * math.pi)


class Form(Protocol):
    """A location-scale family: z = mean + spread(noise), so that gradients pass through a draw."""

    variance: ClassVar[float]  # of the standard noise

    def features(self, latent_dim: int) -> int:
        """How many numbers the encoder must supply."""

    def split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, Z) and spread (B, ...) of q(z | x)."""

    def noise(self, normal: Tensor) -> Tensor:
        """Standard noise of the family, made of draws from N(0, 1)."""

    def place(self, mean: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """z (B, Z) of standard noise, (B, Z) or (Z,) for all rows."""

    def rate(self, mean: Tensor, spread: Tensor) -> Tensor:
        """KL(q(z | x) || N(0, I)) in nats, (B,)."""

    def log_density(self, spread: Tensor, noise: Tensor) -> Tensor:
        """log q(z | x) in nats where the noise came to lie, (B,)."""


class Diagonal:
    """N(mean, diag(exp(log_var))): features (B, 2 Z) are means, then log-variances; the spread is log_var (B, Z).

    Paper:
        Kingma & Welling 2014, arXiv:1312.6114, appendix B.

    Example:
        >>> mean, log_var = Diagonal().split(torch.zeros(2, 6))
        >>> Diagonal().rate(mean, log_var)
        tensor([0., 0.])
    """

    variance: ClassVar[float] = 1.0

    def features(self, latent_dim: int) -> int:
        """2 Z."""
        return 2 * latent_dim

    def split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, (B, Z) each."""
        mean, log_var = features.chunk(2, dim=1)
        return mean, log_var.clamp(*LOG_VAR_RANGE)

    def noise(self, normal: Tensor) -> Tensor:
        """The draws themselves."""
        return normal

    def place(self, mean: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """Mean + sigma * noise."""
        return mean + (0.5 * spread).exp() * noise

    def rate(self, mean: Tensor, spread: Tensor) -> Tensor:
        """In closed form."""
        return kl_to_standard_normal(mean, spread)

    def log_density(self, spread: Tensor, noise: Tensor) -> Tensor:
        """Of noise that was stretched by sigma."""
        return -0.5 * (noise.square() + spread + LOG_2PI).sum(1)


class Full:
    r"""N(mean, L L^T): the units of a code may be sure of a sum and unsure of its parts.

    .. math:: z = \mu + L \varepsilon, \quad L = \mathrm{diag}(\sigma) (I + N), \quad N \text{ below the diagonal}

    Features (B, Z (Z + 3) / 2) are means, log sigma^2, then N; the spread is the Cholesky factor L (B, Z, Z).

    Paper:
        Kingma & Welling 2019, arXiv:1906.02691, section 2.5.1; theirs masks L, ours scales the rows of I + N.

    Example:
        >>> mean, factor = Full().split(torch.zeros(2, Full().features(3)))
        >>> factor[0].tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    variance: ClassVar[float] = 1.0

    def features(self, latent_dim: int) -> int:
        """Z means, Z variances and what is below the diagonal."""
        return latent_dim * (latent_dim + 3) // 2

    def split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, Z) and Cholesky factor (B, Z, Z)."""
        wide = (math.isqrt(9 + 8 * features.shape[1]) - 3) // 2  # Z, of F = Z (Z + 3) / 2
        mean, log_var, below = features.split((wide, wide, features.shape[1] - 2 * wide), dim=1)
        row, column = torch.tril_indices(wide, wide, -1, device=features.device)
        unit = torch.eye(wide, dtype=features.dtype, device=features.device).repeat(len(features), 1, 1)
        unit[:, row, column] = below
        return mean, (0.5 * log_var.clamp(*LOG_VAR_RANGE)).exp()[:, :, None] * unit

    def noise(self, normal: Tensor) -> Tensor:
        """The draws themselves."""
        return normal

    def place(self, mean: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """Mean + L noise, added up row by row so that no product of matrices sees the neighbours."""
        return mean + (spread * noise[..., None, :]).sum(2)

    def rate(self, mean: Tensor, spread: Tensor) -> Tensor:
        """That of the diagonal, and half of all squares below it."""
        return kl_to_standard_normal(mean, 2 * _log_diagonal(spread)) + 0.5 * spread.tril(-1).square().sum((1, 2))

    def log_density(self, spread: Tensor, noise: Tensor) -> Tensor:
        """Of noise that L took along; log det L is the sum of the logarithms on its diagonal."""
        return -0.5 * (noise.square() + LOG_2PI + 2 * _log_diagonal(spread)).sum(1)


class Laplace:
    r"""Laplace(mean, b) in each unit: sharper at its middle and heavier in its tails than a normal.

    .. math:: R = \textstyle\sum_z \tfrac12 \log 2\pi + \tfrac12 \mu_z^2 + b_z^2 - 1 - \log 2 b_z

    Features (B, 2 Z) are means, then 2 log b; the spread is 2 log b (B, Z). Under a normal prior the rate is 0.07 nats
    a unit at least, for no Laplace density is a normal one.

    Paper:
        Kingma & Welling 2014, arXiv:1312.6114, section 2.4 (location-scale families).

    Example:
        >>> mean, spread = Laplace().split(torch.tensor([[0.0, -0.6931]]))
        >>> Laplace().rate(mean, spread)
        tensor([0.0724])
    """

    variance: ClassVar[float] = 2.0

    def features(self, latent_dim: int) -> int:
        """2 Z."""
        return 2 * latent_dim

    def split(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and twice the logarithm of b, (B, Z) each."""
        return Diagonal().split(features)

    def noise(self, normal: Tensor) -> Tensor:
        """The same quantiles of Laplace(0, 1)."""
        tail: Tensor = torch.special.erfc(normal.abs() / math.sqrt(2))
        return -normal.sign() * tail.clamp_min(torch.finfo(normal.dtype).tiny).log()

    def place(self, mean: Tensor, spread: Tensor, noise: Tensor) -> Tensor:
        """Mean + b * noise."""
        return mean + (0.5 * spread).exp() * noise

    def rate(self, mean: Tensor, spread: Tensor) -> Tensor:
        """In closed form."""
        constant = 0.5 * LOG_2PI - 1 - math.log(2)
        return (constant + 0.5 * mean.square() + spread.exp() - 0.5 * spread).sum(1)

    def log_density(self, spread: Tensor, noise: Tensor) -> Tensor:
        """Of noise that was stretched by b."""
        return -(noise.abs() + math.log(2) + 0.5 * spread).sum(1)


FORMS: dict[str, type[Form]] = {"diagonal": Diagonal, "full": Full, "laplace": Laplace}


def _log_diagonal(factor: Tensor) -> Tensor:
    """log sigma, (B, Z)."""
    return factor.diagonal(dim1=1, dim2=2).log()
