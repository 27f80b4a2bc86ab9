"""Tables to tensors and back: arrays, sparse matrices, and frames of pandas, polars and Arrow.

All frames go one way, through narwhals; all arithmetic on a column's own values is float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.data.categories import codes
from isthmus.data.columns import all_numbers, kind_of, numbers, restored
from isthmus.data.contract import are_tame, check_finite, check_gaps, check_kind, check_names, check_shape, check_width
from isthmus.data.headings import dense, opened
from isthmus.data.scaling import CHUNK_CELLS, scaled, unscaled
from isthmus.data.table_learner import TableLearner
from isthmus.data.tails import bent

FRAME_CELLS = 16 * CHUNK_CELLS  # a call into a frame's library costs more than one into NumPy


def learn_table(X: Any, scaling: str = "standard") -> Spec:
    """What a whole table is: kinds, vocabularies, scaling fitted in float64, gaps.

    Args:
        X: A frame of pandas, polars or Arrow, a numeric array (n, D), or a sparse matrix.
        scaling: See `TableLearner`.

    Raises:
        ColumnError: a column is of a type that is not read, or blank.
        InputError: a cell is infinite.
        TooFewRowsError: fewer than two rows.

    Example:
        >>> spec = learn_table(np.array([[1.0, 0.0], [3.0, np.nan]]))
        >>> spec.columns[0].center, spec.columns[0].scale, spec.columns[1].gaps
        (2.0, 1.0, True)
    """
    table, learner = opened(X), TableLearner(scaling)
    check_shape(table.shape, least=2)
    for _, chunk in _chunks(table):
        learner.update(chunk)
    return learner.finish()


def encode_table(X: Any, spec: Spec, first_row: int = 0) -> Tensor:
    """Rows as x: scaled numbers and category codes, NaN where a cell is missing.

    Args:
        X: Rows with the columns that `spec` learnt; from any library, all at once.
        spec: What was learnt.
        first_row: Row number of the first row, for messages.

    Returns:
        x, (n, D) float32.

    Raises:
        ColumnError: columns are missing, extra, reordered, of another type, or hold unseen categories.
        MissingValueError: a gap in a column that had none.
        InputError: a cell is infinite.

    Example:
        >>> spec = learn_table(np.array([[1.0], [3.0]]))
        >>> encode_table(np.array([[5.0]]), spec)
        tensor([[3.]])
    """
    table = dense(opened(X))
    if isinstance(table, nw.DataFrame):
        return torch.from_numpy(_encoded(table, spec, first_row))
    check_cells(table, spec, first_row)
    return torch.from_numpy(scaled(table, spec.center, spec.scale, spec.logs))


def check_cells(array: Any, spec: Spec, first_row: int = 0) -> None:
    """Refuse an array or sparse matrix whose columns are not those of `spec`.

    Raises:
        ColumnError: another number of columns, or of another kind.
        MissingValueError: a gap in a column that had none.
        InputError: a cell is infinite.
    """
    check_shape(array.shape, least=0)
    check_width(array.shape[1], spec)
    kind = "boolean" if array.dtype == bool else "numeric"
    for column in spec.columns:
        check_kind(column.name, kind, column.kind)
    if not scipy.sparse.issparse(array):
        _check_values(array, spec, first_row)
    elif array.dtype.kind == "f" and not are_tame(
        array.data
    ):  # something among the non-zeros: look for its row and column
        for start, rows in _chunks(array):
            _check_values(rows.toarray(), spec, first_row + start)


def _check_values(array: npt.NDArray[Any], spec: Spec, first_row: int) -> None:
    """Refuse infinities, and gaps where there were none."""
    if array.dtype.kind == "f" and not check_finite(array, [column.name for column in spec.columns], first_row):
        check_gaps(np.isnan(array).any(axis=0), spec)


def _chunks(table: Any) -> Iterator[tuple[int, Any]]:
    """The rows of a table in chunks, each with the number of its first row."""
    cells = FRAME_CELLS if isinstance(table, nw.DataFrame) else CHUNK_CELLS
    rows = max(1, cells // table.shape[1])
    for start in range(0, table.shape[0], rows):
        yield start, table[start : start + rows]


def _encoded(frame: nw.DataFrame[Any], spec: Spec, first_row: int) -> npt.NDArray[np.float32]:
    """The rows of a frame as x, (n, D)."""
    if spec.named:
        check_names(frame.columns, spec)
    check_width(len(frame.columns), spec)
    cells = all_numbers(frame) if all(column.kind == "numeric" for column in spec.columns) else None
    if cells is not None:
        _check_values(cells, spec, first_row)
        return scaled(cells, spec.center, spec.scale, spec.logs)
    x = np.empty(frame.shape, dtype=np.float32)
    gaps = np.zeros(len(spec.columns), dtype=bool)
    for i, (series, column) in enumerate(zip(frame.iter_columns(), spec.columns, strict=True)):
        kind = kind_of(series, column.kind)
        check_kind(column.name, kind, column.kind)
        if kind == "categorical":
            values = codes(series, column)
        else:
            values = np.full(len(series), np.nan) if kind is None else numbers(series, kind)
            check_finite(values[:, None], [column.name], first_row)
        gaps[i] = np.isnan(values).any()
        standard = (values - column.center) / column.scale
        x[:, i] = bent(standard) if column.log else standard
    check_gaps(gaps, spec)
    return x


def decode_table(x: Tensor, spec: Spec, index: Any = None) -> Any:
    """x in the caller's container, with its column names, types and units.

    Args:
        x: Rows, (n, D); a categorical column holds codes.
        spec: What was learnt.
        index: Row labels of a pandas frame; None counts from 0.

    Returns:
        A frame of the library that `spec` was learnt from: integers rounded, booleans cut at one half, categories
        looked up, datetimes with their unit and zone. An array: float32 if it was learnt from float32, else float64,
        not rounded; sparse if it was sparse.

    Example:
        >>> spec = learn_table(np.array([[1.0], [3.0]]))
        >>> decode_table(torch.tensor([[3.0]]), spec)
        array([[5.]])
    """
    values = unscaled(x.detach().cpu().double().numpy(), spec.center, spec.scale, spec.logs)
    if spec.container == "numpy" or spec.container == "scipy":
        array = values.astype(np.float32 if spec.dtype == "float32" else np.float64, copy=False)
        return array if spec.container == "numpy" else scipy.sparse.csr_array(array)
    container = spec.container
    columns = [restored(values[:, i], column, container).to_frame() for i, column in enumerate(spec.columns)]
    frame = nw.concat(columns, how="horizontal").to_native()
    if spec.container == "pandas":
        frame.index = frame.index if index is None else index
        frame.columns = frame.columns if spec.named else [int(name) for name in frame.columns]
    return frame
