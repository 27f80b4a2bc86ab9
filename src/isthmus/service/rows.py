"""Rows as they come over a wire, made into what a detector reads; and the JSON schema that says what they must be.

A detector of an array gets an array as a caller in Python would hand it over: tensors in the type that they came in,
and numbers that are written down, which have none, in the type that it learnt: float32 where training had no wider
ones, else float64. A detector of a table with named columns gets a frame with the types that it learnt.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.spec import Column, Spec
from isthmus.data.arrays import sample_shape
from isthmus.data.extras import arrow
from isthmus.errors import ColumnError, InputError, InputTypeError, TooFewRowsError

LIMIT = 1e38  # beyond it no number is read
NUMBERS = frozenset((int, float, type(None)))


class RowReader:
    """Reads rows for one detector.

    Args:
        spec: What one of its models learnt of rows; None of a series, whose columns are the channels.
        channels: Columns of a series, with those that say whose and when, if they have names of their own.
    """

    def __init__(self, spec: Spec | None, channels: Sequence[str] = ()) -> None:
        self.spec = spec
        self.columns = spec.columns if spec is not None else tuple(Column(name) for name in channels)
        self.is_frame = spec is not None and spec.kind == "table" and (spec.named or not _all_numeric(self.columns))
        self.is_table = spec is None or spec.kind == "table"
        self.names = [column.name for column in self.columns]
        self.dtype = np.dtype(spec.number_type if spec is not None else "float64")
        self.shape = sample_shape(spec) if spec is not None and not self.is_table else (len(self.columns),)

    def from_json(self, rows: Any) -> Any:
        """Rows from a JSON list: of lists, of objects by column, or of nested lists where a row is no row of a table.

        Raises:
            InputError: another number of cells, or of columns.
            InputTypeError: cells of another kind.
            TooFewRowsError: no rows.
        """
        if not isinstance(rows, list) or not rows:
            came = "rows that are no list" if not isinstance(rows, list) else "rows=[]"
            kind = TooFewRowsError if isinstance(rows, list) else InputTypeError
            raise kind(came, "rows is a list of one row or more", 'send {"rows": [[...], ...]}')
        if not self.is_table:
            return self._samples(rows)
        cells = [self._cells(row, i) for i, row in enumerate(rows)]
        if self.is_frame:
            return frame(self.columns, list(zip(*cells, strict=True)))
        return self._numbers(cells)

    def from_tensors(self, tensors: dict[str, NDArray[Any]]) -> Any:
        """Rows from one tensor with all columns, (n, ...), or from one for each column, (n,) or (n, 1).

        Raises:
            ColumnError: tensors of other names than the columns.
            InputError: tensors of different lengths, or of other shapes.
        """
        if len(tensors) == 1 and (found := next(iter(tensors.values()))).ndim > 1 and self._fits(found):
            if not self.is_frame:
                return found if found.dtype.kind == "f" else found.astype(np.float64)
            return frame(self.columns, [found[:, i].tolist() for i in range(found.shape[1])])
        if not self.is_table or sorted(tensors) != sorted(self.names):
            named = ", ".join(sorted(tensors))[:200]
            allowed = f"there is one of shape [n, {', '.join(map(str, self.shape))}], or one for each column"
            raise ColumnError(f"inputs {named}, where they are not the columns", allowed, "see the model's metadata")
        columns = [tensors[name] for name in self.names]
        shapes = {column.shape for column in columns}
        if len(shapes) > 1 or columns[0].shape not in {(len(columns[0]),), (len(columns[0]), 1)}:
            raise InputError(f"inputs of shapes {sorted(shapes)[:4]}", "each is [n] or [n, 1]", "send equal lengths")
        lists = [column.ravel().tolist() for column in columns]
        cells = [self._cells(list(row), i) for i, row in enumerate(zip(*lists, strict=True))]
        return frame(self.columns, lists) if self.is_frame else self._numbers(cells)

    def from_csv(self, text: str) -> Any:
        """Rows from CSV with a line of names, which are the columns; an empty cell is missing.

        Raises:
            ColumnError: other columns.
            InputTypeError: cells of another kind.
        """
        lines = list(csv.DictReader(io.StringIO(text)))
        return self.from_json([self._typed(line, i) for i, line in enumerate(lines)])

    def to_json(self, rows: Any, places: Sequence[int]) -> list[Any]:
        """Rows at these places as JSON values, objects by column where columns have names."""
        if self.is_frame:
            picked = rows.take(list(places)).to_pylist()
            return [{name: _plain(cell) for name, cell in row.items()} for row in picked]
        cells: list[Any] = rows[list(places)].astype(np.float64).tolist()
        return [_without_gaps(row) for row in cells] if self.is_table else cells

    def schema(self) -> dict[str, Any]:
        """What one row is, as JSON schema."""
        if not self.is_table:
            return _nested(self.shape)
        cells = [_cell_schema(column) for column in self.columns]
        alike = bool(cells) and all(cell == cells[0] for cell in cells)
        listed: dict[str, Any] = {"type": "array", "minItems": len(cells), "maxItems": len(cells)}
        listed |= {"items": cells[0]} if alike else {"prefixItems": cells}
        told = {"type": "object", "properties": dict(zip(self.names, cells, strict=True)), "required": self.names}
        return {"anyOf": [listed, told | {"additionalProperties": False}]}

    def _cells(self, row: Any, place: int) -> list[Any]:
        """A row's cells in the order of the columns."""
        if isinstance(row, dict):
            if row.keys() != set(self.names):
                missing, extra = sorted(set(self.names) - row.keys()), sorted(row.keys() - set(self.names))
                came = f"row {place} with columns missing {missing[:5]}, and beside them {[x[:40] for x in extra[:5]]}"
                raise ColumnError(
                    came, f"its columns are {', '.join(self.names[:12])}", "name each of them, and no other"
                )
            return [row[name] for name in self.names]
        if not isinstance(row, list):
            came = f"row {place}, which is {str(row)[:40]}"
            raise InputTypeError(came, "a row is a list of cells or an object by column", "write it so")
        if len(row) != len(self.names):
            came = f"row {place} with {len(row)} cells"
            raise InputError(came, f"a row has {len(self.names)} columns", "send all of them")
        return row

    def _numbers(self, cells: list[list[Any]]) -> NDArray[Any]:
        """Cells that are all numbers; null is a gap."""
        if not set(map(type, chain.from_iterable(cells))) <= NUMBERS:
            _refuse_kinds(self.columns, zip(*cells, strict=True))
        try:
            return self._in_type(np.array(cells, dtype=np.float64))
        except OverflowError as fault:
            raise _too_large() from fault

    def _in_type(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Numbers in the type of those learnt from; one beyond it becomes infinite, and is refused as such."""
        with np.errstate(over="ignore"):
            return cells.astype(self.dtype, order="C", copy=False)

    def _samples(self, rows: list[Any]) -> NDArray[Any]:
        """Samples of one shape."""
        flat: list[Any] = rows
        for _ in range(len(self.shape)):
            if not all(isinstance(one, list) for one in flat):
                break
            flat = list(chain.from_iterable(flat))
        allowed, fix = f"each is of shape {list(self.shape)} and holds numbers", "write it as nested lists"
        if not set(map(type, flat)) <= NUMBERS - {type(None)}:
            raise InputTypeError("rows of other shapes, or with cells that are no numbers", allowed, fix)
        try:
            found = np.array(rows, dtype=np.float64)
        except (ValueError, OverflowError) as fault:
            raise InputError("rows of different shapes, or with numbers too large", allowed, fix) from fault
        if not self._fits(found):
            raise InputError(f"rows of shape {list(found.shape[1:])}", allowed, fix)
        return found.astype(np.uint8) if self.spec is not None and self.spec.dtype == "uint8" else found

    def _fits(self, array: NDArray[Any]) -> bool:
        """Whether an array holds such rows; one channel may be left out of images."""
        return array.shape[1:] == tuple(self.shape) and array.dtype.kind in "fiub"

    def _typed(self, line: dict[str, Any], place: int) -> dict[str, Any]:
        """A line of CSV with the types that its columns have."""
        kinds = {column.name: column for column in self.columns}
        return {
            str(name): _from_text(cell, kinds[name], place) if name in kinds else cell for name, cell in line.items()
        }


def frame(columns: Sequence[Column], cells: Sequence[Sequence[Any]]) -> Any:
    """An Arrow table with the types that the columns have.

    Args:
        columns: What was learnt of them.
        cells: Of each column.

    Raises:
        InputTypeError: cells of another kind.
    """
    engine = arrow("lib", "serving a detector of named columns")
    _refuse_kinds(columns, cells)
    kinds = {"numeric": engine.float64(), "boolean": engine.bool_(), "datetime": engine.timestamp("us")}
    made = []
    for column, values in zip(columns, cells, strict=True):
        told = [_moment(value) for value in values] if column.kind == "datetime" else values
        try:
            found = engine.array(told, type=kinds.get(column.kind))
            made.append(found.dictionary_encode() if column.kind == "categorical" else found)
        except (engine.ArrowException, OverflowError) as fault:
            came = f"column {column.name!r}"
            raise InputTypeError(came, f"it is {column.kind} throughout", "send cells of one kind") from fault
    return engine.Table.from_arrays(made, names=[column.name for column in columns])


def _refuse_kinds(columns: Sequence[Column], cells: Any) -> None:
    """Refuse the first cell of another kind than its column's, and name both."""
    for column, values in zip(columns, cells, strict=True):
        allowed = _types(column)
        for place, cell in enumerate(values):
            if type(cell) not in allowed or (column.kind == "datetime" and cell is not None and not _is_moment(cell)):
                came = f"row {place}, column {column.name!r} holds {str(cell)[:60]!r} ({type(cell).__name__})"
                raise InputTypeError(came, f"the column is {column.kind}", "send it so, or null where it is missing")


def _types(column: Column) -> set[type]:
    """What the cells of a column are in JSON."""
    if column.kind == "categorical":
        return {type(None), *map(type, column.categories)}
    kinds: dict[str, set[type]] = {"boolean": {bool}, "datetime": {str}}
    return kinds.get(column.kind, {int, float}) | {type(None)}


def _cell_schema(column: Column) -> dict[str, Any]:
    """What a cell of the column is, as JSON schema."""
    none = ["null"] if column.gaps else []
    if column.kind == "categorical":
        return {"enum": [*column.categories, *([None] if none else [])]}
    if column.kind == "numeric":
        return {"type": ["number", *none], "minimum": -LIMIT, "maximum": LIMIT}
    if column.kind == "boolean":
        return {"type": ["boolean", *none]}
    return {"type": ["string", *none], "format": "date-time"}


def _nested(shape: Sequence[int]) -> dict[str, Any]:
    """Numbers in lists of these lengths, as JSON schema."""
    if not shape:
        return {"type": "number", "minimum": -LIMIT, "maximum": LIMIT}
    return {"type": "array", "minItems": shape[0], "maxItems": shape[0], "items": _nested(shape[1:])}


def _all_numeric(columns: Sequence[Column]) -> bool:
    return all(column.kind == "numeric" for column in columns)


def _from_text(cell: Any, column: Column, place: int) -> Any:
    """A cell of CSV in the type of its column."""
    if cell in (None, ""):
        return None
    if column.kind in ("boolean", "numeric"):
        try:
            return {"true": True, "false": False}[cell.lower()] if column.kind == "boolean" else float(cell)
        except (ValueError, KeyError) as fault:
            came = f"row {place}, column {column.name!r} holds {cell[:60]!r}"
            raise InputTypeError(came, f"the column is {column.kind}", "write it so") from fault
    return next((one for one in column.categories if str(one) == cell), cell)


def _moment(cell: Any) -> datetime | None:
    """A moment written in ISO 8601; one without a zone is in UTC."""
    found = None if cell is None else datetime.fromisoformat(cell)
    if found is not None and (offset := found.utcoffset()) is not None:
        found = found.replace(tzinfo=None) - offset
    return found


def _is_moment(cell: str) -> bool:
    try:
        return _moment(cell) is not None
    except (ValueError, OverflowError):
        return False


def _plain(cell: Any) -> Any:
    return cell.isoformat() if isinstance(cell, datetime) else cell


def _without_gaps(row: list[Any]) -> list[Any]:
    """NaN is null in JSON."""
    return [None if cell != cell else cell for cell in row]


def _too_large() -> InputError:
    return InputError("a number too large for float64", "no scaling brings it back", "send null, or leave the row out")
