"""From a path to rows: streamed from their files, or read where they fit into memory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import Tagged
from isthmus.data.files import read
from isthmus.data.folders import members
from isthmus.data.formats import check_content, check_there, format_of
from isthmus.data.pieces import ArrayPieces, ArrowPieces, CSVPieces, ParquetPieces, Pieces
from isthmus.data.streams import Stream
from isthmus.errors import DataFileError

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
