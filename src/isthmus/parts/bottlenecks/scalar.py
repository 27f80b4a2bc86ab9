"""Finite scalar quantisation: each number of a token rounded to a few levels, no book of codes to be learnt."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.parts.bottlenecks.discrete import Quantised, Quantizer
from isthmus.parts.bottlenecks.tokens import straight_through

MARGIN = 1e-3  # by which the bound lies beyond the outermost level, so that float32 reaches it
LARGEST = 8  # levels of one number, unless told otherwise
GAIN = 4.0  # convolved features begin with a deviation of a fiftieth, where rounding makes one symbol of all of them


def levels_for(codes: int) -> tuple[int, ...]:
    """Levels of each number of a token with so many codes: as few numbers as will do, as even as can be, large first.

    Raises:
        ParameterError: the number of codes is no product of numbers up to 8.

    Paper:
        Mentzer et al. 2024, ICLR, arXiv:2309.15505, table 1, whose levels these are where the product is exact.

    Example:
        >>> levels_for(512), levels_for(1000), levels_for(240), levels_for(1024)
        ((8, 8, 8), (8, 5, 5, 5), (8, 6, 5), (8, 8, 4, 4))
    """
    found = _factors(codes, LARGEST)
    if not found:
        allowed = f"codes of scalars are all combinations of levels, so their number is a product of 2 to {LARGEST}"
        near = min(range(2, 2 * codes + 4), key=lambda k: (not _factors(k, LARGEST), abs(k - codes)))
        raise ParameterError(f"codes={codes}", allowed, f"use codes={near}")
    return min(found, key=lambda levels: (len(levels), -min(levels), levels[0]))


def _factors(codes: int, most: int) -> list[tuple[int, ...]]:
    """All ways to write a number as a product of falling factors from 2 to `most`."""
    ways: list[tuple[int, ...]] = [(codes,)] if 2 <= codes <= most else []
    for first in range(min(most, codes // 2), 1, -1):
        if codes % first == 0:
            ways += [(first, *rest) for rest in _factors(codes // first, first)]
    return ways


class Scalar(Quantizer):
    r"""Each of the d numbers of a token bounded and rounded to one of its own L_j levels, evenly between -1 and 1.

    .. math:: f(t) = \tfrac12 (L - 1)(1 + \epsilon) \tanh(g t + s) - o, \quad
              q = \mathrm{round}(f(t)) / \lfloor L / 2 \rfloor, \quad K = \textstyle\prod_j L_j

    o is one half for an even number of levels, else 0, and s such that f(0) = 0. Nothing is learnt here, so there is
    nothing that could die: no book, no moving average, no commitment. A symbol is the number whose digits are the
    levels, the last one counting most.

    Differs from the paper in g, which is 1 there. Untrained features lie so near to 0 that all are one symbol, and the
    outer levels come into use late; at 4 sooner, and dense features are not yet too large for the tanh.

    Args:
        levels: L_j, at least 2 each.

    Paper:
        Mentzer et al. 2024, ICLR, arXiv:2309.15505, section 3.1 and appendix A.1.

    Example:
        >>> Scalar((3, 5)).vectors(torch.tensor([[0, 7, 14]])).tolist()
        [[[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]]
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.codes = math.prod(levels)
        self.levels: Tensor
        self.places: Tensor
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        worth = [math.prod(levels[:j]) for j in range(len(levels))]
        self.register_buffer("places", torch.tensor(worth), persistent=False)

    def bounded(self, tokens: Tensor) -> Tensor:
        """f of each number, (..., d): near whole numbers from -floor(L / 2) on, L of them."""
        reach = 0.5 * (self.levels - 1) * (1 + MARGIN)
        offset = 0.5 * (1 - self.levels % 2)
        return reach * torch.tanh(GAIN * tokens + torch.atanh(offset / reach)) - offset

    def forward(self, tokens: Tensor, batch: Batch, weight: Tensor | None = None) -> Quantised:
        """The nearest level of each number; the gradient goes straight through the rounding."""
        bounded, half = self.bounded(tokens), self.levels // 2
        digits = bounded.detach().round().long() + half
        values = straight_through(bounded / half, self._values(digits))
        return Quantised(values, (digits * self.places).sum(-1))

    def vectors(self, symbols: Tensor) -> Tensor:
        """(B, N) -> (B, N, d)."""
        return self._values(symbols[..., None] // self.places % self.levels)

    def _values(self, digits: Tensor) -> Tensor:
        """Levels from 0 on as numbers between -1 and 1."""
        half = self.levels // 2
        return (digits - half) / half
