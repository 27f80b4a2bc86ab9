"""Windows of a stretch as views of it, and what their scores say of its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.arrays import Series
from isthmus.errors import TooFewRowsError
from isthmus.tasks.anomaly.beyond import in_numbers
from isthmus.tasks.anomaly.series.sheets import Floats, Ints

BLOCK_CELLS = 2**21  # cells of the windows that are scored at once: 8 MB
TRAINING_CELLS = 2**25  # cells of the windows that are learnt from at most: 128 MB


@dataclass(frozen=True)
class Windows:
    """How a stretch is looked at.

    Args:
        length: w, points in a window.
        stride: From one window's start to the next one's.
        smooth: Points of the rolling mean.

    Example:
        >>> windows = Windows(length=3, stride=2, smooth=1)
        >>> windows.starts(6)
        array([0, 2, 3])
        >>> windows.points(np.array([1.0, 5.0, 9.0]), 6)
        array([1., 1., 3., 7., 7., 9.])
    """

    length: int
    stride: int
    smooth: int

    @property
    def span(self) -> int:
        """Points of the series that one served score depends on: scores that far apart share none."""
        return 2 * self.length + self.smooth - 2

    def starts(self, t: int) -> Ints:
        """Where the windows of a stretch of t points begin, the last one at its end; none where it is too short."""
        if t < self.length:
            return np.empty(0, dtype=np.intp)
        last = t - self.length
        return np.unique(np.append(np.arange(0, last, self.stride), last))

    def view(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """All windows of x, (t, c), without a copy: (t - w + 1, w, c)."""
        return np.lib.stride_tricks.sliding_window_view(x, self.length, axis=0).transpose(0, 2, 1)

    def blocks(self, x: NDArray[np.float32]) -> Iterator[Series]:
        """The windows in turn, a few megabytes of them at a time."""
        view, starts = self.view(x), self.starts(len(x))
        step = max(1, BLOCK_CELLS // (self.length * x.shape[1]))
        yield from (Series(view[starts[begin : begin + step]]) for begin in range(0, len(starts), step))

    def to_learn(self, stretches: list[NDArray[np.float32]]) -> Series:
        """Windows of all stretches, copied: all of them, or every k-th where they would take more than 128 MB."""
        starts = [self.starts(len(x)) for x in stretches]
        channels = stretches[0].shape[1]
        every = -(-sum(map(len, starts)) * self.length * channels // TRAINING_CELLS)
        chosen = [self.view(x)[some[::every]] for x, some in zip(stretches, starts, strict=True) if len(some)]
        return Series(np.concatenate(chosen or [np.empty((0, self.length, channels), np.float32)]))

    def served(self, score: Callable[[Any], Floats], x: NDArray[np.float32]) -> Floats:
        """The scores that are judged, (t,): NaN in a stretch that is too short for a window, and nowhere else."""
        if len(x) < self.length:
            return np.full(len(x), np.nan)
        scores = np.concatenate([score(block) for block in self.blocks(x)])
        return in_numbers(rolling_mean(self.points(scores, len(x)), self.smooth))

    def points(self, scores: Floats, t: int) -> Floats:
        """The mean score of the windows that hold each point, (t,).

        Sums run over the windows in their order, so they are the same bits wherever in a stretch they stand.
        """
        starts = self.starts(t)
        total, held = np.zeros(t), np.zeros(t)
        for place in reversed(range(self.length)):
            total[starts + place] += scores
            held[starts + place] += 1
        return total / held


def rolling_mean(scores: Floats, length: int) -> Floats:
    """Mean of each score and those just before it, `length` in all; of fewer at the start.

    Example:
        >>> rolling_mean(np.array([2.0, 4.0, 6.0]), 2)
        array([2., 3., 5.])
    """
    total = np.zeros(len(scores))
    for lag in range(min(length, len(scores))):
        total[lag:] += scores[: len(scores) - lag]
    return total / np.minimum(np.arange(1, len(scores) + 1), length)


def check_windows(found: int, least: int, what: str, windows: Windows) -> None:
    """Refuse a series without enough windows.

    Args:
        found: How many it has.
        least: How many are needed.
        what: What for, in words.
        windows: How a stretch is looked at.

    Raises:
        TooFewRowsError: it has fewer.
    """
    if found < least:
        allowed = f"it holds {found} windows of {windows.length} rows without a gap, and {least} are needed"
        raise TooFewRowsError(f"a series for {what}", allowed, "use a shorter window, or give more rows")
