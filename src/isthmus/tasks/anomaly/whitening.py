"""Residuals on one scale: what a normal row's residuals do together costs little, what they never do costs much."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.errors import ParameterError

FLOOR = 1e-3  # of the spread of all columns together: the least spread that a column is given
WIDEST = 2048  # columns whose covariance is still a matrix that one wants to hold


@dataclass(frozen=True)
class Whitening:
    r"""A shrunk covariance of residuals, and the Mahalanobis distance under it.

    .. math:: \tfrac12 \lVert w \rVert^2, \quad w = P^{-1/2} (r / s), \quad P = (1 - \lambda) C + \lambda I

    s is the root mean square of each column's residuals, C the matrix of mean products of r / s, and lambda the
    shrinkage of Ledoit and Wolf. The root is the symmetric one, so w_d stays as close to column d as can be: its
    square is that column's part of the distance.

    Args:
        scale: s, (D,) float64.
        root: P^(-1/2), (D, D) float64.

    Paper:
        Ledoit & Wolf 2004, J. Multivariate Analysis 88, pp. 365-411; the symmetric root after scaling: Kessy, Lewin &
        Strimmer 2018, American Statistician 72, pp. 309-314 (ZCA-cor).
    """

    scale: Tensor
    root: Tensor

    @classmethod
    def of(cls, residuals: Tensor) -> Whitening:
        """Learn it from the residuals of normal rows.

        Args:
            residuals: r, (n, D) float64.

        Raises:
            ParameterError: more columns than a covariance is made for.

        Example:
            >>> r = torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            >>> whitening = Whitening.of(r * torch.tensor([1.0, 100.0]))
            >>> bool(abs(whitening.cost(r[:1] * torch.tensor([1.0, 100.0])) - 0.5 * r[0].square().sum()) < 0.2)
            True
        """
        from sklearn.covariance import ledoit_wolf_shrinkage

        n, width = residuals.shape
        if width > WIDEST:
            allowed = f"score='mahalanobis' holds a matrix of n_features x n_features, for up to {WIDEST} features"
            raise ParameterError(f"n_features={width}", allowed, "use score='distortion'")
        spread = residuals.square().mean(0).sqrt()
        scale = spread.clamp_min(FLOOR * float(spread.square().mean().sqrt())).clamp_min(
            torch.finfo(torch.float32).tiny
        )
        standard = residuals / scale
        shrinkage = float(ledoit_wolf_shrinkage(standard.numpy(), assume_centered=True)) if n > 1 else 1.0
        products = standard.T @ standard / n
        values, axes = torch.linalg.eigh(
            (1 - shrinkage) * products + shrinkage * torch.eye(width, dtype=products.dtype)
        )
        return cls(scale, axes * values.clamp_min(FLOOR**2).rsqrt() @ axes.T)

    def parts(self, residuals: Tensor) -> Tensor:
        """Each column's part of the cost, (B, D): half the square of w."""
        return ((residuals / self.scale) @ self.root).square() / 2

    def cost(self, residuals: Tensor) -> Tensor:
        """Half the squared Mahalanobis distance, in nats up to a constant, (B,)."""
        return self.parts(residuals).sum(1)
