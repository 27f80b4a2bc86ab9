"""Baskets and word counts: how a known number of things falls into D kinds."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.network import Likelihood
from isthmus.parts import noise
from isthmus.parts.likelihoods.cells import known, paid, per_row


class Multinomial(Likelihood):
    r"""Where the n counts of a row fall, given n.

    .. math:: -\log p(x|n, z) = -\log n! + \textstyle\sum_d \big(\log x_d! - x_d \log \mathrm{softmax}(a)_d\big)

    Of a row with gaps it prices where the observed counts fall among the observed cells, which is a multinomial again.

    Args:
        shape: Shape of one sample of x, whole numbers from 0 up; the params are the logits a, of the same shape.
        total: n of what `mean` and `sample` give: shares of a row by default, since n itself does not cross.

    Paper:
        Liang, Krishnan, Hoffman & Jebara 2018, WWW, eq. 2; we keep the coefficient that they leave out.

    Example:
        >>> Multinomial((2,)).distortion(torch.tensor([[1.0, 1.0]]), torch.zeros(1, 2))  # one of each: p = 1/2
        tensor([0.6931])
    """

    def __init__(self, shape: tuple[int, ...], total: int = 1) -> None:
        super().__init__()
        self.params_shape = shape
        self.total = total

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """Each cell's part of -log p, the shape of x; log n! is shared out among the counts."""
        x = known(x, observed)
        logits = params if observed is None else params.masked_fill(~observed, torch.finfo(params.dtype).min)
        log_p = logits.flatten(1).log_softmax(1).view_as(x)
        n = per_row(x).view(-1, *[1] * (x.dim() - 1))  # (B,) -> (B, 1, ...)
        return paid(torch.lgamma(x + 1) - x * (log_p + torch.lgamma(n + 1) / n.clamp_min(1)), observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The expected share of each cell, times `total`; the shape of the params."""
        return self.total * params.flatten(1).softmax(1).view_as(params)

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of `total` counts, the shape of the params."""
        shares = params.flatten(1).softmax(1)
        draws = shares.multinomial(self.total, replacement=True, generator=noise.source(generator, params.device))
        counts = torch.zeros_like(shares).scatter_add_(1, draws, torch.ones_like(draws, dtype=shares.dtype))
        return counts.view_as(params)
