"""Rows that stay on the disk, in pieces that can be read one by one in any order: what a stream is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from isthmus.data.array_files import read_npy
from isthmus.data.delimited import BLOCK_BYTES, Layout, parse_csv
from isthmus.data.extras import arrow
from isthmus.data.reading import check_alike, reading
from isthmus.data.table_files import is_index
from isthmus.errors import DataFileError

CHUNK_CELLS = 1 << 19  # decoded at once: 4 MiB of 64-bit numbers
ARRAY_BYTES = 1 << 18  # of an array in one piece: a disk's worth of one access, and small for the sake of shuffling
TEXT_BYTES = 1 << 19  # of a CSV file in one piece
FRUGAL = {"buffer_size": 1 << 16, "pre_buffer": False}  # a column is read as it is decoded, not all of it before


class Pieces(Protocol):
    """Rows in pieces of known size.

    `sizes` holds the rows of each piece, `shape` that of one row, `names` those of a table's columns (no array's).
    """

    sizes: Sequence[int]
    shape: tuple[int, ...]
    names: Sequence[str]

    def chunks(self, piece: int) -> Iterator[Any]:
        """The rows of one piece in order, as frames or arrays of a few MiB."""


class ArrayPieces:
    """Rows of arrays that may lie in files: `np.memmap`, or NPY files mapped.

    Args:
        arrays: All with rows of the same shape and type.
        tag: What says that they are images, series or volumes, where their axes do not.
    """

    def __init__(self, arrays: Sequence[npt.NDArray[Any]], tag: Callable[[Any], Any] = np.asarray) -> None:
        self.arrays, self.tag = arrays, tag
        self.names: Sequence[str] = ()
        self.shape: tuple[int, ...] = arrays[0].shape[1:]
        rows = max(1, ARRAY_BYTES // max(1, arrays[0][:1].nbytes))
        self.places = [(i, first) for i, array in enumerate(arrays) for first in range(0, len(array), rows)]
        self.sizes: Sequence[int] = [min(rows, len(arrays[i]) - first) for i, first in self.places]

    @classmethod
    def of_files(cls, paths: Sequence[Path]) -> ArrayPieces:
        """The arrays of NPY files, one below the other.

        Raises:
            DataFileError: a file cannot be read, or holds rows of another shape or type than the first.
        """
        arrays = [read_npy(path, mapped=True) for path in paths]
        forms = [(array.shape[1:], array.dtype) for array in arrays]
        check_alike(paths, forms)
        return cls(arrays)

    def chunks(self, piece: int) -> Iterator[Any]:
        """The rows of one piece, which is small enough to be one chunk."""
        number, first = self.places[piece]
        yield self.tag(self.arrays[number][first : first + self.sizes[piece]])


class ParquetPieces:
    """Row groups of Parquet files.

    Args:
        paths: The files, all with the same columns.

    Raises:
        DataFileError: a file cannot be read, or has other columns than the first.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.engine = arrow("parquet", "reading Parquet")
        self.places: list[tuple[Path, Any, int]] = []
        names = []
        for path in paths:
            with reading(path, "Parquet"):
                footer = self.engine.read_metadata(path)
                names.append([name for name in footer.schema.to_arrow_schema().names if not is_index(name)])
            self.places += [(path, footer, i) for i in range(footer.num_row_groups) if footer.row_group(i).num_rows]
        check_alike(paths, names)
        self.names: Sequence[str] = names[0]
        self.shape: tuple[int, ...] = (len(self.names),)
        self.sizes: Sequence[int] = [footer.row_group(group).num_rows for _, footer, group in self.places]

    def chunks(self, piece: int) -> Iterator[Any]:
        """One row group, decoded a few MiB at a time and never as a whole."""
        path, footer, group = self.places[piece]
        rows = max(1, CHUNK_CELLS // max(1, len(self.names)))
        table = arrow("lib", "reading Parquet").Table
        with reading(path, "Parquet"), self.engine.ParquetFile(path, metadata=footer, **FRUGAL) as file:
            for batch in file.iter_batches(rows, row_groups=[group], columns=self.names, use_threads=False):
                yield table.from_batches([batch])


class ArrowPieces:
    """Record batches of Arrow files, mapped into memory.

    Args:
        paths: The files, all with the same columns.

    Raises:
        DataFileError: a file cannot be read, or has other columns than the first.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        names, places, sizes = [], [], []
        for path in paths:
            with reading(path, "Arrow"), _arrow_file(path, [0]) as thin:  # one column is enough to count rows
                rows = [thin.get_batch(i).num_rows for i in range(thin.num_record_batches)]
            with reading(path, "Arrow"), _arrow_file(path) as file:
                names.append([name for name in file.schema.names if not is_index(name)])
            places += [(path, i) for i, size in enumerate(rows) if size]
            sizes += [size for size in rows if size]
        check_alike(paths, names)
        self.places = places
        self.names: Sequence[str] = names[0]
        self.shape: tuple[int, ...] = (len(self.names),)
        self.sizes: Sequence[int] = sizes

    def chunks(self, piece: int) -> Iterator[Any]:
        """One record batch, a few MiB at a time."""
        path, number = self.places[piece]
        rows = max(1, CHUNK_CELLS // max(1, len(self.names)))
        table = arrow("lib", "reading Arrow").Table
        with reading(path, "Arrow"), _arrow_file(path) as file:
            batch = file.get_batch(number)
            for start in range(0, batch.num_rows, rows):
                yield table.from_batches([batch.slice(start, rows)]).select(self.names)


def _arrow_file(path: Path, columns: list[int] | None = None) -> Any:
    """An Arrow file, mapped, of which these columns are read; None reads all."""
    ipc = arrow("ipc", "reading Arrow")
    mapped = arrow("lib", "reading Arrow").memory_map(str(path))
    return ipc.open_file(mapped, options=ipc.IpcReadOptions(included_fields=columns))


class Selected:
    """Some columns of the rows of a table.

    Args:
        pieces: The rows with all columns.
        names: The columns that are kept, in this order.
    """

    def __init__(self, pieces: Pieces, names: Sequence[str]) -> None:
        self.pieces, self.names = pieces, names
        self.sizes = pieces.sizes
        self.shape: tuple[int, ...] = (len(names),)

    def chunks(self, piece: int) -> Iterator[Any]:
        """The rows of one piece in order."""
        return (chunk.select(list(self.names)) for chunk in self.pieces.chunks(piece))


@dataclass(frozen=True)
class Lines:
    """Whole lines of a CSV file: where they begin, in bytes, and how many bytes they are."""

    path: Path
    start: int
    length: int


class CSVPieces:
    """Blocks of lines of CSV files, about half a MiB each.

    The files are read once to count rows and to find the type of each column that holds for all blocks.

    Args:
        paths: The files, all with the same columns.

    Raises:
        DataFileError: a file cannot be read, is packed, or has other columns than the first.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.layouts = {path: Layout.of(path) for path in paths}
        names = [layout.names for layout in self.layouts.values()]
        check_alike(paths, names)
        self.names: Sequence[str] = names[0]
        self.shape: tuple[int, ...] = (len(self.names),)
        self.types: dict[str, Any] | None = None
        self.lines: list[Lines] = []
        sizes, found = [], None
        for lines in (lines for path in paths for lines in blocks_of(path, self.layouts[path].heading)):
            table = self._parsed(lines)
            found = table.schema if found is None else wider(found, table.schema)
            if table.num_rows:
                self.lines.append(lines)
                sizes.append(table.num_rows)
        self.sizes: Sequence[int] = sizes
        self.types = dict(zip(found.names, found.types, strict=True)) if found else {}

    def _parsed(self, lines: Lines) -> Any:
        """One block as a table."""
        with reading(lines.path, "CSV"), lines.path.open("rb") as file:
            file.seek(lines.start)
            text = arrow("lib", "reading CSV").BufferReader(file.read(lines.length))
        return parse_csv(text, self.layouts[lines.path], lines.path, types=self.types)

    def chunks(self, piece: int) -> Iterator[Any]:
        """One block of lines."""
        yield self._parsed(self.lines[piece])


def blocks_of(path: Path, heading: int) -> Iterator[Lines]:
    """The lines of a CSV file below its heading, in blocks that cut no row.

    Raises:
        DataFileError: no row ends for 8 MiB, as after a quotation mark that is never closed.
    """
    with reading(path, "CSV"), path.open("rb") as file:
        for _ in range(heading):
            file.readline()
        start, rest = file.tell(), b""
        while block := file.read(TEXT_BYTES):
            rest += block
            length = whole_rows(rest)
            if length:
                yield Lines(path, start, length)
                start, rest = start + length, rest[length:]
            elif len(rest) > BLOCK_BYTES:
                came = f"{path} without the end of a row in the {len(rest):,} bytes from byte {start:,} on"
                raise DataFileError(came, "a row ends with a line, outside quotation marks", "close the quotation mark")
        if rest:
            yield Lines(path, start, len(rest))


def whole_rows(text: bytes) -> int:
    """How many bytes at the beginning of CSV text are whole rows: up to the last line end outside quotation marks.

    Example:
        >>> whole_rows(b'1,2' + bytes([10]) + b'3,"a' + bytes([10]))
        4
    """
    last = text.rfind(b"\n") + 1
    if text.count(b'"', 0, last) % 2 == 0:
        return last
    cells = np.frombuffer(text, np.uint8)
    outside = np.cumsum(cells == ord('"')) % 2 == 0
    ends = np.flatnonzero((cells == ord("\n")) & outside)
    return int(ends[-1]) + 1 if len(ends) else 0


def wider(first: Any, second: Any) -> Any:
    """The Arrow schema that holds the cells of both: text where nothing else does."""
    library = arrow("lib", "reading CSV")
    fields = []
    for one, other in zip(first, second, strict=True):
        schemas = [library.schema([one]), library.schema([other])]
        try:
            fields.append(library.unify_schemas(schemas, promote_options="permissive").field(0))
        except library.ArrowTypeError:
            fields.append(library.field(one.name, library.string()))
    return library.schema(fields)
