"""Which latents are on in which rows, and the products with them that touch nothing else.

A bag is a few latents with a weight each. A row has one bag, or several where its sum is taken in steps (levels of a
nested dictionary, latents on trial). Three products are all that a dictionary's training needs beside the encoder's:
bags summed up, directions compared with bags, and both of these turned round, latent by latent.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse
import torch
from torch import Tensor


class Turned(NamedTuple):
    """The same pattern latent by latent: which entries a latent has, and in which bags they lie.

    Args:
        order: Places of the entries, (N,) int64.
        starts: Where each latent's entries begin, (n,) int32.
        bags: The bag of each entry, (N,) int32.
    """

    order: Tensor
    starts: Tensor
    bags: Tensor


class Pattern:
    """Which latents lie in which bags.

    Args:
        latents: The latent of each entry, bag after bag, (N,) int32.
        starts: Where each bag begins, and where the last one ends, (rows * bags + 1,) int32.
        width: n, how many latents there are.
        bags: Of each row.

    Example:
        >>> pattern = Pattern(torch.tensor([2, 0, 2], dtype=torch.int32), torch.tensor([0, 1, 3], dtype=torch.int32), 3)
        >>> pattern.bag, pattern.turned.bags
        (tensor([0, 1, 1], dtype=torch.int32), tensor([1, 0, 1], dtype=torch.int32))
    """

    def __init__(self, latents: Tensor, starts: Tensor, width: int, bags: int = 1) -> None:
        self.latents, self.starts, self.width, self.bags = latents, starts, width, bags

    @classmethod
    def even(cls, latents: Tensor, width: int) -> Pattern:
        """Bags of equally many latents: one for each row of `latents`, (rows, k) int32."""
        rows, k = latents.shape
        ends = torch.arange(0, rows * k + 1, max(k, 1), dtype=torch.int32, device=latents.device)
        return cls(latents.reshape(-1), ends if k else ends.new_zeros(rows + 1), width)

    @property
    def rows(self) -> int:
        """How many rows the bags belong to."""
        return (len(self.starts) - 1) // self.bags

    @cached_property
    def bag(self) -> Tensor:
        """The bag of each entry, (N,) int32."""
        numbers = torch.arange(len(self.starts) - 1, dtype=torch.int32, device=self.starts.device)
        return numbers.repeat_interleave(self.starts.diff(), output_size=len(self.latents))

    @cached_property
    def row(self) -> Tensor:
        """The row of each entry, (N,) int32."""
        return self.bag if self.bags == 1 else self.bag // self.bags

    @cached_property
    def turned(self) -> Turned:
        """The pattern latent by latent, entries in the order of their bags."""
        if self.latents.device.type == "cpu":
            return self._counted()
        order = self.latents.sort(stable=True).indices
        counts = torch.bincount(self.latents, minlength=self.width)
        return Turned(order, (counts.cumsum(0) - counts).to(torch.int32), self.bag[order])

    def _counted(self) -> Turned:
        """The same by counting, which takes a time that grows with the entries alone."""
        entries = np.arange(len(self.latents), dtype=np.int32)
        shape = (len(self.starts) - 1, self.width)
        rows = scipy.sparse.csr_matrix((entries, self.latents.numpy(), self.starts.numpy()), shape=shape)
        columns = rows.tocsc()
        starts = torch.from_numpy(columns.indptr[:-1].astype(np.int32))
        return Turned(torch.from_numpy(columns.data).long(), starts, torch.from_numpy(columns.indices))


def summed(weights: Tensor, pattern: Pattern, directions: Tensor) -> Tensor:
    r"""Each bag's weighted sum of directions, (bags, D).

    .. math:: y_b = \textstyle\sum_{i \in b} w_i \, d_{j(i)}

    Args:
        weights: w, one for each entry, (N,).
        pattern: Which latents lie in which bags.
        directions: d, one for each latent, (n, D).

    Example:
        >>> pattern = Pattern.even(torch.tensor([[0, 1], [1, 2]], dtype=torch.int32), width=3)
        >>> summed(torch.tensor([1.0, 2.0, 3.0, 4.0]), pattern, torch.eye(3))
        tensor([[1., 2., 0.],
                [0., 3., 4.]])
    """
    return _bags(directions, pattern.latents, pattern.starts[:-1], weights)


def compared(pattern: Pattern, bags: Tensor, directions: Tensor) -> Tensor:
    r"""The product of each entry's direction with its bag, (N,).

    .. math:: c_i = g_{b(i)} \cdot d_{j(i)}

    Args:
        pattern: Which latents lie in which bags.
        bags: g, a vector for each bag, (bags, D).
        directions: d, one for each latent, (n, D).
    """
    products: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        bags.contiguous(), directions, pattern.latents, pattern.starts[:-1], pattern.bag, 0
    )
    return products


def gathered(weights: Tensor, pattern: Pattern, vectors: Tensor, by_row: bool = False) -> Tensor:
    r"""What each latent gathers from the bags it lies in, (n, D): the gradient of a table of directions.

    .. math:: G_j = \textstyle\sum_{i : j(i) = j} w_i \, v_{b(i)}

    Args:
        weights: w, one for each entry, (N,).
        pattern: Which latents lie in which bags.
        vectors: v, one for each bag, (bags, D), or for each row.
        by_row: Whether they are the rows'.
    """
    order, starts, bags = pattern.turned
    places = bags // pattern.bags if by_row and pattern.bags > 1 else bags
    return _bags(vectors.contiguous(), places, starts, weights[order])


def _bags(table: Tensor, places: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of a table's rows; zeros where there is nothing to sum."""
    if len(places) == 0:
        return table.new_zeros(len(starts), table.shape[1])
    sums: Tensor = torch.embedding_bag(table, places, starts, False, 0, False, weights)[0]
    return sums
