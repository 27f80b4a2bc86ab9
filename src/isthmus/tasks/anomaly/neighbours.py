"""How far a code lies from those of normal rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from isthmus.parts.backbones.buffers import Buffers
from isthmus.parts.backbones.linear import rounded

MOST = 4096  # codes that are kept: more cost time at every row, and change little
PIECE = 128  # rows whose distances are held at once
FEW = 8  # rows that look at all codes sooner than they find out where to look
GROUP = 64  # codes that are looked at together, at the most
FULL, SHORT = 2.0**-24, 2.0**-8  # what float32 rounds a number by, and what it does where products may be in bfloat16


@dataclass(frozen=True)
class Neighbours:
    """The distance from a code to the nearest of those that normal rows have.

    A network can rebuild rows that lie far from all it has learnt, where it goes on as it did at the edge; their codes
    lie far out as well, and are found here.

    Args:
        codes: Of normal rows, (R, Z) float64.

    Paper:
        What networks rebuild: Bouman & Heskes 2025, arXiv:2501.13864.

    Example:
        >>> neighbours = Neighbours.of(torch.arange(10.0).double()[:, None])
        >>> neighbours.distance(torch.tensor([[20.0], [2.5]]).double())
        tensor([11.0000,  0.5000], dtype=torch.float64)
    """

    codes: Tensor

    @classmethod
    def of(cls, codes: Tensor) -> Neighbours:
        """Keep the codes of normal rows, or of so many of them, evenly spread over their order."""
        kept = codes[:: step_over(len(codes))].clone()  # so that gradients flow past them, and the rest be forgotten
        return cls(kept)

    def distance(self, codes: Tensor) -> Tensor:
        """To the nearest, (B, Z) -> (B,): of the two alone, so with the same bits whatever rows come along."""
        return torch.cat([self._to_nearest(piece) for piece in codes.split(PIECE)])

    def nearest(self, codes: Tensor) -> Tensor:
        """The place of the nearest among those kept, (n, Z) -> (n,)."""
        return torch.cat([_apart(piece, self.codes).argmin(1) for piece in codes.split(PIECE)])

    @cached_property
    def _search(self) -> Search:
        """What says where to look."""
        return Search.among(self.codes)

    def _to_nearest(self, codes: Tensor) -> Tensor:
        if len(codes) <= FEW:
            return _apart(codes, self.codes).amin(1)
        with torch.no_grad():
            rows, groups = self._search.near(codes)
        found = _apart(codes[rows][:, None], self._search.groups[groups])[:, 0].amin(1)
        return codes.new_full((len(codes),), torch.inf).scatter_reduce(0, rows, found, "amin")


class Search(NamedTuple):
    r"""Groups of codes, and a product of matrices that says in which of them the nearest can be.

    .. math:: \lVert z - c \rVert^2 / 2 = \lVert z \rVert^2 / 2 + (\lVert c \rVert^2 / 2 - z^\top c)

    Args:
        groups: c, (G, S, Z) float64; some stand there twice so that all groups are full.
        centre: Their mean m, (Z,): what is far from it costs digits.
        turned: -(c - m), (Z, S * G) float32, the first of each group before the second.
        halves: Half the squared length of c - m, (S * G,) float32.
        reach: The largest length of c - m.
        memory: Where the product is written, since so much memory costs more to ask for than to fill.
    """

    groups: Tensor
    centre: Tensor
    turned: Tensor
    halves: Tensor
    reach: Tensor
    memory: Buffers

    @classmethod
    def among(cls, codes: Tensor) -> Search:
        """Make ready."""
        groups = rounded(-(-len(codes) // GROUP))  # full registers: the least of every group is found in half the time
        size = -(-len(codes) // groups)
        codes = codes[torch.arange(groups * size) % len(codes)]
        centre = codes.mean(0)
        centred = codes - centre
        halves = centred.square().sum(1) / 2
        grouped = codes.unflatten(0, (size, groups)).transpose(0, 1).contiguous()
        turned, reach = -centred.T.float().contiguous(), (2 * halves.max()).sqrt()
        return cls(grouped, centre, turned, halves.float(), reach, Buffers((len(codes),)))

    def near(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Pairs of a row and a group that may hold its nearest code, (B, Z) -> (P,), (P,): one for each row or more.

        Each number of the product is off by at most (Z + 8) u (|z| |c| + |c|^2), u being what a number is rounded by,
        in whatever order it is added up (Higham 2002, section 3.1). Where numbers overflow all groups are named.
        """
        z = z - self.centre
        buffers = self.memory.take(len(z), torch.float32)
        costs = torch.addmm(self.halves, z.float(), self.turned, out=buffers[0])
        costs = costs.unflatten(1, (-1, len(self.groups))).amin(1)
        self.memory.give(buffers)
        rounding = FULL if torch.get_float32_matmul_precision() == "highest" else SHORT
        off = (len(self.centre) + 8) * rounding * self.reach * (z.norm(dim=1) + self.reach)
        least = costs.amin(1) + 2 * off
        rows, groups = ((costs <= least[:, None]) | ~least.isfinite()[:, None]).nonzero().unbind(1)
        return rows, groups


def _apart(codes: Tensor, others: Tensor) -> Tensor:
    """Distances, (..., B, Z) and (..., R, Z) -> (..., B, R); by no product, so that equal pairs get equal bits."""
    return torch.cdist(codes, others, compute_mode="donot_use_mm_for_euclid_dist")


def step_over(rows: int) -> int:
    """From one row whose code is kept to the next."""
    return max(1, -(-rows // MOST))
