"""Laplace distributions: the absolute error with its constants, less moved by outliers than the square."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from isthmus.core.network import Likelihood
from isthmus.parts import noise
from isthmus.parts.likelihoods.cells import FLOOR, above_floor, known, paid, per_row


class Laplace(Likelihood):
    r"""Independent Laplace cells around the decoder's answer.

    .. math:: -\log p(x|z) = \textstyle\sum_d \big(|x_d - \mu_d| / b_d + \log 2 b_d\big)

    Args:
        shape: Shape of one sample of x; the params are the medians, of the same shape.
        scale: b is 1 ("fixed") or a parameter ("learned", never below exp(-6)).
        shared: Whether all cells of a sample have one learned scale, or each its own.

    Example:
        >>> Laplace((3,)).distortion(torch.zeros(2, 3), torch.ones(2, 3))
        tensor([5.0794, 5.0794])
    """

    def __init__(
        self, shape: tuple[int, ...], scale: Literal["fixed", "learned"] = "fixed", shared: bool = True
    ) -> None:
        super().__init__()
        self.params_shape = shape
        learned = scale == "learned"
        self.raw_log_scale = nn.Parameter(torch.zeros(() if shared else shape)) if learned else None

    def log_scale(self, like: Tensor) -> Tensor:
        """log b of the cells: (), or the shape of one sample, of the type and device of `like`."""
        return like.new_zeros(()) if self.raw_log_scale is None else above_floor(self.raw_log_scale, FLOOR / 2)

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x; 0 where it is not observed."""
        log_scale = self.log_scale(params)
        distance = (params - known(x, observed)).abs()
        return paid(distance * (-log_scale).exp() + log_scale + math.log(2), observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The expected x, which is what the decoder answers."""
        return params

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of x, the shape of the params: the difference of two exponential draws, scaled."""
        rng = noise.source(generator, params.device)
        return params + self.log_scale(params).exp() * (noise.exponential(params, rng) - noise.exponential(params, rng))
