"""Arrays in files: NPY and NPZ, without ever unpickling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import narwhals as nw
import numpy as np
import scipy.sparse

from isthmus.data.reading import reading
from isthmus.errors import DataFileError, InputError, UnknownNameError

SPARSE = {"data", "indices", "indptr", "shape", "format"}
"""The arrays of a sparse matrix as scipy.sparse.save_npz writes it."""


def read_npy(path: Path, *, mapped: bool = False) -> Any:
    """The array of an NPY file; mapped, it stays on the disk and is read where it is touched.

    Raises:
        DataFileError: the file is cut short or holds Python objects, which only unpickling would give.
    """
    with reading(path, "NPY"), _unpickled(path):
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)


def read_npz(path: Path, key: str | None = None) -> Any:
    """One array of an NPZ file: the one called `key`, else X, else the only one; or the sparse matrix it holds.

    Raises:
        DataFileError: there are several and none is called X, or the file is cut short or holds Python objects.
        UnknownNameError: there is none called `key`.
    """
    with reading(path, "NPZ"), _unpickled(path), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if SPARSE <= set(arrays.files) and key is None:
            return scipy.sparse.load_npz(path)
        return arrays[_chosen(path, arrays.files, key)]


def _chosen(path: Path, names: list[str], key: str | None) -> str:
    """The name of the array that is meant."""
    if key is not None and key not in names:
        raise UnknownNameError.among("key", key, names)
    wanted = key or ("X" if "X" in names else names[0] if len(names) == 1 else None)
    if wanted is None:
        raise DataFileError(
            f"{path} with the arrays {', '.join(map(repr, names)) or 'of no name'}",
            "the data is the array called 'X', or the only one",
            f"name one: isthmus.data.read({path.name!r}, key={names[0] if names else 'X'!r})",
        )
    return wanted


@contextmanager
def _unpickled(path: Path) -> Iterator[None]:
    """Around the reading of an array: say in our words why one of Python objects is refused."""
    try:
        yield
    except ValueError as refused:
        if not any(words in str(refused) for words in ("allow_pickle", "Python objects")):
            raise
        allowed = "pickles are never read, for they can run any code"
        fix = "save numbers, booleans or text: np.save(path, array.astype(float))"
        raise DataFileError(f"{path} holds Python objects", allowed, fix) from refused


def to_array(rows: Any) -> Any:
    """Rows as one array: a frame's columns of numbers side by side.

    Raises:
        InputError: a column of the frame is no number.
    """
    frame = nw.from_native(rows, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return _storable(np.asarray(rows))
    odd = [name for name, dtype in frame.schema.items() if not (dtype.is_numeric() or dtype == nw.Boolean)]
    if odd:
        came = f"column {odd[0]!r} of type {frame.schema[odd[0]]}"
        raise InputError(came, "an array of numbers has no place for it", "write .parquet, .arrow, .csv or .jsonl")
    return frame.to_numpy()


def _storable(array: Any) -> Any:
    """The array, if it can be written without pickling; one of Python objects is, if all are text."""
    array = np.asarray(array)
    if array.dtype == object and all(isinstance(cell, str) for cell in array.flat):
        return array.astype(str)
    if array.dtype == object:
        came = f"an array of Python objects, the first {type(next(array.flat, None)).__name__}"
        raise InputError(came, "only numbers, booleans and text are written", "convert it: array.astype(float)")
    return array


def write_npy(file: BinaryIO, rows: Any) -> None:
    """Rows as NPY."""
    np.save(file, to_array(rows), allow_pickle=False)


def write_npz(file: BinaryIO, rows: Any) -> None:
    """Rows as NPZ: each array of {name: array} by its name, a sparse matrix in SciPy's form, else one called X."""
    if scipy.sparse.issparse(rows):
        scipy.sparse.save_npz(file, rows)
    else:
        arrays = rows if isinstance(rows, Mapping) else {"X": to_array(rows)}
        np.savez(file, allow_pickle=False, **{name: _storable(array) for name, array in arrays.items()})
