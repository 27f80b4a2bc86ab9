"""The sparse bottleneck: many units, few of them large."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck
from isthmus.parts.schedules import anneal

SHARE = 0.5  # of the run over which the number of units that may be on falls from all to k


class Sparse(Bottleneck):
    """z = gate(h), and of that, where a number is given, the k largest units alone; rate 0.

    In the first half of a run k falls from all units to what it is in the end: units that are never among the k
    largest learn nothing, and at the beginning chance decides which those are.

    Args:
        gate: "relu", whose units are off at exactly 0, or "sigmoid", whose units lie between 0 and 1.
        k: How many units may be on; None for as many as like.

    Paper:
        Makhzani & Frey 2014, arXiv:1312.5663, sections 2.1 and 4.2.1.

    Example:
        >>> code = Sparse(k=1).eval()(torch.tensor([[0.5, 2.0, -3.0]]), Batch(torch.zeros(1, 4)))
        >>> code.z
        tensor([[0., 2., 0.]])
    """

    def __init__(self, gate: str = "relu", k: int | None = None) -> None:
        super().__init__()
        self.gate = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[gate]()
        self.k = k

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """The units that are on, (B, Z)."""
        z = self.gate(features)
        if self.k is not None:
            z = self.keep(z, round(anneal(batch.progress, z.shape[1], self.k, SHARE)))
        return Code(z, z.new_zeros(len(z)))

    def keep(self, z: Tensor, k: int) -> Tensor:
        """All but the k largest units of each row set to zero, (B, Z)."""
        if k >= z.shape[1]:
            return z
        largest = z.detach().abs().topk(k, dim=1, sorted=False).indices
        return torch.zeros_like(z).scatter(1, largest, z.gather(1, largest))
