"""What the caller gave, taken apart: whose row each is, when it was, and the cells of its channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from isthmus.data.columns import kind_of, numbers
from isthmus.data.contract import check_shape
from isthmus.errors import ColumnError, InputError, InputTypeError, MissingValueError
from isthmus.estimator.containers import opened

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """Rows of one or many series, in the caller's order.

    Args:
        cells: The channels alone: a narwhals frame, or an array (n, c).
        owners: Whose row each is, n of them; None throughout where there are no entities.
        stamps: When each row was, as the caller wrote it; its number where there are no times.
        times: The same as seconds or plain numbers, (n,); None where there are no times.
    """

    cells: Any
    owners: list[Any]
    stamps: list[Any]
    times: Floats | None

    @classmethod
    def of(cls, X: Any, entity: str | None, time: str | None) -> Self:
        """Take X apart.

        Args:
            X: (t,) or (t, c), or a frame.
            entity: The column that says whose row it is, or None.
            time: The column that says when it was, or None.

        Raises:
            ColumnError: no such column, or times that are neither numbers nor dates.
            InputTypeError: an array where columns are named, or rows that are not in memory.
            MissingValueError: a row without entity or time.
        """
        rows = opened(X)
        named = [name for name in (entity, time) if name is not None]
        if not isinstance(rows, nw.DataFrame):
            array = _array(rows, named)
            return cls(array, [None] * len(array), list(range(len(array))), None)
        _check_columns(rows, named)
        cells = rows.drop(named)
        check_shape(cells.shape)
        owners = [None] * len(rows) if entity is None else _complete(rows[entity])
        stamps = list(range(len(rows))) if time is None else _complete(rows[time])
        return cls(cells, owners, stamps, None if time is None else _times(rows[time]))

    def __len__(self) -> int:
        """n, the number of rows."""
        return len(self.owners)

    def of_entities(self) -> Iterator[tuple[Any, Ints]]:
        """Each entity and the numbers of its rows, in the order in which they first come."""
        places: dict[Any, list[int]] = {}
        for row, owner in enumerate(self.owners):
            places.setdefault(owner, []).append(row)
        yield from ((owner, np.array(rows, dtype=np.intp)) for owner, rows in places.items())

    def taken(self, rows: Ints) -> Self:
        """These rows alone."""
        times = None if self.times is None else self.times[rows]
        owners, stamps = ([every[row] for row in rows.tolist()] for every in (self.owners, self.stamps))
        return replace(self, cells=self.cells[rows], owners=owners, stamps=stamps, times=times)

    def cut(self, share: float, gap: int) -> tuple[Self, Self]:
        """The first share of each entity's rows, and what comes after a gap of so many rows."""
        first, later = list[Ints](), list[Ints]()
        for _, rows in self.of_entities():
            end = round(share * len(rows))
            first.append(rows[:end])
            later.append(rows[end + gap :])
        return self.taken(np.sort(np.concatenate(first))), self.taken(np.sort(np.concatenate(later)))

    def steps(self) -> Floats:
        """The time from each row to the next of its entity, (n - entities,).

        Raises:
            InputError: some row is no later than the one before.
        """
        return np.concatenate([self._steps(owner, rows) for owner, rows in self.of_entities()] or [np.empty(0)])

    def gaps(self, rows: Ints, step: float | None) -> Ints:
        """Places among the rows of one entity before which more than one and a half usual steps passed."""
        if step is None or self.times is None:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(np.diff(self.times[rows]) > 1.5 * step) + 1

    def _steps(self, owner: Any, rows: Ints) -> Floats:
        """The steps of one entity."""
        steps = np.diff(self.times[rows]) if self.times is not None else np.ones(len(rows) - 1)
        if len(steps) and steps.min() <= 0:
            at = int(steps.argmin())
            one, other = (self.stamps[rows[place]] for place in (at, at + 1))
            who = "" if owner is None else f" of entity {owner!r}"
            came = f"row {rows[at + 1]}{who} is of {other}, and the one before it of {one}"
            fix = "sort X by entity and time, and keep one row for each moment"
            raise InputError(came, "rows come in the order of time, one for each moment", fix)
        return steps


def _array(rows: Any, named: list[str]) -> NDArray[Any]:
    """Cells of an array, (n, c)."""
    if named or type(rows) is not np.ndarray:
        what = f"{named[0]!r} names a column of it" if named else "a series is read whole"
        came = f"X, a {type(rows).__name__}"
        raise InputTypeError(
            came, f"{what}, so X is a frame" + " or an array" * (not named), "pass pandas.DataFrame(X)"
        )
    cells = rows[:, None] if rows.ndim == 1 else rows
    check_shape(cells.shape)
    return cells


def _check_columns(frame: nw.DataFrame[Any], named: list[str]) -> None:
    """Refuse a frame that lacks one of these columns."""
    missing = [name for name in named if name not in frame.columns]
    if missing:
        came = f"X with the columns {frame.columns[:12]}"
        allowed = f"the detector reads {missing[0]!r} from it, as its entity= or time= says"
        raise ColumnError(came, allowed, f"add {missing[0]!r}, or name another column in the constructor")


def _complete(column: Any) -> list[Any]:
    """Cells of a column that has one in every row."""
    if column.null_count():
        came = f"column {column.name!r} with {column.null_count()} missing cells"
        raise MissingValueError(came, "every row says whose it is and when it was", "fill the cells or drop the rows")
    cells: list[Any] = column.to_list()
    return cells


def _times(column: Any) -> Floats:
    """Times as numbers, (n,)."""
    kind = kind_of(column)
    if kind not in ("numeric", "datetime"):
        fix = f"convert it: pandas.to_datetime(X[{column.name!r}])"
        raise ColumnError(f"time column {column.name!r} is {kind}", "times are numbers, or dates with times", fix)
    times = numbers(column, kind)
    if not np.isfinite(times).all():
        came = f"time column {column.name!r} is {times[~np.isfinite(times)][0]} in some row"
        raise MissingValueError(came, "every row says when it was", "fill the cells or drop the rows")
    return times
