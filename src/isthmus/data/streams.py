"""Data larger than memory: read from its files in pieces, shuffled through a buffer, scored in order.

Peak memory: the buffer (M rows of x), and about 40 MiB beside it for chunks being decoded and handed out, whatever
the files hold. Parquet is read through pages of all columns at once and may need three of each column of a row group,
commonly 1 MiB each; a record batch of a compressed Arrow file is decoded as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.data.array_learner import ArrayLearner
from isthmus.data.arrays import Tagged, encode_array
from isthmus.data.pieces import Pieces, Selected
from isthmus.data.resident import batch_sizes, hand_out, seeded
from isthmus.data.table_learner import TableLearner
from isthmus.data.tables import encode_table
from isthmus.errors import DataFileError, ParameterError, UnknownNameError

BUFFER_BYTES = 128 << 20


class Stream:
    """Rows that stay in their files, before anything was learnt about them.

    Args:
        pieces: The rows.
    """

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    def __len__(self) -> int:
        """n, the number of rows."""
        return sum(self.pieces.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, columns of a table or axes of a sample)."""
        return (len(self), *self.pieces.shape)

    @property
    def is_table(self) -> bool:
        """Whether the rows are a table's, and not images, series or volumes."""
        return len(self.shape) == 2 and not isinstance(self.head(), Tagged)

    @property
    def column_names(self) -> list[str]:
        """Names of a table's columns; none of an array's."""
        return list(self.pieces.names)

    def drop_columns(self, names: Sequence[str]) -> Stream:
        """The rows without these columns of a table, as an Arrow table drops them.

        Raises:
            UnknownNameError: there is no column of that name.
        """
        for name in names:
            if name not in self.pieces.names:
                raise UnknownNameError.among("column", name, self.pieces.names)
        return Stream(Selected(self.pieces, [name for name in self.pieces.names if name not in names]))

    def head(self) -> Any:
        """The first rows, as a frame or array."""
        return next(self.pieces.chunks(0))

    def learn(self, scaling: str | None = None) -> StreamSource:
        """Read everything once, and learn what it is.

        Args:
            scaling: See `TableLearner` and `ArrayLearner`; None is "standard" for tables, "unit" for others.

        Raises:
            InputError: the rows cannot be used; the subclass says why.
        """
        learner: TableLearner | ArrayLearner
        learner = TableLearner(scaling or "standard") if self.is_table else ArrayLearner(scaling or "unit")
        for piece in range(len(self.pieces.sizes)):
            for chunk in self.pieces.chunks(piece):
                learner.update(chunk)
        return self.source(learner.finish())

    def source(self, spec: Spec) -> StreamSource:
        """The rows as a model with this spec reads them."""
        return StreamSource(self.pieces, spec)


class StreamSource:
    """Rows in files, scaled as their `Spec` says. Blocks that follow each other are read without going back.

    Args:
        pieces: The rows.
        spec: What they are.
    """

    def __init__(self, pieces: Pieces, spec: Spec) -> None:
        self.pieces, self.spec = pieces, spec
        self.position = 0
        self.tape = Tape(pieces, spec, range(len(pieces.sizes)))

    def __len__(self) -> int:
        """n, the number of rows."""
        return sum(self.pieces.sizes)

    def block(self, start: int, stop: int) -> Tensor:
        """x of rows start to stop, (stop - start, *spec.shape) float32, NaN where a cell is missing."""
        if start != self.position:
            self.tape = Tape(self.pieces, self.spec, range(len(self.pieces.sizes)), start)
        x = self.tape.take(torch.empty((stop - start, *self.spec.shape)))
        self.position = stop
        return x

    def batches(self, batch_size: int, seed: int, buffer_rows: int | None = None, device: str = "cpu") -> StreamBatches:
        """The rows as training reads them, shuffled through a buffer.

        Args:
            batch_size: B, the most rows in one batch.
            seed: Whole number >= 0 from which every epoch's order is drawn.
            buffer_rows: M, rows in the buffer; None takes what 128 MiB hold.
            device: Where the buffer and the batches lie.

        Raises:
            ParameterError: the buffer is smaller than a batch.
        """
        fitting = max(batch_size, BUFFER_BYTES // (4 * self.spec.n_features))
        return StreamBatches(self, batch_size, seed, fitting if buffer_rows is None else buffer_rows, device)


class StreamBatches:
    """Batches of rows that do not fit into memory.

    An epoch puts the pieces of the files (row groups, record batches, blocks of lines or rows) in a random order,
    reads them one after the other into a buffer of M rows, and hands out the whole buffer in a random order before
    it is filled again. Every row is seen once an epoch, in `steps` batches that are equal to within one row.
    Everything is drawn from (seed, number), so that an epoch is entered again at any step with the same batches, and
    only the pieces of that step's buffer are read for it.

    How well it shuffles: within a buffer perfectly, and a buffer holds M / r pieces of r rows, drawn at random. In
    files that are sorted, the share of a class of frequency f in a batch so varies with

    .. math:: f (1 - f) (1 / B + r / M)

    where rows drawn one by one would have f (1 - f) / B. So let the buffer hold more pieces than a batch has rows, or
    write the files with smaller row groups; in files that are not sorted it makes no difference.

    Args:
        source: The rows.
        batch_size: B, the most rows in one batch.
        seed: Whole number >= 0 from which every epoch's order is drawn.
        buffer_rows: M, the most rows in the buffer.
        device: Where the buffer and the batches lie.

    Raises:
        ParameterError: the buffer is smaller than a batch.
        TooFewRowsError: there are no rows.
    """

    def __init__(self, source: StreamSource, batch_size: int, seed: int, buffer_rows: int, device: str) -> None:
        if buffer_rows < batch_size:
            came = f"buffer_rows={buffer_rows} with batch_size={batch_size}"
            raise ParameterError(came, "the buffer holds one batch at least", f"use buffer_rows={100 * batch_size}")
        self.source, self.seed, self.device = source, seed, device
        self.sizes = batch_sizes(len(source), batch_size)
        self.fill = min(buffer_rows // max(self.sizes), len(self.sizes))  # batches in a buffer
        self.gaps = any(column.gaps for column in source.spec.columns)

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return len(self.sizes)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from step `start` on; the same two numbers give the same batches.

        A batch is valid until the next one is asked for.
        """
        pieces, spec = self.source.pieces, self.source.spec
        order = torch.randperm(len(pieces.sizes), generator=seeded(self.seed, number)).tolist()
        first = start - start % self.fill
        tape = Tape(pieces, spec, order, sum(self.sizes[:first]))
        room = torch.empty((self.fill * max(self.sizes), *spec.shape), device=self.device)
        for step in range(first, self.steps, self.fill):
            sizes = self.sizes[step : step + self.fill]
            x = tape.take(room[: sum(sizes)])
            places = torch.randperm(len(x), generator=seeded(self.seed, number, step)).to(self.device)
            yield from hand_out(Batch(x), places, sizes, self.gaps, max(0, start - step))


class Tape:
    """The rows of pieces one after the other, scaled; it is read forwards only.

    Args:
        pieces: The rows.
        spec: What they are.
        order: Which pieces, in which order.
        skip: Rows to pass over at the beginning.
    """

    def __init__(self, pieces: Pieces, spec: Spec, order: Sequence[int], skip: int = 0) -> None:
        ends = list(accumulate(pieces.sizes[piece] for piece in order))
        place = bisect_right(ends, skip)
        self.pieces = pieces
        self.chunks = _encoded(pieces, spec, order[place:])
        self.rest = torch.empty((0, *spec.shape))
        self._pass(skip - (ends[place - 1] if place else 0))

    def _pass(self, rows: int) -> None:
        """Read over so many rows."""
        while rows > len(self.rest):
            rows -= len(self.rest)
            self.rest = self._next()
        self.rest = self.rest[rows:]

    def _next(self) -> Tensor:
        """The next chunk.

        Raises:
            DataFileError: there is none, though there was when the rows were counted.
        """
        chunk = next(self.chunks, None)
        if chunk is None:
            came = f"{sum(self.pieces.sizes)} rows were counted, but the files hold fewer now"
            raise DataFileError(came, "files stay as they are while they are read", "scan them again")
        return chunk

    def take(self, x: Tensor) -> Tensor:
        """Fill x, (rows, *spec.shape), with the next rows, and return it."""
        done = 0
        while done < len(x):
            if not len(self.rest):
                self.rest = self._next()
            part = self.rest[: len(x) - done]
            x[done : done + len(part)] = part
            done, self.rest = done + len(part), self.rest[len(part) :]
        return x


def _encoded(pieces: Pieces, spec: Spec, order: Sequence[int]) -> Iterator[Tensor]:
    """x of these pieces, chunk by chunk. No method of `Tape`, lest a cycle keep the last file open."""
    encode = encode_table if spec.kind == "table" else encode_array
    starts = [0, *accumulate(pieces.sizes)]
    for piece in order:
        row = starts[piece]
        for chunk in pieces.chunks(piece):
            yield encode(chunk, spec, row)
            row += len(chunk)
