"""Scoring in fixed zero-padded blocks, so that a row's result does not depend on its neighbours, bit for bit.

Matrix products choose their kernels by the number of rows and of threads, and other kernels round otherwise. So every
row goes through a block of one of a few fixed sizes, filled up with zeros, on one thread; several threads share many
rows block by block, and none waits for another. A probe checks once that a size gives the same bits as the one of
`SMALL` on this machine, wherever a row stands; where it doesn't that size is not used, and where even a row's place
in the small one matters each row gets a block of its own. An accelerator, to which a large block is no dearer than a
small one, knows one size alone. Very wide rows are scored one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import getitem
from threading import Event, Lock
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.training.devices import threads_for

SMALL, MIDDLE, LARGE = 64, 1024, 4096
TINY = (1, 2, 8)  # sizes for a row or a few that come alone, where waiting for an answer is what counts
TRIED = 16  # rows that show whether a tiny size will do
FEW = 2 * SMALL  # rows up to which small blocks do, the filling of a middle one being dearer; twice as many of a large
BLOCK_NUMBERS = 2**18  # numbers in a large block: wider rows come in smaller ones, so that they stay near the cache
ALONE = 2**17  # numbers from which a row is scored alone: a network for such rows needs the memory for its own
ACCELERATED, ACCELERATED_NUMBERS = 2**14, 2**21  # the same two of an accelerator's block, which must keep it busy


class Span(NamedTuple):
    """Rows that share a block, and the block's size."""

    start: int
    stop: int
    size: int


class Blocks:
    """Applies functions of a batch to all rows of a source.

    Args:
        network: In evaluation mode from now on.
        width: Numbers in a row of its data.
        exact: Whether equal rows get equal bits wherever they stand, which a figure of all rows together need not ask.
    """

    def __init__(self, network: nn.Module, width: int, exact: bool = True) -> None:
        self.network, self.exact = network.eval(), exact
        self.device = next((p.device for p in network.parameters()), torch.device("cpu"))
        self.is_near = self.device.type == "cpu"
        most, numbers = (LARGE, BLOCK_NUMBERS) if self.is_near else (ACCELERATED, ACCELERATED_NUMBERS)
        self.large = max(SMALL, min(most, 2 ** (numbers // max(width, 1)).bit_length() // 2))
        self.small = SMALL if self.is_near else self.large
        if width >= ALONE:
            self.small = self.large = 1
        self.larger = [size for size in sorted({MIDDLE, self.large}) if self.small < size <= self.large]
        self.agree: dict[object, bool] = {}

    def run(self, source: Source, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of every row, (n, ...), on the CPU.

        Args:
            source: The rows.
            function: A bound method or function of a batch; the same object for the same quantity, since the probe's
                outcome is kept with it. Several threads may call it at once. One that does the same many times over has
                a `probe` that does it twice, which the probe takes instead: it keeps all that it sees.
        """
        threads = torch.get_num_threads() if self.is_near else 1
        with torch.inference_mode(), threads_for(work=0.0):
            spans = self._spans(source, function)
            first = next(spans, None)
            if first is None:
                return torch.empty(0)
            part = self._block(_rows(source, first), first.size, source.spec, function)
            if first.stop == len(source):
                return part.contiguous()
            results = part.new_empty(len(source), *part.shape[1:])
            results[: first.stop] = part
            self._share(spans, source, function, results, min(threads, -(-len(source) // self.large)))
        return results

    def size_of_one(self, source: Source, function: Callable[[Batch], Tensor]) -> int:
        """Rows in the block that a row like those of the source goes through alone, `function` being asked of it."""
        sizes = TINY if self.is_near else ()
        with torch.inference_mode(), threads_for(work=0.0):
            return next((size for size in sizes if self._agrees(source, function, size)), self.small)

    def _share(
        self, spans: Iterator[Span], source: Source, function: Callable[[Batch], Tensor], results: Tensor, threads: int
    ) -> None:
        """Let each thread take the next block until none is left. Rows are read in turn, since files know no other."""
        reading, stopped = Lock(), Event()

        def work() -> None:
            with torch.inference_mode(), threads_for(work=0.0):
                while not stopped.is_set():
                    with reading:
                        span = next(spans, None)
                        if span is None:
                            return
                        rows = _rows(source, span)
                    results[span.start : span.stop] = self._block(rows, span.size, source.spec, function)

        if threads == 1:
            work()
            return
        with ThreadPoolExecutor(threads) as pool:
            try:
                for done in [pool.submit(work) for _ in range(threads)]:
                    done.result()
            finally:
                stopped.set()  # an error, or the user's interruption, ends the others' work as well

    def _spans(self, source: Source, function: Callable[[Batch], Tensor]) -> Iterator[Span]:
        """The blocks: a tiny one for few rows, large ones while there are rows enough, then middle and small ones."""
        rows, start = len(source), 0
        if self.small == 1:
            yield from (Span(row, row + 1, 1) for row in range(rows))
            return
        for size in TINY if self.is_near else ():
            if rows <= size and self._agrees(source, function, size):
                yield Span(0, rows, size)
                return
        for size, fewer in self._larger(source, function):
            while rows - start > fewer:
                yield Span(start, min(start + size, rows), size)
                start += size
        step = self.small if rows == 1 or self._agrees(source, function, self.small) else 1
        for begin in range(start, rows, step):
            yield Span(begin, min(begin + step, rows), self.small)

    def _larger(self, source: Source, function: Callable[[Batch], Tensor]) -> list[tuple[int, int]]:
        """Sizes above the small one that will do, the largest first, each with how many rows those below it do better.

        A block that is not full is computed whole: it is worth it where no smaller block would stay empty.
        """
        found = list[tuple[int, int]]()
        for size in self.larger:
            alone = FEW if size < self.large else 2 * FEW
            fewer = size - found[-1][0] if found else alone
            if len(source) > fewer and self._agrees(source, function, size):
                found.append((size, fewer))
        return found[::-1]

    def _block(self, rows: Batch, size: int, spec: Spec, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of the rows inside a block of `size`."""
        x = _filled(rows.x, size).to(self.device)
        condition = None if rows.condition is None else _filled(rows.condition, size).to(self.device)
        observed = None if spec.is_plain else ~torch.isnan(x)
        return function(Batch(x, observed, condition))[: len(rows.x)].cpu()

    def _agrees(self, source: Source, function: Callable[[Batch], Tensor], size: int) -> bool:
        """Whether rows made up once get from a block of `size`, wherever they stand, the bits of the small block."""
        if not self.exact:
            return True
        function = getattr(function, "probe", function)
        key = (function, size)
        if key not in self.agree:
            spec, rows = source.spec, _made_up(source)
            block = _each(rows, _filled, self.small)
            expected = self._seen(block, spec, function)
            placings = _scattered(rows, size) if size < SMALL else _turned(rows, size)
            self.agree[key] = all(
                _equal(self._seen(block, spec, function), places, expected, those) for block, places, those in placings
            )
        return self.agree[key]

    def _seen(self, block: Batch, spec: Spec, function: Callable[[Batch], Tensor]) -> list[Tensor]:
        """What each part of the network answers for a whole block, row by row, and what the function makes of it.

        A cost may hide in its own rounding that the answers it was made of differ: so they are looked at as well.
        """
        answers: list[Tensor] = []

        def note(part: nn.Module, given: Any, answer: Any) -> None:
            if isinstance(answer, Tensor) and answer.shape[:1] == block.x.shape[:1]:
                answers.append(answer.clone())

        hooks = [part.register_forward_hook(note) for part in self.network.modules()]
        try:
            answers.append(self._block(block, len(block.x), spec, function))
        finally:
            for hook in hooks:
                hook.remove()
        return answers


def _rows(source: Source, span: Span) -> Batch:
    """The rows of a span, with what is told beside them."""
    told: Source | None = getattr(source, "condition", None)
    condition = None if told is None else told.block(span.start, span.stop)
    return Batch(source.block(span.start, span.stop), condition=condition)


def _made_up(source: Source) -> Batch:
    """Rows like those of the source, always the same ones."""
    told: Source | None = getattr(source, "condition", None)
    numbers = torch.Generator().manual_seed(0)
    x = torch.rand(SMALL, *source.spec.shape, generator=numbers)
    return Batch(x, condition=None if told is None else torch.rand(SMALL, *told.spec.shape, generator=numbers))


def _each(rows: Batch, change: Callable[..., Tensor], *how: Any) -> Batch:
    """The rows changed, and what is told beside them likewise."""
    condition = None if rows.condition is None else change(rows.condition, *how)
    return Batch(change(rows.x, *how), condition=condition)


def _filled(rows: Tensor, size: int) -> Tensor:
    """The rows with zeros behind them, (size, ...)."""
    missing = size - len(rows)
    return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])]) if missing > 0 else rows


def _equal(answers: list[Tensor], places: Any, expected: list[Tensor], those: Any) -> bool:
    """Whether all answers at these places are those expected for those rows, bit for bit."""
    pairs = zip(answers, expected, strict=False)
    return len(answers) == len(expected) and all(torch.equal(a[places], b[those]) for a, b in pairs)


Placing: TypeAlias = tuple[Batch, Any, Any]  # a block, the places in it that are looked at, and which rows stand there


def _scattered(rows: Batch, size: int) -> Iterator[Placing]:
    """Some of the rows in blocks smaller than they are many."""
    for start in range(0, TRIED, size):
        those = slice(start, start + size)
        yield _each(rows, getitem, those), slice(None), those


def _turned(rows: Batch, size: int) -> Iterator[Placing]:
    """The rows in one block beside zeros: at its end, and turned from there by one place and by many."""
    count = len(rows.x)
    end = torch.arange(size - count, size)
    for by in (0, 1, count):
        yield _each(rows, _placed, size, size - count + by), (end + by) % size, slice(count)


def _placed(rows: Tensor, size: int, start: int) -> Tensor:
    """The rows in a block of zeros from this place on, and on from its beginning where they reach its end."""
    return _filled(rows, size).roll(start, 0)
