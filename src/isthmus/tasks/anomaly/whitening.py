"""Residuals and codes on one scale: what normal rows do together costs little, what they never do costs much."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from isthmus.parts.backbones.linear import rounded

FLOOR = 1e-3  # of the spread of all columns together: the least spread that a column is given
WIDEST = 2048  # columns whose covariance is still a matrix that one wants to hold


@dataclass(frozen=True)
class Whitening:
    r"""The price of a vector under a normal distribution with the shrunk covariance of normal rows.

    .. math:: \tfrac12 \lVert w \rVert^2, \quad w = P^{-1/2} \frac{v - m}{s}, \quad P = (1 - \lambda) C + \lambda I

    s is the spread of each column around m, C the matrix of mean products of the scaled columns, and lambda the
    shrinkage of Ledoit and Wolf. The root is the symmetric one, so w_d stays as close to column d as can be: half its
    square is that column's part. Beyond 2048 columns P is I.

    Args:
        center: m, (D,) float64.
        scale: s, (D,) float64.
        root: P^(-1/2), (D, D) float64; None stands for I.

    Paper:
        Ledoit & Wolf 2004, J. Multivariate Analysis 88, pp. 365-411; the symmetric root after scaling: Kessy, Lewin &
        Strimmer 2018, American Statistician 72, pp. 309-314 (ZCA-cor).
    """

    center: Tensor
    scale: Tensor
    root: Tensor | None

    @classmethod
    def of(cls, rows: Tensor, center: Tensor, least: Tensor | None = None) -> Whitening:
        """Learn it from normal rows.

        Args:
            rows: v, (n, D) float64.
            center: m, (D,) float64.
            least: The least s of each column, (D,); None for what `FLOOR` says.

        Example:
            >>> v = torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            >>> whitening = Whitening.of(v * torch.tensor([1.0, 100.0]), center=torch.zeros(2))
            >>> bool(abs(whitening.cost(torch.tensor([[2.0, 0.0]]).double()) - 2.0) < 0.2)
            True
        """
        from sklearn.covariance import ledoit_wolf_shrinkage

        n, width = rows.shape
        spread = (rows - center).square().mean(0).sqrt()
        scale = spread.clamp_min(FLOOR * float(spread.square().mean().sqrt()) or 1.0)
        scale = scale if least is None else torch.maximum(scale, least)
        if width > WIDEST:
            return cls(center, scale, None)
        standard = (rows - center) / scale
        shrinkage = float(ledoit_wolf_shrinkage(standard.numpy(), assume_centered=True)) if n > 1 else 1.0
        shrunk = (1 - shrinkage) * (standard.T @ standard / n) + shrinkage * torch.eye(width, dtype=rows.dtype)
        values, axes = torch.linalg.eigh(shrunk.fill_diagonal_(1.0))  # it is 1 but where the least spread was given
        return cls(center, scale, axes * values.clamp_min(FLOOR**2).rsqrt() @ axes.T)

    @classmethod
    def around_zero(cls, residuals: Tensor, least: Tensor | None = None) -> Whitening:
        """The price of what rows lose, (n, D): a model that loses nothing leaves 0."""
        return cls.of(residuals, residuals.new_zeros(residuals.shape[1]), least)

    def parts(self, rows: Tensor) -> Tensor:
        """Each column's part of the cost in nats, (B, D): half the square of w."""
        return self._white(rows).square()[:, : rows.shape[1]] / 2

    def heavy_parts(self, rows: Tensor) -> Tensor:
        r"""The same for rows whose tails are heavier than a normal variable's, (B, D).

        .. math:: \ln(1 + w_d^2)

        That is -log p of a Cauchy variable up to a constant. One wild column costs little more than a strange one, so
        it does not outvote the others.
        """
        return torch.log1p(self._white(rows).square())[:, : rows.shape[1]]

    def cost(self, rows: Tensor) -> Tensor:
        """Half the squared Mahalanobis distance: -log N(v; m, Sigma) in nats up to a constant, (B,)."""
        return self.parts(rows).sum(1)

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """n vectors from the normal distribution that the price belongs to, (n, D)."""
        noise = torch.randn(n, len(self.center), generator=generator, dtype=torch.float64)
        return self.center + self.scale * (noise if self.root is None else noise @ torch.linalg.inv(self.root))

    def _white(self, rows: Tensor) -> Tensor:
        """w, with zeros beside it and beside what it is made of, so that no kernel meets a rest, (B, D or more).

        A rest of what is summed over counts as well: of 15 numbers the last three were added in another order in some
        places of a block than in others.
        """
        beside = rounded(rows.shape[1]) - rows.shape[1]
        standard = pad((rows - self.center) / self.scale, (0, beside))
        return standard if self.root is None else linear(standard, pad(self.root, (0, beside, 0, beside)))
