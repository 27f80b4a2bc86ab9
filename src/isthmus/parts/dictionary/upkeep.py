"""What a dictionary asks of a training step before and after it is taken."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.parts.dictionary.fused import fused


@fused
def shorten(gradient: Tensor, directions: Tensor) -> None:
    """Take from each row of a gradient its part along the direction, which has length 1; both (n, D)."""
    gradient.addcmul_(directions, (gradient * directions).sum(1, keepdim=True), value=-1)


@fused
def bring_to_length(directions: Tensor) -> None:
    """Divide each row by its length, (n, D)."""
    directions.div_(directions.norm(dim=1, keepdim=True).clamp_min(1e-12))


@torch.no_grad()
def project(network: Any) -> None:
    r"""Take from the gradient of each direction what would only make it longer.

    .. math:: g_j \leftarrow g_j - (g_j \cdot d_j) \, d_j
    """
    shorten(network.decoder_weight.grad, network.decoder_weight)


@torch.no_grad()
def keep(network: Any, batch: Batch) -> None:
    """Bring all directions back to length 1, count who was not on, and let price and thresholds follow."""
    seen = network.seen
    bring_to_length(network.decoder_weight)
    network.idle.add_(seen.rows).masked_fill_(seen.fired, 0.0)
    network.tariff.follow(seen.mean_on)
    network.follow(seen)
