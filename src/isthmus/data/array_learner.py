"""Learns what a stack of images, series or volumes is, chunk by chunk: shape, layout, scaling."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.core.spec import Spec
from isthmus.data.arrays import Tagged, channels_first, check_samples, tagged
from isthmus.data.scaling import CHUNK_CELLS, Moments, floored
from isthmus.errors import TooFewRowsError, UnknownNameError

SCALINGS = ("unit", "symmetric", "standard", "none")


class ArrayLearner:
    """Learns what a stack of images, series or volumes is, chunk by chunk.

    Args:
        scaling: "unit" maps to [0, 1]: uint8 by 255, floats that lie there already not at all, others by the least and
            greatest value seen; "symmetric" maps to [-1, 1] likewise; "standard" to mean 0 and deviation 1 over all
            cells; "none" keeps the values.

    Example:
        >>> spec = ArrayLearner().update(np.full((2, 8, 8), 51, dtype="uint8")).finish()
        >>> spec.shape, spec.factor, spec.value_range
        ((1, 8, 8), 255.0, (0.2, 0.2))
    """

    def __init__(self, scaling: str = "unit") -> None:
        if scaling not in SCALINGS:
            raise UnknownNameError.among("scaling", scaling, SCALINGS)
        self.scaling = scaling
        self.moments = Moments(1)
        self.rows = 0
        self.first: Tagged | None = None

    def update(self, chunk: Any) -> ArrayLearner:
        """Take in samples, (n, ...), an array or a tagged one; all chunks have samples of the same shape.

        Returns:
            Itself, for the next call.

        Raises:
            InputError: a cell is infinite, or the samples have another shape than before.
            MissingValueError: a cell is NaN.
        """
        samples = tagged(chunk)
        self.first = self.first or samples
        check_samples(samples, self.first.shape[1:], str(self.first.dtype), self.rows)
        self.rows += len(samples)
        cells = samples.array.reshape(-1, 1)
        if self.scaling == "standard":
            for start in range(0, len(cells), CHUNK_CELLS):
                self.moments.update(cells[start : start + CHUNK_CELLS].astype(np.float64))
        elif len(cells):
            self.moments.update(np.array([[cells.min()], [cells.max()]], dtype=np.float64))
        return self

    def finish(self) -> Spec:
        """What was learnt.

        Raises:
            TooFewRowsError: fewer than two samples came.
        """
        if self.first is None or self.rows < 2:
            allowed = f"Found array with {self.rows} sample(s) while a minimum of 2 is required"
            raise TooFewRowsError(f"X with n_samples={self.rows}", allowed, "give it more samples")
        dtype, layout = str(self.first.dtype), self.first.layout
        offset, factor = self._scaling(dtype)
        low, high = ((float(end[0]) - offset) / factor for end in (self.moments.low, self.moments.high))
        shape = channels_first(np.empty((0, *self.first.shape[1:])), layout).shape[1:]
        return Spec(
            self.first.kind,
            tuple(shape),
            dtype=dtype,
            offset=offset,
            factor=factor,
            value_range=(low, high),
            layout=layout,
        )

    def _scaling(self, dtype: str) -> tuple[float, float]:
        """Offset and factor: x = (value - offset) / factor."""
        low, high = float(self.moments.low[0]), float(self.moments.high[0])
        if self.scaling == "none":
            return 0.0, 1.0
        if self.scaling == "standard":
            return float(self.moments.mean[0]), self._floored(float(self.moments.deviation[0]), dtype)
        if dtype == "uint8":
            low, high = 0.0, 255.0
        elif low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        span = self._floored(high - low, dtype)
        return (low, span) if self.scaling == "unit" else (low + span / 2, span / 2)

    def _floored(self, spread: float, dtype: str) -> float:
        """The spread, or what stands for it where all cells are alike."""
        return float(floored(np.array([spread]), self.moments.magnitude, [dtype])[0])


def learn_array(X: Any, scaling: str = "unit") -> Spec:
    """What a whole stack of images, series or volumes is.

    Args:
        X: (n, h, w), (n, h, w, c), (n, t, c) or (n, d, h, w, c), bare or tagged.
        scaling: See `ArrayLearner`.

    Example:
        >>> spec = learn_array(np.zeros((4, 10, 3)))
        >>> spec.kind, spec.shape, spec.layout
        ('series', (3, 10), 'tc')
    """
    return ArrayLearner(scaling).update(X).finish()
