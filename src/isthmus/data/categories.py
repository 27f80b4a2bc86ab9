"""The vocabulary of a categorical column: learnt from training rows, its values as codes, and codes as values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np

from isthmus.core.spec import Column
from isthmus.data.scaling import Floats
from isthmus.errors import ColumnError

Series: TypeAlias = "nw.Series[Any]"
Category: TypeAlias = str | int | float | bool

MOST_CATEGORIES = 10_000
"""Categories a column may have: each becomes a number of the encoder's input, and an output of the decoder."""


def distinct(series: Series) -> set[Category]:
    """The values of a categorical column, without the missing ones.

    Raises:
        ColumnError: a category is neither text nor a number, or there are more than `MOST_CATEGORIES`.
    """
    values = set(series.drop_nulls().unique().to_list())
    for value in values:
        if not isinstance(value, str | int | float | bool):
            came = f"column {series.name!r} has the category {value!r} ({type(value).__name__})"
            raise ColumnError(came, "a category is text, a number or a boolean", f"use X[{series.name!r}].astype(str)")
    check_vocabulary(series.name, values)
    return values


def check_vocabulary(name: str, values: set[Category]) -> None:
    """Refuse more categories than a network should be one-hot wide.

    Raises:
        ColumnError: there are more than `MOST_CATEGORIES`.
    """
    if len(values) > MOST_CATEGORIES:
        raise ColumnError(
            f"column {name!r} has {len(values)} different categories",
            f"a categorical column may have {MOST_CATEGORIES}, since each becomes an input and an output",
            "drop the column if it names the row, else group its rare values",
        )


def ordered(values: Iterable[Category], series: Series | None = None) -> tuple[Category, ...]:
    """Categories in their order: the declared one of an Enum (unseen ones too), else sorted."""
    if series is not None and isinstance(series.dtype, nw.Enum):
        return tuple(series.dtype.categories)
    return tuple(sorted(values, key=lambda value: (type(value).__name__, value)))


def codes(series: Series, column: Column) -> Floats:
    """A categorical column as places among `column.categories`, float64 (n,), NaN where a cell is missing.

    Raises:
        ColumnError: a category was never seen in training.
    """
    unseen = ordered(distinct(series) - set(column.categories))
    if unseen:
        raise ColumnError(
            f"column {column.name!r} holds {_some(unseen)}, never seen in training",
            f"known categories are {_some(column.categories)}",
            f"map it to a known one, {'blank it, ' if column.gaps else ''}or train with rows that have it",
        )
    places = np.arange(len(column.categories), dtype=np.float64)
    places_of = series.replace_strict(list(column.categories), places.tolist(), return_dtype=nw.Float64)
    return places_of.to_numpy().astype(np.float64, copy=False)


def _some(values: Iterable[Category], most: int = 10) -> str:
    """At most ten values, as a reader would list them."""
    listed = [repr(value) for value in values]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def looked_up(places: Floats, categories: tuple[Category, ...]) -> list[Category | None]:
    """The categories at these places, (n,), rounded and clipped to those there are; None where a place is NaN.

    Example:
        >>> looked_up(np.array([0.0, 1.2, np.nan, 7.0]), ("no", "yes"))
        ['no', 'yes', None, 'yes']
    """
    missing = np.isnan(places)
    nearest = np.clip(np.rint(np.where(missing, 0.0, places)), 0, len(categories) - 1).astype(int)
    return [None if gap else categories[place] for place, gap in zip(nearest.tolist(), missing.tolist(), strict=True)]
