"""How unlikely a row is by all draws of its posterior together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

WIDE = 16  # numbers that a kernel takes at once at most: of so many alike, none is computed as a rest


def unlikeliness(costs: Sequence[Tensor]) -> Tensor:
    r"""Minus the logarithm of the likelihood that a row has on average over the draws of its posterior.

    .. math:: -\log \tfrac1L \sum_l p(x | z_l), \quad z_l \sim q(z | x)

    Never more than the mean of the costs, which a few bad draws can raise: one draw that explains the row is enough.

    Args:
        costs: -log p(x | z_l) in nats for each of L draws, (B,) each.

    Returns:
        (B,) in nats; the same row gives the same bits, wherever it stands.

    Paper:
        An & Cho 2015, SNU Data Mining Center technical report 2015-2, algorithm 4 (reconstruction probability); its
        draws are new at every call, these are stored with the model, and minus the logarithm is taken.

    Example:
        >>> unlikeliness([torch.tensor([1.0, 5.0]), torch.tensor([1.0, 500.0])])
        tensor([1.0000, 5.6931])
    """
    drawn = torch.stack(tuple(costs), 1)
    least = drawn.amin(1)
    mean = (least[:, None] - drawn).exp().sum(1) / len(costs)
    return least - mean[:, None].repeat(1, WIDE).log()[:, 0]
