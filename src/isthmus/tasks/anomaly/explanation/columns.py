"""Which columns made a row anomalous, in the caller's own names, values and units."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import torch
from torch import Tensor

from isthmus.estimator.defaults import whole
from isthmus.estimator.inputs import give_back
from isthmus.tasks.anomaly.scorer import Scorer

Cells = list[Any]


class Reason(NamedTuple):
    """One column of one row.

    Args:
        row: Position of the row, from 0.
        column: Name of the column.
        seen: Its value.
        expected: What the model expected there, from the whole row.
        low: Residuals of the calibration rows reach down to this,
        high: and up to this: the band, around `expected`, that a share 1 - alpha of them keep. None for categories
            and booleans.
        share: The column's part of the row's anomaly score. What all columns leave of 1 is the code's part: the model
            rebuilds the row, but training rows do not combine their columns like that.
    """

    row: int
    column: str
    seen: Any
    expected: Any
    low: Any
    high: Any
    share: float


def reasons(scorer: Scorer, band: Tensor, X: Any, most: int) -> list[Reason]:
    """The columns with the largest shares, row after row.

    Args:
        scorer: What scored the rows.
        band: Lower and upper residual of each column in scaled units, (2, D).
        X: Rows of a table.
        most: Columns for each row.

    Raises:
        ParameterError: `most` below 1.
    """
    shares = scorer.shares(X)
    order = shares.argsort(dim=1, descending=True, stable=True)[:, : whole("most", most)].tolist()
    seen, expected, low, high = _values(scorer, band, X)
    names = [column.name for column in scorer.model.spec_.columns]
    return [
        Reason(row, names[at], seen[at][row], expected[at][row], low[at][row], high[at][row], float(shares[row, at]))
        for row, columns in enumerate(order)
        for at in columns
    ]


def _values(scorer: Scorer, band: Tensor, X: Any) -> tuple[list[Cells], list[Cells], list[Cells], list[Cells]]:
    """Seen, expected, low and high: for each its columns, for each of those its cells."""
    model = scorer.model
    expected = scorer.expected(X)
    measured = model.spec_.indices("numeric", "datetime")
    ends = [torch.where(_chosen(measured, expected), expected + end.float(), expected) for end in band]
    low, high = (cells_of(give_back(model, end, like=X)) for end in ends)
    for at in set(range(len(low))) - set(measured):
        low[at] = high[at] = [None] * len(expected)
    return cells_of(X), cells_of(give_back(model, expected, like=X)), low, high


def _chosen(columns: tuple[int, ...], x: Tensor) -> Tensor:
    """True in these columns, (1, D)."""
    mask = torch.zeros(1, x.shape[1], dtype=torch.bool)
    mask[:, list(columns)] = True
    return mask


def cells_of(X: Any) -> list[Cells]:
    """A table's cells as Python values, column by column."""
    table = nw.from_native(X, pass_through=True)
    if isinstance(table, nw.DataFrame):
        return [column.to_list() for column in table.iter_columns()]
    array: Any = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    cells: list[Cells] = array.T.tolist()
    return cells
