"""Which code is nearest to each vector: one matrix product in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from torch import Tensor

BLOCK_NUMBERS, ROWS = 2**18, (32, 1024)  # products in one block, and its rows

Search = Callable[[range], None]
"""Finds the codes of the blocks that start at these rows."""


@torch.no_grad()
def nearest(x: Tensor, codes: Tensor) -> Tensor:
    r"""The place of the code nearest to each vector, (M,) int64; of equally near ones the first.

    .. math:: \arg\min_k \lVert x - e_k \rVert^2 = \arg\max_k \left( x^\top e_k - \tfrac12 \lVert e_k \rVert^2 \right)

    Neither the square of x, which is the same for all codes, nor a root is taken, and the products of a block are
    overwritten by those of the next, so that no table of M times K distances is ever made. Every block has as many
    rows as any other, the last one filled up with zeros, and one thread to itself: a product of another shape, or
    shared by threads, would round otherwise, and a vector between two codes would change sides with the number of its
    neighbours.

    Args:
        x: Vectors, (M, d).
        codes: e, (K, d).

    Example:
        >>> nearest(torch.tensor([[0.9], [-2.0], [0.0]]), torch.tensor([[-1.0], [1.0]]))
        tensor([1, 0, 0])
    """
    rows, (least, most) = len(x), ROWS
    block = min(max(BLOCK_NUMBERS // len(codes), least), most)
    filled = torch.cat([x, x.new_zeros(-rows % block, x.shape[1])]) if rows % block else x
    found = torch.empty(len(filled), dtype=torch.int64, device=x.device)
    across, halves = codes.T.contiguous(), -0.5 * codes.square().sum(1)
    search = partial(_search, filled, across, halves, found, block)
    if x.device.type == "cpu":
        _share(range(0, len(filled), block), search)
    else:
        search(range(0, len(filled), block))
    return found[:rows]


@torch.no_grad()
def _search(x: Tensor, across: Tensor, halves: Tensor, found: Tensor, block: int, starts: range) -> None:
    """Write into `found` the codes of blocks of rows; NumPy looks for a largest number in a third of torch's time."""
    products = torch.empty(block, across.shape[1], dtype=x.dtype, device=x.device)
    for start in starts:
        here = slice(start, start + block)
        torch.addmm(halves, x[here], across, out=products)
        if x.device.type == "cpu":
            np.argmax(products.numpy(), 1, out=found.numpy()[here])
        else:
            torch.argmax(products, 1, out=found[here])


def _share(starts: range, search: Search) -> None:
    """Deal blocks out to as many threads as torch is set to use, each of which multiplies alone."""
    threads = min(torch.get_num_threads(), len(starts))
    if threads <= 1:
        _alone(search, starts)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(_alone, search, starts[first::threads]) for first in range(threads)]:
            done.result()


def _alone(search: Search, starts: range) -> None:
    """Search on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        search(starts)
    finally:
        torch.set_num_threads(before)


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
