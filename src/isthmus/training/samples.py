"""A few training rows that a callback keeps to look at, and the picture of what a model makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import narwhals.selectors as ncs
import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

FEW = 12  # rows in a picture
CELL = 8  # pixels of a number that is no pixel
SPRITE = 8192  # pixels along the largest picture that browsers take as one texture

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """Rows to look at.

    Args:
        rows: In the container they came in, (n, ...).
        labels: What each is called, (n,), or None.
        are_images: Whether they are.
    """

    rows: Any
    labels: list[str] | None
    are_images: bool

    @classmethod
    def of(cls, X: Any, y: Any, count: int, kind: str) -> Samples | None:
        """An even sample of the rows, the same at every call; None of rows that are not in memory.

        Args:
            X: What a model is fitted on.
            y: One label for each row, or None.
            count: The most rows to keep; 0 keeps none.
            kind: What a row is: "table", "image", "series" or "volume".
        """
        rows = getattr(X, "array", X)
        if count == 0 or len(getattr(rows, "shape", ())) < 2:
            return None
        n = int(rows.shape[0])
        chosen = np.sort(np.random.default_rng(0).choice(n, min(n, count), replace=False))
        labels = None if y is None or len(y) != n else [str(label) for label in taken(y, chosen)]
        return cls(taken(rows, chosen), labels, kind == "image")

    @property
    def few(self) -> Any:
        """As many as a picture shows, evenly from first to last: rows often come sorted by class."""
        n = int(self.rows.shape[0])
        return taken(self.rows, np.unique(np.linspace(0, n - 1, FEW).astype(np.int64)))

    def thumbnails(self) -> Tensor | None:
        """Images as (n, C, h, w) in [0, 1]; None where rows are none, or too large for one sprite."""
        if not self.are_images:
            return None
        images = _with_channels(numbers(self.rows))
        across = int(np.ceil(np.sqrt(len(images)))) * max(images.shape[1:3])
        if across > SPRITE or images.shape[3] not in (1, 3):
            return None
        low, high = float(np.nanmin(images)), float(np.nanmax(images))
        shown = np.moveaxis((images - low) / ((high - low) or 1.0), -1, 1)
        return torch.from_numpy(np.ascontiguousarray(shown, dtype=np.float32))

    def picture(self, rebuilt: Any) -> NDArray[np.float32]:
        """Originals, reconstructions and residuals below each other, (H, W, 1 or 3) in [0, 1].

        Images stand side by side; of any other kind each row is a line of cells, each column scaled to its own range.
        A residual of nothing is grey.

        Args:
            rebuilt: What came out for `few`.
        """
        original, answer = numbers(self.few), numbers(rebuilt)
        ends = (original.min(), original.max()) if self.are_images else (original.min(0), original.max(0))
        span = np.where(ends[1] > ends[0], ends[1] - ends[0], 1.0)
        three = ((original - ends[0]) / span, (answer - ends[0]) / span, 0.5 + (answer - original) / span / 2)
        picture = np.concatenate([self._laid(part) for part in three])
        shown: NDArray[np.float32] = np.nan_to_num(picture, nan=0.5).clip(0, 1).astype(np.float32)
        return shown

    def _laid(self, part: Floats) -> Floats:
        """One third of the picture, (h, W, C)."""
        if self.are_images:
            images = _with_channels(part)  # (n, h, w, C)
            colours = images if images.shape[3] == 3 else images.mean(3, keepdims=True)
            return np.concatenate(list(colours), axis=1, dtype=np.float64)
        cells = part.reshape(len(part), -1)  # (n, D)
        return cells.repeat(CELL, 0).repeat(CELL, 1)[:, :, None]


def taken(rows: Any, chosen: NDArray[np.int64]) -> Any:
    """Rows by position, in the container they came in."""
    from sklearn.utils import _safe_indexing

    return _safe_indexing(rows, chosen)


def numbers(rows: Any) -> Floats:
    """Rows as float64, (n, ...): of a frame the columns that are numbers."""
    if scipy.sparse.issparse(rows):
        return np.asarray(rows.toarray(), dtype=np.float64)
    frame = nw.from_native(rows, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        rows = frame.select(ncs.numeric()).to_numpy()
    return np.asarray(rows, dtype=np.float64)


def _with_channels(images: Floats) -> Floats:
    """(n, h, w) -> (n, h, w, 1); (n, h, w, c) as it is."""
    return images if images.ndim == 4 else images[..., None]
