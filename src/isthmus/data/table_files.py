"""Tables in files: Parquet, Arrow and JSON lines in; those and CSV out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import narwhals as nw
import numpy as np

from isthmus.data.extras import arrow
from isthmus.data.reading import reading
from isthmus.errors import InputError, InputTypeError

GROUP_ROWS = 1 << 17
"""Rows that are written at once where they come in batches: a row group of Parquet."""


def read_parquet(path: Path) -> Any:
    """A Parquet file as an Arrow table, without the row labels that pandas may have stored."""
    with reading(path, "Parquet"), arrow("parquet", "reading Parquet").ParquetFile(path) as file:
        return without_index(file.read())


def read_arrow(path: Path) -> Any:
    """An Arrow (Feather) file as an Arrow table, without the row labels that pandas may have stored."""
    with reading(path, "Arrow"), arrow("ipc", "reading Arrow").open_file(path) as file:
        return without_index(file.read_all())


def read_jsonl(path: Path) -> Any:
    """A file with one JSON object a line as an Arrow table; names that a line lacks are missing cells."""
    engine = arrow("json", "reading JSON lines")
    longest = min(max(path.stat().st_size, 1 << 16), 1 << 30)  # a line must fit into one block
    with reading(path, "JSON lines"):
        return engine.read_json(path, engine.ReadOptions(block_size=longest))


def is_index(name: str) -> bool:
    """Whether a column holds the row labels that pandas stores beside the data."""
    return name.startswith("__index_level_")


def without_index(table: Any) -> Any:
    """The table without pandas' row labels."""
    return table.drop_columns([name for name in table.column_names if is_index(name)])


def to_table(rows: Any) -> Any:
    """Anything with columns as an Arrow table: frames of any library, {name: column}, arrays of one or two axes.

    Raises:
        InputError: an array of more axes.
        InputTypeError: none of those.
    """
    pyarrow = arrow("lib", "writing tables")
    if isinstance(rows, Mapping):
        return pyarrow.Table.from_pydict({name: np.asarray(column) for name, column in rows.items()})
    frame = nw.from_native(rows, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return frame.to_arrow()
    if not hasattr(rows, "__array__") and not isinstance(rows, list | tuple):
        allowed = "frames, {name: column} and arrays are written as tables"
        raise InputTypeError(f"rows of type {type(rows).__name__}", allowed, "convert it: numpy.asarray(rows)")
    array = np.asarray(rows)
    if array.ndim not in (1, 2):
        allowed = "a table takes one axis or two"
        fix = "write it to a name that ends in .npy, or images to a folder: a name without an ending"
        raise InputError(f"an array of shape {array.shape} to be written as a table", allowed, fix)
    columns = array.reshape(len(array), -1).T
    return pyarrow.Table.from_arrays(list(columns), names=[f"x{i}" for i in range(len(columns))])


def tables_of(rows: Any) -> tuple[Any, Iterator[Any]]:
    """The Arrow schema of rows, and the rows as tables: those of a reader of record batches as they come, in groups.

    Args:
        rows: A `pyarrow.RecordBatchReader`, or what `to_table` takes.
    """
    if not hasattr(rows, "read_next_batch"):
        table = to_table(rows)
        return table.schema, iter([table])
    return rows.schema, _groups(rows)


def _groups(batches: Iterable[Any]) -> Iterator[Any]:
    """Tables of many rows each, from record batches."""
    table, held = arrow("lib", "writing tables").Table, list[Any]()
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= GROUP_ROWS:
            yield table.from_batches(held)
            held = []
    if held:
        yield table.from_batches(held)


def write_csv(file: BinaryIO, rows: Any) -> None:
    """Rows as CSV with a line of names."""
    schema, tables = tables_of(rows)
    with arrow("csv", "writing CSV").CSVWriter(file, schema) as sheet:
        for table in tables:
            sheet.write_table(table)


def write_parquet(file: BinaryIO, rows: Any) -> None:
    """Rows as Parquet."""
    schema, tables = tables_of(rows)
    with arrow("parquet", "writing Parquet").ParquetWriter(file, schema) as sheet:
        for table in tables:
            sheet.write_table(table)


def write_arrow(file: BinaryIO, rows: Any) -> None:
    """Rows as an Arrow file."""
    schema, tables = tables_of(rows)
    with arrow("ipc", "writing Arrow").new_file(file, schema) as sheet:
        for table in tables:
            sheet.write_table(table)


def write_jsonl(file: BinaryIO, rows: Any) -> None:
    """Rows as JSON objects, one a line; times are written in ISO 8601, and no number that JSON lacks."""
    for batch in (batch for table in tables_of(rows)[1] for batch in table.to_batches()):
        for row in batch.to_pylist():
            plain = {name: None if cell != cell else cell for name, cell in row.items()}
            file.write(json.dumps(plain, default=_iso, allow_nan=False).encode() + b"\n")


def _iso(cell: Any) -> str:
    """A date or time as text."""
    text: str = cell.isoformat()
    return text
