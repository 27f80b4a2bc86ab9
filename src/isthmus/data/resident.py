"""Rows that fit in memory, handed out as batches: one permutation an epoch, gathers of whole chunks, then slices.

No row passes through Python on its own, and no second copy of the data is made: an epoch gathers about 8 MiB of rows
at a time into one reused buffer, and each batch is a slice of that buffer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, repeat

import numpy as np
import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.errors import InputError, ParameterError, TooFewRowsError

CHUNK_BYTES = 8 << 20  # measured: large enough to forget what a call costs, small enough to stay near the processor


class Resident:
    """Batches of rows that lie in memory.

    An epoch sees every row once, in an order drawn from (seed, number) alone, so that it can be entered again at any
    step with the same batches. Its `steps` = ceil(n / batch_size) batches are equal to within one row: none is ragged.

    A batch is a slice of a buffer and is valid until the next chunk is gathered, so use it before asking for the next
    one, or clone what is to be kept.

    Args:
        x: The rows, (n, ...), float32 and contiguous (else a copy is made that is); NaN where a cell is missing.
        observed: True where a cell is known, the shape of x; None derives it from NaN, and stays None without any.
        condition: What a conditional member is told beside x, (n, ...), or None.
        weight: Weight of each row, (n,), or None.
        batch_size: B, the most rows in one batch.
        seed: Whole number >= 0 from which every epoch's order is drawn.

    Raises:
        ParameterError: `batch_size` is below 1.
        TooFewRowsError: There are no rows.
        InputError: `observed`, `condition` or `weight` has another number of rows than x.

    Example:
        >>> rows = Resident(torch.arange(10.0)[:, None], batch_size=4, seed=0)
        >>> rows.steps, [len(batch.x) for batch in rows.epoch(0)]
        (3, [3, 3, 4])
    """

    def __init__(
        self,
        x: Tensor,
        *,
        observed: Tensor | None = None,
        condition: Tensor | None = None,
        weight: Tensor | None = None,
        batch_size: int,
        seed: int,
    ) -> None:
        x = x.to(torch.float32).contiguous()
        for name, beside in (("observed", observed), ("condition", condition), ("weight", weight)):
            if beside is not None and len(beside) != len(x):
                came = f"{name} with {len(beside)} rows beside x with {len(x)}"
                raise InputError(came, f"{name} has one entry for each row of x", f"give {name} {len(x)} rows")
        self.rows = Batch(x, observed, condition, weight)
        self.sizes = batch_sizes(len(x), batch_size)
        self.seed = seed
        self.gaps = observed is None and bool(x.isnan().any())

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return len(self.sizes)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from step `start` on; the same two numbers give the same batches."""
        order = torch.randperm(len(self.rows.x), generator=seeded(self.seed, number)).to(self.rows.x.device)
        yield from hand_out(self.rows, order, self.sizes, self.gaps, start)


class SharedRows:
    """Batches of the same rows for several members: B rows of the first, B of the second, and so on.

    Each member gets, in the same batches and order, what rows in memory with its own seed would give it.

    Args:
        rows: The rows; their own seed plays no part.
        seeds: One for each member.

    Example:
        >>> rows = SharedRows(Resident(torch.arange(10.0)[:, None], batch_size=4, seed=0), (0, 1))
        >>> rows.steps, [len(batch.x) for batch in rows.epoch(0)]
        (3, [6, 6, 8])
    """

    def __init__(self, rows: Resident, seeds: Sequence[int]) -> None:
        self.resident, self.seeds = rows, seeds

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return self.resident.steps

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from step `start` on; the same two numbers give the same batches."""
        rows, sizes, gaps = self.resident.rows, self.resident.sizes, self.resident.gaps
        orders = [torch.randperm(len(rows.x), generator=seeded(seed, number)) for seed in self.seeds]
        order = torch.cat([part.flatten() for part in torch.stack(orders).split(sizes, 1)])
        yield from hand_out(rows, order.to(rows.x.device), [len(orders) * size for size in sizes], gaps, start)


def batch_sizes(n: int, batch_size: int) -> list[int]:
    """Cut n rows into ceil(n / batch_size) batches that are equal to within one row.

    Raises:
        ParameterError: `batch_size` is below 1.
        TooFewRowsError: n is 0.

    Example:
        >>> batch_sizes(10, 4)
        [3, 3, 4]
    """
    if batch_size < 1:
        raise ParameterError(f"batch_size={batch_size}", "a batch holds at least one row", "use batch_size=1024")
    if n < 1:
        raise TooFewRowsError("x with 0 rows", "training needs at least one row", "check how the rows were selected")
    steps = math.ceil(n / batch_size)
    return [(i + 1) * n // steps - i * n // steps for i in range(steps)]


def seeded(seed: int, *place: int) -> torch.Generator:
    """A generator that depends on the seed and the place (epoch, part of it, ...) alone.

    The numbers are hashed together, since torch's own generator heeds 32 bits of its seed and starts neighbouring
    seeds alike.
    """
    mixed = np.random.SeedSequence(seed, spawn_key=place).generate_state(1)
    return torch.Generator().manual_seed(int(mixed[0]))


def hand_out(rows: Batch, order: Tensor, sizes: Sequence[int], gaps: bool, start: int = 0) -> Iterator[Batch]:
    """Gather `rows` in `order`, chunk by chunk, and cut every chunk into batches of these `sizes`.

    Wherever it starts, a batch lies at the same place of its chunk: products of rows that are aligned otherwise may
    round otherwise, and a run that goes on in the middle of an epoch must end with the same bits.

    Args:
        rows: The rows to choose from, as one batch.
        order: Positions in `rows`, one for each row handed out.
        sizes: Rows of each batch; they add up to the length of `order`.
        gaps: Whether what is observed is to be read off the NaN in x.
        start: How many batches to pass over.
    """
    fields = (rows.x, rows.observed, rows.condition, rows.weight)
    at_once = batches_at_once(rows.x, max(sizes, default=1))
    room = min(at_once * max(sizes, default=0), len(order))
    buffers = [field if field is None else field.new_empty((room, *field.shape[1:])) for field in fields]
    for first, chunk, places in _chunks(order, sizes, at_once, start):
        x, observed, condition, weight = map(_gathered, fields, buffers, repeat(places))
        observed = x == x if gaps and x is not None else observed  # NaN alone differs from itself
        batches = map(Batch, *(_split(field, chunk) for field in (x, observed, condition, weight)))
        yield from islice(batches, max(0, start - first), None)


def batches_at_once(x: Tensor, batch_size: int) -> int:
    """How many batches of these rows make a chunk: at least one."""
    return max(1, CHUNK_BYTES // max(1, batch_size * x[:1].nbytes))


def _chunks(order: Tensor, sizes: Sequence[int], at_once: int, start: int) -> Iterator[tuple[int, list[int], Tensor]]:
    """Each chunk from the one of batch `start` on: its first batch, its batches' sizes, its rows' positions."""
    for first in range(start - start % at_once, len(sizes), at_once):
        chunk, done = list(sizes[first : first + at_once]), sum(sizes[:first])
        yield first, chunk, order[done : done + sum(chunk)]


def _gathered(field: Tensor | None, buffer: Tensor | None, places: Tensor) -> Tensor | None:
    """The field's rows at these places, in the buffer; None where there is no such field."""
    if field is None or buffer is None:
        return None
    return torch.index_select(field, 0, places, out=buffer[: len(places)])


def _split(field: Tensor | None, sizes: list[int]) -> Iterable[Tensor | None]:
    """The field cut into batches; None for each of them where there is none."""
    return repeat(None) if field is None else field.split(sizes)
