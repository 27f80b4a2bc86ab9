"""Whatever the caller gave, as one of five: frame, array of numbers, sparse matrix, tagged array, stream."""

from __future__ import annotations

import numbers
import os
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray

from isthmus.data import headings
from isthmus.data.arrays import Tagged
from isthmus.data.scanning import MEMORY_BYTES, in_blocks, is_read_in_blocks, read_or_scan, scan
from isthmus.data.streams import Stream
from isthmus.errors import InputError, InputTypeError

READS = (
    "it is read from arrays, frames of pandas, polars or Arrow, sparse matrices, lists of rows, and paths of data files"
)
FRAME = "make it a frame, whose columns have types of their own: pandas.DataFrame(X)"


def opened(X: Any) -> Any:
    """X as a narwhals frame, a NumPy array of numbers, a CSR matrix, a `Tagged` array, or a `Stream` from files.

    Lists, tensors, masked arrays and whatever has `__array__` become arrays; nothing else is copied.

    Raises:
        InputTypeError: text, dates or objects in an array, or no array at all.
        InputError: rows of different lengths, complex numbers, or a single column of a frame.
    """
    X = _fetched(X)
    if isinstance(X, Stream):
        return X
    if isinstance(X, Tagged):
        return type(X)(_numbers(X.array))
    if scipy.sparse.issparse(X):
        _refuse_types(X)
        return headings.opened(X)
    rows = X if type(X) is np.ndarray else headings.opened(X)  # which asks every library in turn
    if isinstance(rows, nw.DataFrame):
        return rows
    if hasattr(X, "to_frame"):
        allowed = "Expected 2D, rows of several columns: a single column says not whether it is a row or a feature"
        raise InputError(f"X, a {type(X).__name__}", allowed, "Reshape your data: X.to_frame() makes it one feature")
    return array_of(X)


def _fetched(X: Any) -> Any:
    """What a path holds, and a stream of what would not fit in memory; anything else as it is."""
    if isinstance(X, str | os.PathLike):
        return read_or_scan(X)
    if is_read_in_blocks(X):
        return in_blocks(X)
    rows = X.array if isinstance(X, Tagged) else X
    return scan(X) if isinstance(rows, np.memmap) and 4 * rows.size > MEMORY_BYTES else X


def array_of(X: Any, name: str = "X") -> NDArray[Any]:
    """Anything like an array as an array of numbers: lists, tensors, masked arrays, series.

    Args:
        X: What came.
        name: Its name, for messages.

    Raises:
        InputTypeError: text, dates or objects in an array, or no array at all.
        InputError: rows of different lengths, or complex numbers.

    Example:
        >>> array_of([[1, None], [2, 3]])
        array([[ 1., nan],
               [ 2.,  3.]])
    """
    return _numbers(_array(X, name), name)


def _array(X: Any, name: str) -> NDArray[Any]:
    """Anything like an array as one, of whatever type."""
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu()
        return np.asarray(X.float() if X.dtype == torch.bfloat16 else X)
    if isinstance(X, np.ma.MaskedArray):
        return np.asarray(np.ma.filled(X.astype(np.float64), np.nan))
    if X is None or isinstance(X, str | bytes | dict | set) or not (hasattr(X, "__len__") or hasattr(X, "__array__")):
        fix = FRAME if isinstance(X, dict) else "pass a NumPy array"
        raise InputTypeError(f"{name}={X!r:.60} ({type(X).__name__})", READS, fix)
    try:
        return np.asarray(X)
    except ValueError as told:
        widths = sorted({len(row) for row in X if hasattr(row, "__len__")})
        came = f"{name}, a {type(X).__name__} of rows with {widths} entries"
        raise InputError(came, f"all rows have the same length ({told})", "pad or cut the rows to one length") from told


def _numbers(array: NDArray[Any], name: str = "X") -> NDArray[Any]:
    """An array of real numbers or booleans; objects that are all numbers become float64."""
    if array.dtype == object:
        return _from_objects(array, name)
    _refuse_types(array, name)
    return array


def _refuse_types(array: Any, name: str = "X") -> None:
    """Refuse types of array that hold no real numbers."""
    kind, came = array.dtype.kind, f"{name} of type {array.dtype}"
    if kind == "c":
        allowed = "Complex data not supported: likelihoods price real numbers"
        raise InputError(came, allowed, "stack the parts: np.hstack([X.real, X.imag])")
    if kind not in "fiub":
        raise InputTypeError(came, "an array holds real numbers or booleans, all of one type", FRAME)


def _from_objects(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    """An object array of numbers (None and NaN are missing) as float64.

    Raises:
        InputTypeError: some cell is no number; the message says which.
    """
    flat = array.ravel()
    for i, cell in enumerate(flat):
        if cell is not None and not isinstance(cell, numbers.Real | np.bool_):
            place = tuple(int(axis) for axis in np.unravel_index(i, array.shape))
            where = f" in column 'x{place[1]}'" if len(place) > 1 else ""
            came = f"{name}[{', '.join(map(str, place))}]={cell!r:.60} ({type(cell).__name__}){where}"
            allowed = "an object array may hold numbers only: float() argument must be a string or a real number"
            raise InputTypeError(came, allowed, FRAME)
    return array.astype(np.float64)
