"""Cells that hold one of K names, by their whole-number codes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from isthmus.core.network import Likelihood
from isthmus.parts import noise
from isthmus.parts.likelihoods.cells import known, paid, per_row


class Categorical(Likelihood):
    r"""Independent cells that take the code k with probability softmax(logits)_k.

    .. math:: -\log p(x|z) = \textstyle\sum_d \big(\log \sum_k e^{a_{kd}} - a_{x_d d}\big)

    Args:
        shape: Shape of one sample of x, which holds the codes 0 .. K - 1 as floats.
        classes: K, the same in every cell; `Mixed` prices columns with different ones.

    The params hold K logits a per cell, one column or channel after the other: (D * K,) for a table (D,),
    (C * K, H, W) for an image (C, H, W), so that a convolutional decoder answers them as channels.

    Example:
        >>> Categorical((2,), classes=4).distortion(torch.tensor([[0.0, 3.0]]), torch.zeros(1, 8))
        tensor([2.7726])
    """

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.params_shape = (shape[0] * classes, *shape[1:])

    def logits(self, params: Tensor) -> Tensor:
        """The params with an axis for the classes, (B, C * K, ...) -> (B, C, K, ...)."""
        rows, width = params.shape[:2]
        return params.reshape(rows, width // self.classes, self.classes, *params.shape[2:])

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x; 0 where it is not observed."""
        codes = known(x, observed).long()
        # (B, C, K, ...), (B, C, ...) -> (B * C, K, ...), (B * C, ...): where torch looks for the classes
        costs = cross_entropy(self.logits(params).flatten(0, 1), codes.flatten(0, 1), reduction="none")
        return paid(costs.view(x.shape), observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The likeliest code of each cell, the shape of x: names have no mean."""
        return self.logits(params).argmax(2).to(params.dtype)

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of the codes, the shape of x: the first of K exponential clocks that ring at rate softmax_k."""
        logits = self.logits(params)
        return (logits - noise.exponential(logits, generator).log()).argmax(2).to(params.dtype)
