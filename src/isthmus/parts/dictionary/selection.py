"""Finds the latents that are on, in passes over a few hundred rows at a time: no matrix of all rows by all latents.

A pass multiplies its rows into one buffer that all passes share, and keeps of it only what is on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from isthmus.parts.backbones.linear import rounded
from isthmus.parts.dictionary.codes import starts_of
from isthmus.parts.dictionary.fused import fused
from isthmus.parts.dictionary.pattern import Pattern, compared

GROUP = 16  # latents of which the largest alone is looked at first
PASS = 512  # rows of a pass: enough for a product at full speed, few enough for its answer to stay near the processor


class Entries(NamedTuple):
    """Latents that are on in some rows, row after row.

    Args:
        counts: How many each row has, (rows,) int64, or each of its bags, (rows, bags).
        latents: Which, (N,) int32.
        values: Their pre-activations, (N,).
    """

    counts: Tensor
    latents: Tensor
    values: Tensor


def passes(x: Tensor, weight: Tensor, bias: Tensor, rows: int = PASS) -> Iterator[Tensor]:
    """Pre-activations of so many rows after the other, (rows, n): each pass overwrites the one before.

    All passes multiply as many rows, the last one with zeros below its own, so that a row has the same bits in all.

    Args:
        x: Rows, (B, D).
        weight: (n, D).
        bias: (n,).
        rows: Of a pass.
    """
    size = min(rows, len(x))
    buffer = x.new_empty(size, len(weight))
    for start in range(0, len(x), size):
        some = x[start : start + size]
        missing = size - len(some)
        full = torch.cat([some, some.new_zeros(missing, x.shape[1])]) if missing else some
        torch.addmm(bias, full, weight.t(), out=buffer)
        yield buffer[: len(some)]


def steady_passes(x: Tensor, weight: Tensor, bias: Tensor, rows: int = PASS) -> Iterator[Tensor]:
    """The same, beside zeros in all that is multiplied or summed over, so that no row feels where it stands.

    Args:
        x: Rows, (B, D).
        weight: (n, D).
        bias: (n,).
        rows: Of a pass.
    """
    latents, beside = len(weight), (0, rounded(weight.shape[1]) - weight.shape[1])
    wide = pad(weight, (*beside, 0, rounded(latents) - latents))
    products = passes(pad(x, beside), wide, pad(bias, (0, len(wide) - latents)), rows)
    return (h[:, :latents] for h in products)


def remeasured(entries: Entries, x: Tensor, weight: Tensor, bias: Tensor) -> Entries:
    """The same entries with pre-activations in the precision of x, where the search had a lower one.

    Args:
        entries: One bag for each row.
        x: Rows, (B, D).
        weight: (n, D).
        bias: (n,).

    Example:
        >>> x, weight, bias = torch.tensor([[1.001, 2.0]]), torch.eye(2), torch.zeros(2)
        >>> low = above(next(passes(*(part.bfloat16() for part in (x, weight, bias)))), 0.0)
        >>> low.values.tolist(), remeasured(low, x, weight, bias).values
        ([1.0, 2.0], tensor([1.0010, 2.0000]))
    """
    pattern = Pattern(entries.latents, starts_of(entries.counts), len(weight))
    return entries._replace(values=compared(pattern, x, weight) + bias[entries.latents])


@fused
def largest(h: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest numbers of each row and their places, (rows, k) each, in no order.

    The k largest lie in the k groups with the largest maxima, so all others need not be sorted.

    Args:
        h: (rows, n).
        k: How many, at most n.

    Example:
        >>> largest(torch.tensor([[1.0, 5.0, 3.0]]), 2)[0].sort().values
        tensor([[3., 5.]])
    """
    rows, n = h.shape
    groups = n // GROUP
    if n % GROUP or groups < 2 * k:
        values, places = h.topk(k, dim=1, sorted=False)
        return values, places
    # Group j holds the latents j, j + groups, j + 2 * groups, ...: maxima of whole stretches are quick to take.
    first = h.view(rows, GROUP, groups).amax(1).topk(k, dim=1, sorted=False).indices
    members = torch.arange(0, n, groups, device=h.device)
    candidates = (first[:, :, None] + members).view(rows, k * GROUP)
    values, chosen = h.gather(1, candidates).topk(k, dim=1, sorted=False)
    return values, candidates.gather(1, chosen)


def as_entries(values: Tensor, places: Tensor) -> Entries:
    """Equally many latents of each row, (rows, k)."""
    counts = torch.full((len(places),), places.shape[1], dtype=torch.int64, device=places.device)
    return Entries(counts, places.to(torch.int32).reshape(-1), values.reshape(-1))


def above(h: Tensor, bound: Tensor | float) -> Entries:
    """The latents of each row above a bound, which may be each latent's own, (n,).

    Example:
        >>> above(torch.tensor([[1.0, 5.0, 3.0], [0.0, 0.0, 4.0]]), 2.0)
        Entries(counts=tensor([2, 1]), latents=tensor([1, 2, 2], dtype=torch.int32), values=tensor([5., 3., 4.]))
    """
    on = h > bound
    rows, latents = on.nonzero(as_tuple=True)
    return Entries(on.sum(1), latents.to(torch.int32), h[rows, latents])


def joined(parts: Sequence[Entries]) -> Entries:
    """The entries of all passes."""
    if len(parts) == 1:
        return parts[0]
    return Entries(*(torch.cat(pieces) for pieces in zip(*parts, strict=True)))


def kept(entries: Entries, stay: Tensor) -> Entries:
    """The entries that stay, (N,) bool.

    Example:
        >>> kept(above(torch.tensor([[1.0, 5.0, 3.0]]), 0.0), torch.tensor([True, False, True])).counts
        tensor([2])
    """
    rows = torch.arange(len(entries.counts), device=stay.device)
    rows = rows.repeat_interleave(entries.counts, output_size=len(stay))[stay]
    counts = torch.bincount(rows, minlength=len(entries.counts))
    return Entries(counts, entries.latents[stay], entries.values[stay])


def in_levels(entries: Entries, ends: Tensor) -> Entries:
    """Entries in the order of their latents, in a bag for each level of latents.

    Args:
        entries: One bag for each row.
        ends: The latent behind each level's last, (levels,), rising.

    Example:
        >>> in_levels(above(torch.tensor([[1.0, 5.0, 3.0]]), 0.0), torch.tensor([1, 3])).counts
        tensor([[1, 2]])
    """
    rows = torch.arange(len(entries.counts), device=ends.device)
    rows = rows.repeat_interleave(entries.counts, output_size=len(entries.latents))
    bags = rows * len(ends) + torch.bucketize(entries.latents, ends, right=True)
    counts = torch.bincount(bags, minlength=len(entries.counts) * len(ends))
    return entries._replace(counts=counts.view(-1, len(ends)))


def beside(first: Entries, second: Entries) -> Entries:
    """The bags of the one and then those of the other, row after row.

    Example:
        >>> one = Entries(torch.tensor([1, 1]), torch.tensor([7, 8]), torch.tensor([0.7, 0.8]))
        >>> two = Entries(torch.tensor([0, 1]), torch.tensor([9]), torch.tensor([0.9]))
        >>> beside(one, two)[:2]
        (tensor([[1, 0],
                [1, 1]]), tensor([7, 8, 9]))
    """
    counts = [entries.counts.view(len(entries.counts), -1) for entries in (first, second)]
    own = [bags.sum(1) for bags in counts]
    starts = (own[0] + own[1]).cumsum(0) - own[0] - own[1]
    total = len(first.latents) + len(second.latents)
    latents, values = first.latents.new_empty(total), first.values.new_empty(total)
    for entries, rows, begins in zip((first, second), own, (starts, starts + own[0]), strict=True):
        shift = begins - (rows.cumsum(0) - rows)
        places = torch.arange(len(entries.latents), device=shift.device)
        places += shift.repeat_interleave(rows, output_size=len(places))
        latents[places], values[places] = entries.latents, entries.values
    return Entries(torch.cat(counts, dim=1), latents, values)
