"""Tables and the rows that people spoke of, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import ColumnError
from isthmus.estimator.containers import opened
from isthmus.tasks.anomaly.evidence import taken
from isthmus.tasks.learning.ledger import name_of

PLACES = "x"  # leads the names of the columns of an array


def rows_of(X: Any) -> list[dict[str, Any]]:
    """Every row as {column: value} of plain values; the columns of an array are x0, x1, ...

    Example:
        >>> rows_of(np.array([[1.5, 2.0]]))
        [{'x0': 1.5, 'x1': 2.0}]
    """
    read = opened(X)
    if isinstance(read, nw.DataFrame):
        return [dict(zip(read.columns, map(_plain, row), strict=True)) for row in read.iter_rows()]
    flat = np.asarray(read)
    width = int(np.prod(flat.shape[1:]))
    names = [f"{PLACES}{at}" for at in range(width)]
    return [dict(zip(names, row.tolist(), strict=True)) for row in flat.reshape(len(flat), width)]


def named(X: Any, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows of X have one of these names, (n,)."""
    if not names:
        return np.zeros(len(opened(X)), dtype=bool)
    return np.isin([name_of(row) for row in rows_of(X)], list(names))


def joined(X: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    """The rows of X, and then others.

    Args:
        X: A frame or an array (n, D).
        rows: {column: value} each, with the columns of X.

    Raises:
        ColumnError: a row without one of the columns.

    Example:
        >>> joined(np.zeros((1, 2)), [{"x0": 1.0, "x1": 2.0}])
        array([[0., 0.],
               [1., 2.]])
    """
    if not rows:
        return X
    read = opened(X)
    names = read.columns if isinstance(read, nw.DataFrame) else [f"{PLACES}{at}" for at in range(read.shape[1])]
    for row in rows:
        if missing := [name for name in names if name not in row]:
            allowed = f"it has the {len(names)} columns of the rows beside it"
            raise ColumnError(f"a row without {', '.join(missing[:6])}", allowed, "give the row as it was scored")
    cells = {name: [row[name] for row in rows] for name in names}
    if not isinstance(read, nw.DataFrame):
        return np.concatenate([np.asarray(read), np.stack([np.asarray(cells[name]) for name in names], 1)])
    more = nw.from_dict(cells, backend=nw.get_native_namespace(read))
    alike = [nw.col(name).cast(dtype) for name, dtype in read.schema.items()]
    return nw.concat([read, more.select(alike)]).to_native()


def some(X: Any, chosen: ArrayLike) -> Any:
    """The chosen rows in the caller's container."""
    return taken(opened(X), np.asarray(chosen, dtype=bool))


def _plain(value: Any) -> Any:
    """A cell as a JSON value."""
    return value.item() if isinstance(value, np.generic) else value
