"""The ordered bottleneck: the first units must do without the later ones."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck
from isthmus.parts import noise


class Ordered(Bottleneck):
    r"""In training each row sends its first b units alone, b drawn anew; in evaluation all of them. Rate 0.

    .. math:: z_j = h_j \, [j < b], \quad b \sim U\{1, \dots, Z\}

    Paper:
        Rippel, Gelbart & Adams 2014, ICML, section 3.1; theirs draws b from a geometric distribution and freezes units
        in turn, since late ones hardly ever count. Uniform draws count every prefix alike, which a short code can bear.

    Example:
        >>> Ordered().keep(torch.ones(1, 4), 2)
        tensor([[1., 1., 0., 0.]])
    """

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """A prefix of each row's units in training, (B, Z)."""
        rate = features.new_zeros(len(features))
        if not self.training:
            return Code(features, rate)
        units = features.shape[1]
        last = noise.uniform(features[:, :1], batch.generator) * units  # (B, 1): b - 1 when its fraction is cut off
        sent = torch.arange(units, device=features.device) <= last
        return Code(features * sent, rate)

    def keep(self, z: Tensor, k: int) -> Tensor:
        """The first k units of each row, all others zero, (B, Z)."""
        return z * (torch.arange(z.shape[1], device=z.device) < k)
