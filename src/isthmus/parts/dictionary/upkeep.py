"""What a dictionary asks of a training step before and after it is taken."""

from __future__ import annotations

from typing import Any

import torch

from isthmus.core.code import Batch


@torch.no_grad()
def project(network: Any) -> None:
    r"""Take from the gradient of each direction what would only make it longer.

    .. math:: g_j \leftarrow g_j - (g_j \cdot d_j) \, d_j
    """
    directions, gradient = network.decoder_weight, network.decoder_weight.grad
    gradient.addcmul_(directions, (gradient * directions).sum(1, keepdim=True), value=-1)


@torch.no_grad()
def keep(network: Any, batch: Batch) -> None:
    """Bring all directions back to length 1, count who was not on, and let price and thresholds follow."""
    directions, seen = network.decoder_weight, network.seen
    directions.div_(directions.norm(dim=1, keepdim=True).clamp_min(1e-12))
    network.idle.add_(seen.rows).masked_fill_(seen.fired, 0.0)
    network.tariff.follow(seen.mean_on)
    network.follow(seen)
