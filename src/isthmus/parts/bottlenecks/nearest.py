"""Which code is nearest to each vector: one matrix product in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_NUMBERS, ROWS = 2**17, (32, 1024)  # products in one block, and its rows


@torch.no_grad()
def nearest(x: Tensor, codes: Tensor) -> Tensor:
    r"""The place of the code nearest to each vector, (M,) int64; of equally near ones the first.

    .. math:: \arg\min_k \lVert x - e_k \rVert^2 = \arg\max_k \left( x^\top e_k - \tfrac12 \lVert e_k \rVert^2 \right)

    Neither the square of x, which is the same for all codes, nor a root is taken, and the products of a block are
    overwritten by those of the next, so that no table of M times K distances is ever made. Every block has as many
    rows as any other, the last one filled up with zeros: a product of another shape would round otherwise, and a
    vector between two codes would change sides with the number of its neighbours.

    Args:
        x: Vectors, (M, d).
        codes: e, (K, d).

    Example:
        >>> nearest(torch.tensor([[0.9], [-2.0], [0.0]]), torch.tensor([[-1.0], [1.0]]))
        tensor([1, 0, 0])
    """
    rows, (least, most) = len(x), ROWS
    block = min(max(BLOCK_NUMBERS // len(codes), least), most)
    across, halves = codes.T.contiguous(), -0.5 * codes.square().sum(1)
    products, best = x.new_empty(block, len(codes)), x.new_empty(block)
    found = torch.empty(-(-rows // block) * block, dtype=torch.int64, device=x.device)
    for start, part in _blocks(x, block):
        torch.addmm(halves, part, across, out=products)
        torch.max(products, 1, out=(best, found[start : start + block]))
    return found[:rows]


def _blocks(x: Tensor, rows: int) -> Iterator[tuple[int, Tensor]]:
    """Where each block starts, and its rows; the last ones filled up with zeros."""
    whole = len(x) - len(x) % rows
    for start in range(0, whole, rows):
        yield start, x[start : start + rows]
    if whole < len(x):
        rest = x[whole:]
        yield whole, torch.cat([rest, x.new_zeros(rows - len(rest), x.shape[1])])


def sums_by_code(x: Tensor, found: Tensor, codes: int, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """How often each code was found, (K,), and the sum of its vectors, (K, d).

    On the CPU rows are added where they belong, a hundredth of the work of a product with one-hot rows; an accelerator
    would add them in any order, and round otherwise at every call, so it takes the product.

    Args:
        x: Vectors, (M, d).
        found: The code of each, (M,) int64.
        codes: K.
        weights: How often each vector counts, (M,); None for once.

    Example:
        >>> sums_by_code(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1, 0, 1]), codes=2)
        (tensor([1., 2.]), tensor([[2.],
                [5.]]))
    """
    weighed = x if weights is None else x * weights[:, None]
    times = x.new_ones(len(x)) if weights is None else weights
    if x.device.type == "cpu":
        counts = x.new_zeros(codes).index_add_(0, found, times)
        return counts, x.new_zeros(codes, x.shape[1]).index_add_(0, found, weighed)
    chosen = x.new_zeros(len(x), codes).scatter_(1, found[:, None], 1.0)
    return times @ chosen, chosen.T @ weighed
