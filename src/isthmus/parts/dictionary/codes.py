"""Sparse codes made of entries, and of dense codes."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.code import SparseCode
from isthmus.parts.dictionary.pattern import Pattern


def starts_of(counts: Tensor) -> Tensor:
    """Where each bag begins, and where the last one ends, (bags + 1,) int32.

    Example:
        >>> starts_of(torch.tensor([2, 0, 1]))
        tensor([0, 2, 2, 3], dtype=torch.int32)
    """
    starts = counts.new_zeros(len(counts) + 1)
    torch.cumsum(counts, 0, out=starts[1:])
    return starts.to(torch.int32)


def padded(values: Tensor, pattern: Pattern) -> SparseCode:
    """Entries of one bag a row as a sparse code, (B, K), with zeros where a row has fewer than K."""
    most = int(pattern.starts.diff().max()) if pattern.rows else 0
    rows = pattern.row.long()
    places = torch.arange(len(values), device=values.device) - pattern.starts.long()[rows]
    own, latents = values.new_zeros(pattern.rows, most), pattern.latents.new_zeros(pattern.rows, most)
    own[rows, places], latents[rows, places] = values, pattern.latents
    return SparseCode(own, latents, pattern.width)


def sorted_code(code: SparseCode) -> SparseCode:
    """The same code, each row's latents in order and its zeros at the end.

    Example:
        >>> code = SparseCode(torch.tensor([[1.0, 0.0, 2.0]]), torch.tensor([[5, 1, 3]], dtype=torch.int32), 8)
        >>> sorted_code(code).values
        tensor([[2., 1., 0.]])
    """
    order = torch.where(code.values == 0, code.width, code.indices).argsort(dim=1, stable=True)
    return SparseCode(code.values.gather(1, order), code.indices.gather(1, order), code.width)


def thinned(z: Tensor) -> SparseCode:
    """A dense code, (B, n), as a sparse one.

    Example:
        >>> thinned(torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])).values
        tensor([[2.],
                [0.]])
    """
    on = z != 0
    rows, latents = on.nonzero(as_tuple=True)
    return padded(z[rows, latents], Pattern(latents.to(torch.int32), starts_of(on.sum(1)), z.shape[1]))
