"""Learns what a table is, chunk by chunk: kinds, vocabularies, scaling, gaps."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import numpy.typing as npt

from isthmus.core.spec import Column, Spec
from isthmus.data.categories import Category, check_vocabulary, distinct, ordered
from isthmus.data.columns import all_numbers, numbers
from isthmus.data.contract import check_finite, check_shape
from isthmus.data.headings import Heading, dense, opened
from isthmus.data.scaling import NORMAL_IQR, Floats, Moments, Reservoir, floored
from isthmus.data.tails import OUTER, bent, heavy
from isthmus.errors import TooFewRowsError, UnknownNameError

SCALINGS = ("standard", "robust", "log", "length", "none")
BY_QUANTILES = ("robust", "log")
QUARTILES = (0.25, 0.5, 0.75)
Bools: TypeAlias = npt.NDArray[np.bool_]


class TableLearner:
    """Learns what a table is, chunk by chunk: kinds, vocabularies, scaling, gaps.

    Args:
        scaling: "standard" (mean and standard deviation), "robust" (median and interquartile range / 1.35, of at most
            `RESERVOIR` rows), "log" (robust and then logarithmic in columns with a heavy tail, see `heavy`; standard in
            all others), "length" (one scale for all columns and no centre, so that a row's squared length is on average
            the number of columns), "none"; datetimes, whose numbers start in 1970, are scaled under all of them.

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
        if self.scaling in BY_QUANTILES:
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
        center, scale, log = self._scaling(heading)
        columns = tuple(
            Column(*said, self._categories(i), *scaling, *self._range(i), bool(moments.gaps[i]), bool(log[i]))
            for i, (said, scaling) in enumerate(
                zip(heading.rows(moments.count), zip(center.tolist(), scale.tolist(), strict=True), strict=True)
            )
        )
        ends = np.stack([moments.low - center, moments.high - center]) / scale
        low, high = np.where(log, bent(ends), ends)
        return Spec(
            "table",
            (len(columns),),
            columns,
            heading.container,
            dtype=heading.dtypes[0] if heading.container in ("numpy", "scipy") else "float64",
            value_range=(float(low.min()), float(high.max())),
            named=heading.named,
        )

    def _scaling(self, heading: Heading) -> tuple[Floats, Floats, Bools]:
        """Centre and scale of each column, 0 and 1 where values stay as they are; which have a log scale; (D,) each."""
        center, spread = self.moments.mean, self.moments.deviation
        numeric = np.array([kind == "numeric" for kind in heading.kinds])
        log = np.zeros(len(numeric), dtype=bool)
        if self.scaling == "robust":
            first, center, third = self.reservoir.quantiles(QUARTILES)
            spread = np.where(third > first, (third - first) / NORMAL_IQR, spread)
        elif self.scaling == "log":
            median, reach, log = self._tails()
            log &= numeric
            center, spread = np.where(log, median, center), np.where(log, reach, spread)
        elif self.scaling == "length" and numeric.any():
            squares = (center**2 + spread**2)[numeric].mean()
            center, spread = np.where(numeric, 0.0, center), np.where(numeric, np.sqrt(squares), spread)
        scale = floored(spread, self.moments.magnitude, heading.dtypes)
        kept = ("boolean", "categorical", "numeric") if self.scaling == "none" else ("boolean", "categorical")
        as_is = np.array([kind in kept for kind in heading.kinds])
        return np.where(as_is, 0.0, center), np.where(as_is, 1.0, scale), log

    def _tails(self) -> tuple[Floats, Floats, Bools]:
        """Median and robust spread of each column, and whether its tail is heavy; (D,) each."""
        lowest, first, median, third, highest = self.reservoir.quantiles((OUTER[0], *QUARTILES, OUTER[1]))
        spread = np.where(third > first, (third - first) / NORMAL_IQR, self.reservoir.reach(median))
        return median, spread, heavy(np.stack([lowest, highest]), spread)

    def _categories(self, place: int) -> tuple[Category, ...]:
        """The vocabulary of one column, in order; empty where it is not categorical."""
        return self.declared.get(place) or ordered(self.vocabulary.get(place, ()))

    def _range(self, place: int) -> tuple[float, float]:
        """Least and greatest value of one column; unbounded where it is categorical."""
        if place in self.vocabulary:
            return -math.inf, math.inf
        return float(self.moments.low[place]), float(self.moments.high[place])
