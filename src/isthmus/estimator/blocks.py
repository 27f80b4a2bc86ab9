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
from threading import Event, Lock
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.training.devices import threads_for

SMALL, LARGE = 64, 4096
TINY = (1, 2, 8)  # sizes for a row or a few that come alone, where waiting for an answer is what counts
TRIED = 16  # rows that show whether a tiny size will do
FEW = 4 * SMALL  # rows up to which small blocks do, the filling of a large one being dearer
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
        self.agree: dict[object, bool] = {}

    def run(self, source: Source, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of every row, (n, ...), on the CPU.

        Args:
            source: The rows.
            function: A bound method or function of a batch; the same object for the same quantity, since the probe's
                outcome is kept with it. Several threads may call it at once.
        """
        threads = torch.get_num_threads() if self.is_near else 1
        with torch.inference_mode(), threads_for(work=0.0):
            spans = self._spans(source, function)
            first = next(spans, None)
            if first is None:
                return torch.empty(0)
            part = self._block(source.block(first.start, first.stop), first.size, source.spec, function)
            if first.stop == len(source):
                return part
            results = part.new_empty(len(source), *part.shape[1:])
            results[: first.stop] = part
            self._share(spans, source, function, results, min(threads, -(-len(source) // self.large)))
        return results

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
                        x = source.block(span.start, span.stop)
                    results[span.start : span.stop] = self._block(x, span.size, source.spec, function)

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
        """The blocks: a tiny one for few rows, large ones while there are rows enough, else small ones."""
        rows, start = len(source), 0
        if self.small == 1:
            yield from (Span(row, row + 1, 1) for row in range(rows))
            return
        for size in TINY if self.is_near else ():
            if rows <= size and self._agrees(source.spec, function, size):
                yield Span(0, rows, size)
                return
        if rows > FEW and self.large > self.small and self._agrees(source.spec, function, self.large):
            start = rows - rows % self.large
            yield from (Span(begin, begin + self.large, self.large) for begin in range(0, start, self.large))
            if rows - start > FEW:
                yield Span(start, rows, self.large)
                return
        step = self.small if rows == 1 or self._agrees(source.spec, function, self.small) else 1
        for begin in range(start, rows, step):
            yield Span(begin, min(begin + step, rows), self.small)

    def _block(self, x: Tensor, size: int, spec: Spec, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of the rows of x inside a block of `size`."""
        rows = x.shape[0]
        if rows < size:
            x = torch.cat([x, x.new_zeros(size - rows, *x.shape[1:])])
        x = x.to(self.device)
        observed = None if spec.is_plain else ~torch.isnan(x)
        return function(Batch(x, observed))[:rows].cpu()

    def _agrees(self, spec: Spec, function: Callable[[Batch], Tensor], size: int) -> bool:
        """Whether rows made up once get from a block of `size`, wherever they stand, the bits of the small block."""
        if not self.exact:
            return True
        key = (function, size)
        if key not in self.agree:
            rows = torch.rand(SMALL, *spec.shape, generator=torch.Generator().manual_seed(0))
            block = torch.cat([rows, rows.new_zeros(self.small - SMALL, *spec.shape)])
            expected = self._seen(block, spec, function)
            placings = _scattered(rows, size) if size < SMALL else _turned(rows, size)
            self.agree[key] = all(
                _equal(self._seen(block, spec, function), places, expected, those) for block, places, those in placings
            )
        return self.agree[key]

    def _seen(self, block: Tensor, spec: Spec, function: Callable[[Batch], Tensor]) -> list[Tensor]:
        """What each part of the network answers for a whole block, row by row, and what the function makes of it.

        A cost may hide in its own rounding that the answers it was made of differ: so they are looked at as well.
        """
        answers: list[Tensor] = []

        def note(part: nn.Module, given: Any, answer: Any) -> None:
            if isinstance(answer, Tensor) and answer.shape[:1] == block.shape[:1]:
                answers.append(answer.clone())

        hooks = [part.register_forward_hook(note) for part in self.network.modules()]
        try:
            answers.append(self._block(block, len(block), spec, function))
        finally:
            for hook in hooks:
                hook.remove()
        return answers


def _equal(answers: list[Tensor], places: Any, expected: list[Tensor], those: Any) -> bool:
    """Whether all answers at these places are those expected for those rows, bit for bit."""
    pairs = zip(answers, expected, strict=False)
    return len(answers) == len(expected) and all(torch.equal(a[places], b[those]) for a, b in pairs)


Placing: TypeAlias = tuple[Tensor, Any, Any]  # a block, the places in it that are looked at, and which rows stand there


def _scattered(rows: Tensor, size: int) -> Iterator[Placing]:
    """Some of the rows in blocks smaller than they are many."""
    for start in range(0, TRIED, size):
        yield rows[start : start + size], slice(None), slice(start, start + size)


def _turned(rows: Tensor, size: int) -> Iterator[Placing]:
    """The rows in one block beside zeros: at its end, and turned from there by one place and by many."""
    end = torch.arange(size - len(rows), size)
    padded = torch.cat([rows.new_zeros(size - len(rows), *rows.shape[1:]), rows])
    for by in (0, 1, len(rows)):
        yield padded.roll(by, 0), (end + by) % size, slice(len(rows))
