"""Normal distributions with covariances of their own, side by side."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from isthmus.parts.backbones.linear import rounded

LOG_TWO_PI = math.log(2 * math.pi)


class Components(nn.Module):
    r"""K normal distributions over R^Z, each by its mean and the factor of its precision.

    .. math:: \log N(z; m_k, (F_k F_k^T)^{-1}) = \log |F_k| - \tfrac12 \|F_k^T (z - m_k)\|^2 - \tfrac{Z}{2} \log 2\pi

    F is upper triangular with a positive diagonal; of a diagonal covariance only that diagonal is kept.

    Args:
        count: K.
        width: Z.
        covariance: "full" or "diagonal".
    """

    def __init__(self, count: int, width: int, covariance: str = "full") -> None:
        super().__init__()
        self.means = nn.Parameter(torch.zeros(count, width))
        self.log_diagonal = nn.Parameter(torch.zeros(count, width))
        self.above = nn.Parameter(torch.zeros(count, width, width)) if covariance == "full" else None

    def take(self, means: Tensor, factors: Tensor) -> None:
        """Become the distributions with these means, (K, Z), and precision factors, (K, Z, Z) or (K, Z)."""
        with torch.no_grad():
            self.means.copy_(means)
            diagonal = factors if self.above is None else factors.diagonal(dim1=1, dim2=2)
            self.log_diagonal.copy_(diagonal.log())
            if self.above is not None:
                self.above.copy_(factors.triu(1))

    def factors(self) -> Tensor:
        """F, (K, Z, Z), of full covariances."""
        above = torch.as_tensor(self.above)
        return above.triu(1) + torch.diag_embed(self.log_diagonal.exp())

    def log_prob(self, z: Tensor) -> Tensor:
        """log N of each row under each component, (B, K)."""
        away = z[:, None] - self.means  # (B, K, Z)
        if self.above is None:
            standard = away * self.log_diagonal.exp()
        else:
            wide = away.shape[2]  # columns of zeros, so that a row's last bits don't depend on where it stands
            factors = functional.pad(self.factors(), (0, rounded(wide) - wide))
            standard = torch.einsum("bkz,kzy->bky", away, factors)[:, :, :wide]
        each: Tensor = self.log_diagonal.sum(1) - 0.5 * (standard.square() + LOG_TWO_PI).sum(2)
        return each

    def draw(self, generator: torch.Generator) -> None:
        """Spread the means, drawn from N(0, I); a single one stays at 0."""
        if len(self.means) > 1:
            with torch.no_grad():
                self.means.copy_(torch.randn(self.means.shape, generator=generator))

    def sample(self, which: Tensor, generator: torch.Generator) -> Tensor:
        """One draw from each of these components, (n,) -> (n, Z): z = m + F^-T noise."""
        noise = torch.randn(len(which), self.means.shape[1], generator=generator, device=generator.device)
        if self.above is None:
            return self.means[which] + noise * (-self.log_diagonal[which]).exp()
        moved = torch.empty_like(noise)
        for one, factor in enumerate(self.factors()):
            own = which == one
            moved[own] = torch.linalg.solve_triangular(factor, noise[own], upper=True, left=False)
        return self.means[which] + moved
