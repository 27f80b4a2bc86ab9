"""Scoring in fixed zero-padded blocks, so that a row's result does not depend on its neighbours, bit for bit.

Matrix products choose their kernels by the number of rows, and other kernels round otherwise. So every row goes
through a block of one of two fixed sizes, filled up with zeros; a probe checks once that both sizes give the same
bits on this machine, wherever a row stands. Where they don't only the small one is used, and where even a row's place
in that one matters each row gets a block of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.core.spec import Spec
from isthmus.training.devices import threads_for

SMALL, LARGE = 64, 4096
FEW = 4 * SMALL  # rows up to which small blocks do, the filling of a large one being dearer
BLOCK_NUMBERS = 2**18  # numbers in a large block: wider rows come in smaller ones, so that they stay near the cache


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
        self.weights = sum(p.numel() for p in network.parameters())
        self.large = max(SMALL, min(LARGE, 2 ** (BLOCK_NUMBERS // max(width, 1)).bit_length() // 2))
        self.agree: dict[object, bool] = {}

    def run(self, source: Source, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of every row, (n, ...), on the CPU.

        Args:
            source: The rows.
            function: A bound method or function of a batch; the same object for the same quantity, since the probe's
                outcome is kept with it.
        """
        results: Tensor | None = None
        with torch.inference_mode():
            for start, stop in self._spans(source, function):
                size = SMALL if stop - start <= SMALL else self.large
                part = self._block(source.block(start, stop), size, source.spec, function)
                if results is None:
                    results = part.new_empty(len(source), *part.shape[1:])
                results[start:stop] = part
        return torch.empty(0) if results is None else results

    def _spans(self, source: Source, function: Callable[[Batch], Tensor]) -> Iterator[tuple[int, int]]:
        """Where each block starts and stops: large ones while there are rows enough, then small ones."""
        rows, start = len(source), 0
        if rows > FEW and self.large > SMALL and self._agrees(source.spec, function, self.large):
            start = rows - rows % self.large
            yield from ((begin, begin + self.large) for begin in range(0, start, self.large))
            if rows - start > FEW:
                yield start, rows
                return
        step = SMALL if rows == 1 or self._agrees(source.spec, function, SMALL) else 1
        for begin in range(start, rows, step):
            yield begin, min(begin + step, rows)

    def _block(self, x: Tensor, size: int, spec: Spec, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of the rows of x inside a block of `size`."""
        rows = len(x)
        if rows < size:
            x = torch.cat([x, x.new_zeros(size - rows, *x.shape[1:])])
        x = x.to(self.device)
        observed = None if spec.is_plain else ~torch.isnan(x)
        with threads_for(2.0 * size * self.weights / 4):
            return function(Batch(x, observed))[:rows].cpu()

    def _agrees(self, spec: Spec, function: Callable[[Batch], Tensor], size: int) -> bool:
        """Whether rows made up once get from a block of `size`, wherever they stand, the bits of the small block."""
        if not self.exact:
            return True
        key = (function, size)
        if key not in self.agree:
            rows = torch.rand(SMALL, *spec.shape, generator=torch.Generator().manual_seed(0))
            expected = self._block(rows, SMALL, spec, function)
            padded = torch.cat([rows.new_zeros(size - SMALL, *spec.shape), rows])
            turned = (self._block(padded.roll(by, 0), size, spec, function).roll(-by, 0) for by in (0, 1, SMALL))
            self.agree[key] = all(torch.equal(expected, part[-SMALL:]) for part in turned)
        return self.agree[key]
