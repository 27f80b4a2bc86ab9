"""How differently the members of a detector rebuild a row."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from isthmus.core.source import Source
from isthmus.data.memory import TensorSource
from isthmus.tasks.anomaly.member import Member

PIECE = 2**14  # rows whose cells are held at once


def disagreement(members: Sequence[Member], source: Source) -> Tensor:
    r"""The variance of each rebuilt cell over the members.

    .. math:: v_d = \tfrac{1}{M - 1} \sum_m (\hat x_{md} - \bar x_d)^2, \quad \hat x_m = E[x | z_m]

    All members learnt to rebuild normal rows, each from other first weights. Where no normal row lies nothing has
    taught them, and each goes on in its own way. Of a category it is how surprising each member finds it that varies;
    a missing cell has none.

    Args:
        members: M of them, at least two.
        source: n rows.

    Returns:
        (n, D) float64, in squares of scaled units; a row's bits depend on that row alone.

    Paper:
        Members that differ by their first weights: Lakshminarayanan, Pritzel & Blundell 2017, NeurIPS,
        arXiv:1612.01474. There they predict a target; here they rebuild the row.
    """
    pieces = []
    for start in range(0, len(source), PIECE):
        rows = TensorSource(source.block(start, min(start + PIECE, len(source))), source.spec)
        pieces.append(_spread([member.run(rows, member.residual) for member in members]))
    return torch.cat(pieces)


def _spread(residuals: Sequence[Tensor]) -> Tensor:
    """Variance over the members, cell by cell: residuals vary as what is rebuilt does, since x is the same."""
    mean = sum(residuals[1:], residuals[0]) / len(residuals)
    squares = [(residual - mean).square() for residual in residuals]
    return sum(squares[1:], squares[0]) / (len(residuals) - 1)
