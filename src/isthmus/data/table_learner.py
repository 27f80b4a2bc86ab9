"""Learns what a table is, chunk by chunk: kinds, vocabularies, scaling, gaps."""

from __future__ import annotations

import math
from typing import Any

import narwhals as nw
import numpy as np

from isthmus.core.spec import Column, Spec
from isthmus.data.categories import Category, check_vocabulary, distinct, ordered
from isthmus.data.columns import all_numbers, numbers
from isthmus.data.contract import check_finite, check_shape
from isthmus.data.headings import Heading, dense, opened
from isthmus.data.scaling import NORMAL_IQR, Floats, Moments, Reservoir, floored
from isthmus.errors import TooFewRowsError, UnknownNameError

SCALINGS = ("standard", "robust", "none")


class TableLearner:
    """Learns what a table is, chunk by chunk: kinds, vocabularies, scaling, gaps.

    Args:
        scaling: "standard" (mean and standard deviation), "robust" (median and interquartile range / 1.35, of at most
            `RESERVOIR` rows), "none"; datetimes, whose numbers start in 1970, are scaled under all three.

    Example:
        >>> learner = TableLearner().update(np.array([[1.0, 5.0]])).update(np.array([[3.0, 5.0]]))
        >>> [(column.center, column.scale) for column in learner.finish().columns]
        [(2.0, 1.0), (5.0, 0.05)]
    """

    def __init__(self, scaling: str = "standard") -> None:
        if scaling not in SCALINGS:
            raise UnknownNameError.among("scaling", scaling, SCALINGS)
        self.scaling = scaling
        self.heading: Heading | None = None
        self.vocabulary: dict[int, set[Category]] = {}
        self.declared: dict[int, tuple[Category, ...]] = {}

    def update(self, chunk: Any) -> TableLearner:
        """Take in the rows of a frame, a two-dimensional array or a sparse matrix; all chunks have the same columns.

        Returns:
            Itself, for the next call.

        Raises:
            ColumnError: a column is of a type that is not read, or of another one than before.
            InputError: a cell is infinite.
        """
        table = opened(chunk)
        check_shape(table.shape, least=0)
        heading = Heading.of(table)
        if self.heading is None:
            self.heading = heading
            self.moments, self.reservoir = Moments(len(heading.names)), Reservoir(len(heading.names))
        else:
            self.heading = self.heading.joined(heading)
        values = self._values(dense(table), heading)
        check_finite(values, heading.names, self.moments.rows)
        self.moments.update(values)
        if self.scaling == "robust":
            self.reservoir.update(values)
        return self

    def _values(self, table: Any, heading: Heading) -> Floats:
        """Every column as float64, (n, D): NaN where missing; categorical ones only say where they are known."""
        if not isinstance(table, nw.DataFrame):
            return np.asarray(table, dtype=np.float64)
        cells = all_numbers(table)
        if cells is not None:
            return cells.astype(np.float64, copy=False)
        values = np.full(table.shape, np.nan, order="F")
        for i, (series, kind) in enumerate(zip(table.iter_columns(), heading.kinds, strict=True)):
            if kind == "categorical":
                self._learn_words(i, series)
                values[:, i] = np.where(series.is_null().to_numpy(), np.nan, 0.0)
            elif kind is not None:
                values[:, i] = numbers(series, kind)
        return values

    def _learn_words(self, place: int, series: nw.Series[Any]) -> None:
        """Add the categories of one column to its vocabulary; those that its type declares are all known."""
        words = self.vocabulary.setdefault(place, set())
        words |= distinct(series)
        check_vocabulary(series.name, words)
        if isinstance(series.dtype, nw.Enum):
            self.declared[place] = tuple(series.dtype.categories)

    def finish(self) -> Spec:
        """What was learnt.

        Raises:
            TooFewRowsError: fewer than two rows came.
            MissingValueError: a column has no value at all.
        """
        if self.heading is None:
            raise TooFewRowsError(
                "a table of no chunks", "scaling is learnt from two rows at least", "give it some rows"
            )
        heading, moments = self.heading, self.moments
        check_shape((moments.rows, len(heading.names)), least=2)
        center, scale = self._scaling(heading)
        columns = tuple(
            Column(
                *said, self._categories(i), float(center[i]), float(scale[i]), *self._range(i), bool(moments.gaps[i])
            )
            for i, said in enumerate(heading.rows(moments.count))
        )
        low, high = (moments.low - center) / scale, (moments.high - center) / scale
        return Spec(
            "table",
            (len(columns),),
            columns,
            heading.container,
            dtype=heading.dtypes[0] if heading.container in ("numpy", "scipy") else "float64",
            value_range=(float(low.min()), float(high.max())),
            named=heading.named,
        )

    def _scaling(self, heading: Heading) -> tuple[Floats, Floats]:
        """Centre and scale of each column, (D,) both; 0 and 1 where values stay as they are."""
        center, spread = self.moments.mean, self.moments.deviation
        if self.scaling == "robust":
            first, center, third = self.reservoir.quantiles((0.25, 0.5, 0.75))
            spread = np.where(third > first, (third - first) / NORMAL_IQR, spread)
        scale = floored(spread, self.moments.magnitude, heading.dtypes)
        kept = ("boolean", "categorical", "numeric") if self.scaling == "none" else ("boolean", "categorical")
        as_is = np.array([kind in kept for kind in heading.kinds])
        return np.where(as_is, 0.0, center), np.where(as_is, 1.0, scale)

    def _categories(self, place: int) -> tuple[Category, ...]:
        """The vocabulary of one column, in order; empty where it is not categorical."""
        return self.declared.get(place) or ordered(self.vocabulary.get(place, ()))

    def _range(self, place: int) -> tuple[float, float]:
        """Least and greatest value of one column; unbounded where it is categorical."""
        if place in self.vocabulary:
            return -math.inf, math.inf
        return float(self.moments.low[place]), float(self.moments.high[place])
