"""One column of a frame, in and out: what kind it is, its cells as numbers, and the caller's type again."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

import narwhals as nw
import numpy as np
import numpy.typing as npt

from isthmus.core.spec import Column, ColumnKind
from isthmus.data.categories import Series, looked_up
from isthmus.data.scaling import Floats, whole
from isthmus.errors import ColumnError

Backend: TypeAlias = Literal["pandas", "polars", "pyarrow"]

READS = "columns are read as numbers, booleans, text or categories, and dates with times"
MICROSECONDS = 1e6


def kind_of(series: Series, learnt: ColumnKind | None = None) -> ColumnKind | None:
    """How a column is read; None where it holds no value at all, and is not of the type it had in training.

    Raises:
        ColumnError: its type is not read: lists, structs, durations, objects of several types.
    """
    kind = _kind_of_type(series.dtype)
    if kind is not None and kind == learnt:
        return kind
    if series.null_count() == len(series):
        return None
    return kind or _kind_of_objects(series)


def _kind_of_type(dtype: Any) -> ColumnKind | None:
    """The kind that a type stands for, where it stands for one."""
    if dtype.is_numeric():
        return "numeric"
    if dtype == nw.Boolean:
        return "boolean"
    if dtype in (nw.Datetime, nw.Date):
        return "datetime"
    return "categorical" if dtype in (nw.String, nw.Categorical, nw.Enum) else None


def _kind_of_objects(series: Series) -> ColumnKind:
    """The kind of a column of Python objects: numbers or booleans, if they all are; other types are refused."""
    cells = enumerate(series.to_list() if series.dtype == nw.Object else ())
    known = [(row, cell) for row, cell in cells if not _is_missing(cell)]
    if known and all(isinstance(cell, bool | np.bool_) for _, cell in known):
        return "boolean"
    odd = next(((row, cell) for row, cell in known if not _is_number(cell)), None)
    if known and odd is None:
        return "numeric"
    what = f", and row {odd[0]} holds {odd[1]!r} ({type(odd[1]).__name__})" if odd else ""
    fix = f"convert it, such as X[{series.name!r}].astype(str) for categories, or drop it"
    raise ColumnError(f"column {series.name!r} is of type {series.dtype}{what}", READS, fix)


def _is_missing(cell: Any) -> bool:
    """Whether an object stands for no value: None, NaN, pandas.NA."""
    return cell is None or type(cell).__name__ == "NAType" or (isinstance(cell, float) and cell != cell)


def _is_number(cell: Any) -> bool:
    """Whether an object is a real number and no truth value."""
    return isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool)


def numbers(series: Series, kind: ColumnKind) -> Floats:
    """A numeric, boolean or datetime column as float64, (n,), NaN where a cell is missing.

    A datetime is the number of seconds since 1970 (UTC; without a time zone it is read as UTC).
    """
    if kind == "datetime":
        stamps = series.cast(nw.Datetime("us")) if series.dtype == nw.Date else series
        return _floats(stamps.dt.timestamp("us")) / MICROSECONDS
    return _floats(series)


def _floats(series: Series) -> Floats:
    """Any column of numbers as float64, nulls as NaN."""
    if series.dtype == nw.Object:
        return np.array([np.nan if _is_missing(cell) else float(cell) for cell in series.to_list()])
    cells: Floats = series.cast(nw.Float64).to_numpy()
    return cells


def all_numbers(frame: nw.DataFrame[Any]) -> npt.NDArray[Any] | None:
    """A frame of numbers as one array, (n, D), nulls as NaN: the short way. None where some column is anything else."""
    if not all(dtype.is_numeric() for dtype in frame.schema.dtypes()):
        return None
    cells = frame.to_numpy()
    return cells if cells.dtype.kind in "fiu" else None


def type_name(series: Series, container: Backend) -> str:
    """The caller's type of a column: pandas' own name where it says more (Int64, str), else the one all share."""
    shared = str(series.dtype)
    if container == "pandas" and not shared.startswith(("Datetime", "Date", "Categorical", "Enum")):
        return str(series.to_native().dtype)
    return shared.partition("(")[0] if shared.startswith("Enum") else shared


def restored(values: Floats, column: Column, container: Backend) -> Series:
    """Numbers in the column's own unit, (n,), as a column of the caller's type; NaN becomes a missing cell.

    Integers are rounded and clipped to what their type holds, booleans cut at one half, categories looked up.
    """
    if column.kind == "datetime":
        return _stamps(values, column, container)
    if column.kind == "categorical":
        cells: Any = looked_up(values, column.categories)
    else:
        cells = _with_gaps(values >= 0.5 if column.kind == "boolean" else whole(values, column.dtype), values)
    return _typed(cells, column, container)


def _with_gaps(cells: Any, values: Floats) -> Any:
    """The cells, as a list with None where the value is NaN, if any is."""
    missing = np.isnan(values)
    if not missing.any():
        return cells
    return [None if gap else cell for cell, gap in zip(cells.tolist(), missing.tolist(), strict=True)]


def _typed(cells: Any, column: Column, container: Backend) -> Series:
    """A series of the column's type; pandas reads its own names, and its categories keep the whole vocabulary."""
    categories = list(column.categories)
    if container == "pandas":
        import pandas

        named = column.dtype in ("Categorical", "Enum")
        dtype = pandas.CategoricalDtype(categories, ordered=column.dtype == "Enum") if named else column.dtype
        return nw.from_native(pandas.Series(cells, name=column.name, dtype=dtype), series_only=True)
    dtype = _shared_type(column)
    text = nw.String if column.kind == "categorical" else None
    return nw.new_series(column.name, cells, text, backend=container).cast(dtype)


def _shared_type(column: Column) -> Any:
    """The type that `type_name` wrote down, for the containers whose types all share."""
    if column.dtype.startswith("Decimal"):
        precision, scale = map(int, re.findall(r"\d+", column.dtype))
        return nw.Decimal(precision, scale)
    return nw.Enum(map(str, column.categories)) if column.dtype == "Enum" else getattr(nw, column.dtype)


def _stamps(values: Floats, column: Column, container: Backend) -> Series:
    """Seconds since 1970 as datetimes of the column's unit and time zone, or as dates."""
    unit = re.search(r"time_unit='(\w+)'", column.dtype)
    zone = re.search(r"time_zone='([^']+)'", column.dtype)
    step = {"s": 1.0, "ms": 1e3}.get(unit[1] if unit else "s", MICROSECONDS)
    rounded = np.rint(values * step) * (MICROSECONDS / step)
    stamps = np.where(np.isnan(values), np.iinfo(np.int64).min, rounded).astype("datetime64[us]")
    series = nw.new_series(column.name, stamps, backend=container)
    if zone:
        series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone[1])
    target = nw.Datetime(unit[1], zone[1] if zone else None) if unit else nw.Date  # type: ignore[arg-type]
    return series.cast(target)
