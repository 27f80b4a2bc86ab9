"""Scoring in fixed zero-padded blocks, so that a row's result does not depend on its neighbours, bit for bit.

Matrix products choose their kernels by the number of rows, and other kernels round otherwise. So every row goes
through a block of one of two fixed sizes, filled up with zeros; a probe checks once that both sizes give the same
bits on this machine, and where they don't only the small one is used.
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
BLOCK_NUMBERS = 2**18  # numbers in a large block: wider rows come in smaller ones, so that they stay near the cache


class Blocks:
    """Applies functions of a batch to all rows of a source.

    Args:
        network: In evaluation mode from now on.
        width: Numbers in a row of its data.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        self.network = network.eval()
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
        if rows > SMALL and self.large > SMALL and self._sizes_agree(source.spec, function):
            start = rows - rows % self.large
            yield from ((begin, begin + self.large) for begin in range(0, start, self.large))
            if rows - start > 4 * SMALL:
                yield start, rows
                return
        for begin in range(start, rows, SMALL):
            yield begin, min(begin + SMALL, rows)

    def _block(self, x: Tensor, size: int, spec: Spec, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of the rows of x inside a block of `size`."""
        rows = len(x)
        if rows < size:
            x = torch.cat([x, x.new_zeros(size - rows, *x.shape[1:])])
        x = x.to(self.device)
        observed = None if spec.is_plain else ~torch.isnan(x)
        with threads_for(2.0 * size * self.weights / 4):
            return function(Batch(x, observed))[:rows].cpu()

    def _sizes_agree(self, spec: Spec, function: Callable[[Batch], Tensor]) -> bool:
        """Whether both sizes give the same bits for rows made up once, wherever in the large block they stand."""
        if function not in self.agree:
            made_up = torch.rand(SMALL, *spec.shape, generator=torch.Generator().manual_seed(0))
            shifted = torch.cat([torch.zeros(self.large - SMALL, *spec.shape), made_up])
            small = self._block(made_up, SMALL, spec, function)
            early = self._block(made_up, self.large, spec, function)
            late = self._block(shifted, self.large, spec, function)[-SMALL:]
            self.agree[function] = torch.equal(small, early) and torch.equal(small, late)
        return self.agree[function]
