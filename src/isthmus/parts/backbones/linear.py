"""Linear layers whose answer for a row does not depend, in its last bits, on where in the block the row stands.

Where the columns of a product do not fill the processor's registers, its library may take kernels for the rest that
start at the row's address modulo the width of a register, so that two equal rows round differently: seen with fewer
than a dozen columns, and with 17. Beyond training products are made with columns of zeros beside them, up to a
multiple of 16, and the surplus is cut off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

COLUMNS = 16  # a product is widened to a multiple of so many
SPARSE = 4  # rows below which a product is given rows of zeros, for the same reason


def rounded(columns: int) -> int:
    """The next multiple of `COLUMNS`: a product with so many columns takes no longer than one with fewer.

    Example:
        >>> rounded(1), rounded(16), rounded(30)
        (16, 16, 32)
    """
    return -(-columns // COLUMNS) * COLUMNS


def widened(weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Weight (F, D) and bias (F,), with rows of zeros up to the next multiple of `COLUMNS`.

    Example:
        >>> weight, bias = widened(torch.ones(3, 5), torch.ones(3))
        >>> weight.shape, bias.sum()
        (torch.Size([16, 5]), tensor(3.))
    """
    surplus = rounded(len(weight)) - len(weight)
    if not surplus:
        return weight, bias
    beside = None if bias is None else functional.pad(bias, (0, surplus))
    return functional.pad(weight, (0, 0, 0, surplus)), beside


class Linear(nn.Linear):
    """y = x W' + b, (..., D) -> (..., F)."""

    def forward(self, x: Tensor) -> Tensor:
        """The plain product while gradients are taken, the widened one otherwise."""
        lacking = SPARSE - x.shape[0] if x.ndim == 2 else 0
        if torch.is_grad_enabled() or (rounded(self.out_features) == self.out_features and lacking <= 0):
            return super().forward(x)
        full = torch.constant_pad_nd(x, (0, 0, 0, lacking)) if lacking > 0 else x
        y = functional.linear(full, *widened(self.weight, self.bias))
        return y[: x.shape[0], ..., : self.out_features].contiguous()
