"""From a path to rows: streamed from their files, or read where they fit into memory."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.data.arrays import Tagged
from isthmus.data.files import read
from isthmus.data.folders import members
from isthmus.data.formats import check_content, check_there, format_of
from isthmus.data.pieces import ArrayPieces, ArrowPieces, CSVPieces, ParquetPieces, Pieces
from isthmus.data.streams import Stream
from isthmus.errors import DataFileError, InputError

MEMORY_BYTES = 1 << 30
STREAMED: dict[str, Callable[[Sequence[Path]], Pieces]] = {
    "CSV": CSVPieces,
    "Parquet": ParquetPieces,
    "Arrow": ArrowPieces,
    "NPY": ArrayPieces.of_files,
}
"""The formats that are read in pieces."""


def scan(data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | np.memmap[Any, Any] | Tagged) -> Stream:
    """Rows that stay where they are: in Parquet, Arrow, CSV or NPY files, or in a memory map.

    Args:
        data: A file, a folder of files of one kind, a list of files, or a mapped array (tagged, if it is images that
            its axes and type do not show).

    Raises:
        DataFileError: a file is missing or cannot be read, or is of a kind that is read as a whole.

    Example:
        >>> import tempfile
        >>> from isthmus.data.files import write
        >>> rows = scan(write(Path(tempfile.mkdtemp()) / "rows.npy", np.arange(12.0).reshape(6, 2)))
        >>> len(rows), rows.learn().block(0, 2)
        (6, tensor([[-1.4639, -1.4639],
                [-0.8783, -0.8783]]))
    """
    if isinstance(data, Tagged):
        return Stream(ArrayPieces([data.array], type(data)))
    if isinstance(data, np.ndarray):
        return Stream(ArrayPieces([data]))
    paths = [Path(data)] if isinstance(data, str | os.PathLike) else list(map(Path, data))
    for path in paths:
        check_there(path)
    if len(paths) == 1 and paths[0].is_dir():
        paths = list(members(paths[0]).paths)
    for path in paths:
        check_content(path, format_of(path))
    stream = Stream(_pieces(paths))
    if not len(stream):
        raise DataFileError(f"{paths[0]} with names only", "a data file holds at least one row", "check the selection")
    return stream


def is_read_in_blocks(X: Any) -> bool:
    """Whether X says its shape and type and hands out rows by slices, but is no array itself.

    Example:
        >>> is_read_in_blocks(np.zeros((3, 2))), is_read_in_blocks(range(3))
        (False, False)
    """
    has = all(hasattr(X, name) for name in ("shape", "dtype", "__len__", "__getitem__"))
    others = ("columns", "to_frame", "tocsr", "numpy")  # of frames, series, sparse matrices and tensors
    is_known = isinstance(X, np.ndarray | Tagged) or any(hasattr(X, name) for name in others)
    return has and isinstance(X.shape, tuple) and not is_known


def in_blocks(X: Any, memory_bytes: int = MEMORY_BYTES) -> Any:
    """The rows of an X that is read in blocks: all of them, or a stream where they would take too much memory.

    Args:
        X: Has `shape`, `dtype`, a length, and rows by slices.
        memory_bytes: The most that the rows may take as float32.
    """
    if 4 * math.prod(X.shape) > memory_bytes:
        return Stream(ArrayPieces([X]))
    return np.asarray(X[0 : len(X)])


def gathered(arrays: Iterable[Any], memory_bytes: int = MEMORY_BYTES) -> npt.NDArray[Any]:
    """The rows of arrays that come one after the other, since training needs them more than once.

    Args:
        arrays: Each (rows, ...).
        memory_bytes: The most that they may take in memory; more goes to a file that ends with the process.

    Raises:
        InputError: nothing came, or arrays of different shapes.

    Example:
        >>> gathered(iter([np.zeros((2, 3)), np.ones((1, 3))])).shape
        (3, 3)
    """
    held, file, first = list[npt.NDArray[Any]](), None, None
    for array in map(np.asarray, arrays):
        first = array[:0] if first is None else first
        if array.shape[1:] != first.shape[1:]:
            came = f"an array of shape {array.shape} after one with rows of shape {first.shape[1:]}"
            raise InputError(came, "all arrays have rows of the same shape", "make them alike")
        held.append(array.astype(first.dtype, copy=False))
        if sum(part.nbytes for part in held) > memory_bytes:
            file = file or tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the map of it
            file.write(np.concatenate(held).tobytes())
            held = []
    if first is None:
        raise InputError("an iterator without arrays", "training needs rows", "check what the iterator yields")
    if file is None:
        return np.concatenate(held)
    file.write(np.concatenate([first, *held]).tobytes())
    file.flush()
    mapped = np.memmap(file, dtype=first.dtype, mode="r")
    return mapped.reshape(-1, *first.shape[1:])


def scan_pieces(path: Path) -> Stream | None:
    """The rows of a Parquet or Arrow file, of which there may be none, with its columns; None of any other path."""
    if path.is_dir() or not path.exists() or format_of(path).name not in ("Parquet", "Arrow"):
        return None
    check_content(path, format_of(path))
    return Stream(_pieces([path]))


def _pieces(paths: Sequence[Path]) -> Pieces:
    """The rows of these files in pieces."""
    names = [format_of(path).name for path in paths]
    for path, name in zip(paths, names, strict=True):
        if name not in STREAMED or name != names[0]:
            allowed = f"what streams is {', '.join(STREAMED)}, and files of one kind"
            raise DataFileError(f"{path}, a file of {name}", allowed, "read it whole: isthmus.data.read(path)")
    return STREAMED[names[0]](paths)


def read_or_scan(path: str | os.PathLike[str], memory_bytes: int = MEMORY_BYTES) -> Any:
    """What a file or folder holds, or a stream of it where its rows would take more memory than they may.

    Args:
        path: See `files.read`.
        memory_bytes: The most that the rows may take as float32.

    Returns:
        A table or array, or a `Stream`.

    Raises:
        DataFileError: a file is missing or cannot be read.
    """
    path = Path(path)
    check_there(path)
    paths = members(path).paths if path.is_dir() else (path,)
    names = {format_of(one).name for one in paths}
    # A cell of CSV takes two bytes or more, so a small file need not be counted before it is read.
    is_small = names == {"CSV"} and 2 * sum(one.stat().st_size for one in paths) <= memory_bytes
    if names <= STREAMED.keys() and not is_small:
        stream = scan(path)
        if 4 * math.prod(stream.shape) > memory_bytes:
            return stream
    return read(path)
