"""What every likelihood does with cells: skip the gaps, add up a row, keep a spread above zero."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

LOG_2PI = math.log(2 * math.pi)
FLOOR = -12.0  # of log-variances: below it a column without any spread would buy density without end


class AnswersX:
    """Of a likelihood whose params are x itself, and whose prices are no density."""

    def mean(self, params: Tensor) -> Tensor:
        """The expected x, which is what the decoder answers."""
        return params

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The decoder's answer: prices that are no density have no draws."""
        return params


def known(x: Tensor, observed: Tensor | None) -> Tensor:
    """x with 0 in its gaps, before any arithmetic: a NaN that is masked afterwards still poisons the gradient."""
    return x if observed is None else torch.where(observed, x, 0.0)


def paid(costs: Tensor, observed: Tensor | None) -> Tensor:
    """The costs of the observed cells, and 0 for the others."""
    return costs if observed is None else torch.where(observed, costs, 0.0)


def per_row(costs: Tensor) -> Tensor:
    """The sum over all that belongs to one row, (B, ...) -> (B,).

    Example:
        >>> per_row(torch.ones(2, 3, 4))
        tensor([12., 12.])
    """
    return costs.flatten(1).sum(1)


def above_floor(raw: Tensor, floor: float = FLOOR) -> Tensor:
    r"""A parameter that may be any number, kept above the floor without ever losing its gradient.

    .. math:: f + \mathrm{softplus}(a - f)
    """
    return floor + softplus(raw - floor)
