"""How far a code lies from those of normal rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

MOST = 4096  # codes that are kept: more cost time at every row, and change little
PIECE = 256  # rows whose distances are held at once


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
        """To the nearest, (B, Z) -> (B,)."""
        return torch.cat([each.min(1).values for each in self._distances(codes)])

    def nearest(self, codes: Tensor) -> Tensor:
        """The place of the nearest among those kept, (n, Z) -> (n,)."""
        return torch.cat([each.argmin(1) for each in self._distances(codes)])

    def _distances(self, codes: Tensor) -> Iterator[Tensor]:
        """To all that are kept, some rows at a time; by no product of matrices, so that equal codes get equal bits."""
        for piece in codes.split(PIECE):
            yield torch.cdist(piece, self.codes, compute_mode="donot_use_mm_for_euclid_dist")


def step_over(rows: int) -> int:
    """From one row whose code is kept to the next."""
    return max(1, -(-rows // MOST))
