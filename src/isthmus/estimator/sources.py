"""Rows that come in several arrays side by side: the same rows as several places of a network have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import InputError

Widths: TypeAlias = list[tuple[int, float]]
"""The columns of each array, and what its numbers are divided by."""

STRETCHES, LENGTH = 64, 64  # of rows all over an array that its scale is read off


class Beside:
    """Arrays side by side, each divided by its own scale, read in blocks as one array.

    Args:
        parts: Arrays of the same rows, (n, D_i).
        scales: What each is divided by.

    Example:
        >>> both = Beside([np.ones((3, 2)), np.full((3, 1), 4.0)], [1.0, 2.0])
        >>> both.shape, both[1:2]
        ((3, 3), array([[1., 1., 2.]], dtype=float32))
    """

    dtype = np.dtype("float32")

    def __init__(self, parts: Sequence[Any], scales: Sequence[float]) -> None:
        self.parts, self.scales = parts, scales
        self.shape = (len(parts[0]), sum(int(part.shape[1]) for part in parts))

    def __len__(self) -> int:
        """n."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        """These rows of all arrays, (rows, sum of D_i)."""
        pairs = zip(self.parts, self.scales, strict=True)
        return np.concatenate([np.asarray(part[rows], np.float32) / np.float32(scale) for part, scale in pairs], axis=1)


def are_several(X: Any) -> bool:
    """Whether X is a list or tuple of tables.

    Example:
        >>> are_several([np.zeros((3, 2)), np.zeros((3, 4))]), are_several([[1, 2], [3, 4]])
        (True, False)
    """
    return isinstance(X, list | tuple) and len(X) > 1 and all(len(getattr(part, "shape", ())) == 2 for part in X)


def widths_of(parts: Sequence[Any]) -> Widths:
    """Columns and scale of each array: the root of what its rows' squared length is on average."""
    return [(int(part.shape[1]), _length(part)) for part in parts]


def side_by_side(parts: Sequence[Any], widths: Widths) -> Beside:
    """Arrays as one.

    Raises:
        InputError: another number of arrays, other columns, or different numbers of rows.
    """
    came = f"arrays of shapes {[tuple(part.shape) for part in parts]}"
    if [int(part.shape[1]) for part in parts] != [width for width, _ in widths]:
        columns = [width for width, _ in widths]
        raise InputError(came, f"training had arrays of {columns} columns", "give the same arrays in the same order")
    if len({int(part.shape[0]) for part in parts}) > 1:
        raise InputError(came, "row i of each array is the same row", "give arrays of equally many rows")
    return Beside(parts, [scale for _, scale in widths])


def apart(rows: NDArray[Any], widths: Widths) -> list[NDArray[Any]]:
    """Rows as one array, (n, sum of D_i), cut and brought back to each array's own scale."""
    ends = np.cumsum([width for width, _ in widths])[:-1]
    return [part * scale for part, (_, scale) in zip(np.split(rows, ends, axis=1), widths, strict=True)]


def _length(part: Any) -> float:
    """What an array's numbers are divided by; 1 where it is all zeros."""
    starts = np.unique(np.linspace(0, max(len(part) - LENGTH, 0), STRETCHES).astype(int))
    some = np.concatenate([np.asarray(part[start : start + LENGTH], np.float64) for start in starts.tolist()])
    return float(np.sqrt(np.square(some).sum(1).mean())) or 1.0
