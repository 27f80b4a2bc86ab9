"""Dropout that draws from the fit's own generator, eight masks to a random word."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.parts.masks import byte_mask, byte_share


class Dropout(nn.Module):
    """Zero each number with probability p in training, and scale the rest by 1 / (1 - p).

    Args:
        p: Probability of zeroing, in [0, 1), as `byte_share` rounds it.

    The loop sets `generator` for the run's length; without one the layer passes its input on.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = byte_share(p)
        self.generator: torch.Generator | None = None

    def forward(self, h: Tensor) -> Tensor:
        """The surviving numbers, scaled; h itself in evaluation."""
        if not self.training or self.generator is None or self.p == 0:
            return h
        dropped = byte_mask(h.shape, self.p, self.generator, h.device)
        return h.masked_fill(dropped, 0.0) / (1 - self.p)


def listen(module: nn.Module, generator: torch.Generator | None) -> None:
    """Let every dropout layer inside `module` draw from `generator`; None when the run is over."""
    for layer in module.modules():
        if isinstance(layer, Dropout):
            layer.generator = generator
