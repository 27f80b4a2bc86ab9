"""Cells between no and yes: Bernoulli distributions on logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from isthmus.core.network import Likelihood
from isthmus.parts import noise
from isthmus.parts.likelihoods.cells import known, paid, per_row


class Bernoulli(Likelihood):
    r"""Independent cells that are 1 with probability sigmoid(logit).

    .. math:: -\log p(x|z) = \textstyle\sum_d \big(\log(1 + e^{a_d}) - x_d a_d\big)

    A soft target in (0, 1), a grey pixel say, is priced by the same formula: the cross entropy with a coin that shows
    1 with probability x. That is no density over [0, 1], and its least value is the entropy of that coin.

    Args:
        shape: Shape of one sample of x, values in [0, 1]; the params are the logits a, of the same shape.

    Example:
        >>> Bernoulli((2,)).distortion(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2))
        tensor([1.3863])
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.params_shape = shape

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x; 0 where it is not observed."""
        return paid(binary_cross_entropy_with_logits(params, known(x, observed), reduction="none"), observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The probability of 1 in each cell, the shape of the params."""
        return params.sigmoid()

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of x: zeros and ones, the shape of the params."""
        return (noise.uniform(params, generator) < params.sigmoid()).to(params.dtype)
