"""The plain bottleneck: as many numbers as it has dimensions, and nothing else."""

from __future__ import annotations

from torch import Tensor

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck


class Plain(Bottleneck):
    """z = h at rate 0: only the width of the code limits what crosses.

    Example:
        >>> import torch
        >>> Plain()(torch.ones(2, 3), Batch(torch.ones(2, 5))).rate
        tensor([0., 0.])
    """

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """The features themselves, (B, Z)."""
        return Code(features, features.new_zeros(len(features)))
