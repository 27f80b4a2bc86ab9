"""What a critic and those who would fool it pay, when its word counts, and how much.

A critic says of each row, or of each patch of one, the log odds D that it is not real: large for what was made. It
learns from the first step; only its gradient towards the decoder waits behind a gate, because a critic that knows
nothing yet ruins what a decoder has learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

FLOOR, MOST = 1e-4, 1e4  # added to the length of the critic's gradient; the largest weight


class Game(NamedTuple):
    """Costs of one answer D: the critic's for real rows and for others, and theirs who made the others."""

    real: Callable[[Tensor], Tensor]
    other: Callable[[Tensor], Tensor]
    maker: Callable[[Tensor], Tensor]


GAMES = {
    "logistic": Game(softplus, lambda d: softplus(-d), softplus),
    "ratio": Game(softplus, lambda d: softplus(-d), lambda d: d),
    "hinge": Game(lambda d: relu(1 + d), lambda d: relu(1 - d), lambda d: d),
}


def judged(real: Tensor, other: Tensor, game: str = "logistic") -> Tensor:
    r"""What a critic pays for its word on real rows and others, the mean over the patches of each.

    .. math:: \ln(1 + e^{D}) + \ln(1 + e^{-D'}), \quad \text{or} \quad \max(0, 1 + D) + \max(0, 1 - D')

    Args:
        real: D of real rows, (B, ...).
        other: D' of as many others.
        game: "logistic", "ratio" (the same costs for the critic) or "hinge".

    Returns:
        The cost, (B,).

    Paper:
        Goodfellow et al. 2014, NeurIPS, eq. 1; hinge: Lim & Ye 2017, arXiv:1705.02894, and Miyato et al. 2018, ICLR,
        eq. 16. Both with the sign of D turned.

    Example:
        >>> judged(torch.tensor([-9.0, 0.5]), torch.tensor([9.0, 0.0]), "hinge")
        tensor([0.0000, 2.5000])
    """
    return _of_rows(GAMES[game].real(real)) + _of_rows(GAMES[game].other(other))


def fooled(made: Tensor, game: str = "logistic") -> Tensor:
    r"""What whoever made the rows pays for the critic's word on them, the mean over the patches of each.

    .. math:: \ln(1 + e^{D'}), \quad \text{or} \quad D'

    Args:
        made: D' of the rows, (B, ...).
        game: "logistic", whose gradient does not vanish where the critic is sure; "ratio", whose mean is the critic's
            estimate of KL(q || p) in nats, q being what was made; or "hinge".

    Returns:
        The cost, (B,).

    Example:
        >>> fooled(torch.tensor([[1.0, 3.0]]), "hinge")
        tensor([2.])
    """
    return _of_rows(GAMES[game].maker(made))


def gate(progress: float, start: float) -> float:
    """Whether the critic's gradient reaches the maker: 0 before this share of the run, 1 from it on.

    Args:
        progress: 0 to 1.
        start: The share, 0 to 1.

    Example:
        >>> gate(0.29, 0.3), gate(0.3, 0.3)
        (0.0, 1.0)
    """
    return float(progress >= start)


def adaptive_weight(
    made: Tensor, rebuilding: Callable[[Tensor], Tensor], fooling: Callable[[Tensor], Tensor]
) -> Tensor:
    r"""The weight at which fooling a critic pulls as hard at the decoder's answer as rebuilding does.

    .. math:: \lambda = \min\Big(\frac{\lVert \partial L_{rec} / \partial a \rVert}
              {\lVert \partial g / \partial a \rVert + 10^{-4}}, 10^4\Big)

    The lengths are root mean squares over the rows: a statistic of the batch whose expectation does not depend on its
    size. The published weights are measured at the decoder's last layer; at its answer they cost no second
    way back through the decoder, as in EnCodec's balancer.

    Args:
        made: a, the decoder's answer, (B, ...).
        rebuilding: From a to the cost of rebuilding, (B,).
        fooling: From a to the cost of fooling, (B,).

    Returns:
        lambda, (), which nothing is sent back through.

    Paper:
        Esser, Rombach & Ommer 2021, CVPR, eq. 7; Defossez, Copet, Synnaeve & Adi 2022, arXiv:2210.13438, section 3.4.

    Example:
        >>> adaptive_weight(torch.ones(2, 3), lambda a: 4 * a.sum(1), lambda a: 2 * a.sum(1)).round(decimals=3)
        tensor(2.)
    """
    leaf = made.detach().requires_grad_()
    with torch.enable_grad():
        toward, against = (torch.autograd.grad(cost(leaf).sum(), leaf)[0] for cost in (rebuilding, fooling))
    return (_length(toward) / (_length(against) + FLOOR)).clamp(max=MOST)


def _length(gradient: Tensor) -> Tensor:
    """Root mean square over the rows of the length of each one's gradient, ()."""
    return gradient.flatten(1).square().sum(1).mean().sqrt()


def _of_rows(costs: Tensor) -> Tensor:
    """The mean over the patches of each row, (B, ...) -> (B,)."""
    return costs.reshape(len(costs), -1).mean(1)
