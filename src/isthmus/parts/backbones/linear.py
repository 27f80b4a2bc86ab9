"""Linear layers whose answer for a row does not depend, in its last bits, on where in the block the row stands.

For products with fewer than a dozen columns a processor's library may take kernels that start at the row's address
modulo the width of its registers, so that two equal rows round differently. Beyond training such products are made
with columns of zeros beside them, and the surplus is cut off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NARROW = 16  # columns below which a product is widened to this many
SPARSE = 4  # rows below which a product is given rows of zeros, for the same reason


def rounded(columns: int) -> int:
    """The next multiple of `NARROW`: a product with so many columns takes no longer than one with fewer.

    Example:
        >>> rounded(1), rounded(16), rounded(30)
        (16, 16, 32)
    """
    return -(-columns // NARROW) * NARROW


def widened(weight: Tensor, bias: Tensor | None, width: int = NARROW) -> tuple[Tensor, Tensor | None]:
    """Weight (F, D) and bias (F,), with rows of zeros up to `width` where there are fewer.

    Example:
        >>> weight, bias = widened(torch.ones(3, 5), torch.ones(3))
        >>> weight.shape, bias.sum()
        (torch.Size([16, 5]), tensor(3.))
    """
    surplus = width - len(weight)
    if surplus <= 0:
        return weight, bias
    beside = None if bias is None else functional.pad(bias, (0, surplus))
    return functional.pad(weight, (0, 0, 0, surplus)), beside


class Linear(nn.Linear):
    """y = x W' + b, (..., D) -> (..., F)."""

    def forward(self, x: Tensor) -> Tensor:
        """The plain product while gradients are taken, the widened one otherwise."""
        lacking = SPARSE - x.shape[0] if x.ndim == 2 else 0
        if torch.is_grad_enabled() or (self.out_features >= NARROW and lacking <= 0):
            return super().forward(x)
        full = torch.constant_pad_nd(x, (0, 0, 0, lacking)) if lacking > 0 else x
        y = functional.linear(full, *widened(self.weight, self.bias))
        return y[: x.shape[0], ..., : self.out_features].contiguous()
