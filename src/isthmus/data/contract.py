"""What the rows of a table must be: enough of them, finite, and later with the columns that the model learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus.core.spec import Spec
from isthmus.errors import ColumnError, InputError, MissingValueError, TooFewRowsError, ValueRangeError

LARGEST = 1e38
"""Numbers beyond this leave float32, in which networks compute."""

ROUNDING = 1e-6  # what scaling in float32 may add to a value at the edge of its domain


def check_shape(shape: Sequence[int], who: str = "the model", least: int = 1) -> None:
    """Refuse what is no table, or has too few rows or no columns.

    Args:
        shape: Shape of what came.
        who: Name of the model that asks, for the message.
        least: The fewest rows it can use.

    Raises:
        InputError: not two axes, or no columns.
        TooFewRowsError: fewer rows than `least`.
    """
    rules = f"while a minimum of {{}} is required by {who}"
    if len(shape) != 2:
        allowed = f"Expected 2D array, got {len(shape)}D array instead: rows are samples, columns are features"
        one = "Reshape your data with X.reshape(-1, 1) if it has one feature or X.reshape(1, -1) if it is one sample"
        raise InputError(f"X of shape {tuple(shape)}", allowed, one)
    if shape[1] < 1:
        allowed = f"Found array with 0 feature(s) (shape={tuple(shape)}) {rules.format(1)}"
        raise InputError("X without columns", allowed, "check how the columns were selected")
    if shape[0] < least:
        allowed = f"Found array with {shape[0]} sample(s) (shape={tuple(shape)}) {rules.format(least)}"
        raise TooFewRowsError(f"X with n_samples={shape[0]}", allowed, "check how the rows were selected, or add some")


def check_width(width: int, spec: Spec, who: str = "the model") -> None:
    """Refuse another number of columns than was learnt.

    Raises:
        ColumnError: the numbers differ.
    """
    learnt = spec.shape[0]
    if width != learnt:
        allowed = f"X has {width} features, but {who} is expecting {learnt} features as input"
        raise ColumnError(f"X with {width} columns", allowed, f"give the {learnt} columns it was trained on")


def check_names(names: Sequence[str], spec: Spec) -> None:
    """Refuse missing, extra and reordered columns.

    The middle of each message is scikit-learn's own sentence, which its users know (and its checks look for).

    Raises:
        ColumnError: the names are not those of training, in the same order.
    """
    learnt = [column.name for column in spec.columns]
    if list(names) == learnt:
        return
    extra, missing = sorted(set(names) - set(learnt)), sorted(set(learnt) - set(names))
    said = "The feature names should match those that were passed during fit.\n"
    fix = "select the columns it was trained on, in their order: X[model.feature_names_in_]"
    if missing:
        fix = "add the missing columns, and keep the order of model.feature_names_in_"
    if extra:
        said += "Feature names unseen at fit time:\n" + _listed(extra)
    if missing:
        said += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    if not extra and not missing:
        said += "Feature names must be in the same order as they were in fit."
    raise ColumnError(f"X with the columns {_some(names)}, where training had {_some(learnt)}", said, fix)


def _listed(names: Sequence[str]) -> str:
    """Five names at most, one a line."""
    return "".join(f"- {name}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")


def _some(names: Iterable[str], most: int = 12) -> str:
    """A dozen names at most, as a list."""
    every = list(map(str, names))
    more = f", ... ({len(every)} in all)" if len(every) > most else ""
    return f"[{', '.join(every[:most])}{more}]"


def check_kind(name: str, came: str | None, learnt: str) -> None:
    """Refuse a column of another kind than in training; one without any value fits all.

    Raises:
        ColumnError: the kinds differ.
    """
    if came not in (None, learnt):
        types = {"numeric": "float", "boolean": "bool", "categorical": "str", "datetime": "datetime64[us]"}
        raise ColumnError(
            f"column {name!r} is {came}",
            f"it was {learnt} in training, and a column keeps its type",
            f"convert it: X[{name!r}].astype({types[learnt]!r})",
        )


def are_tame(cells: npt.NDArray[Any]) -> bool:
    """Whether no cell is NaN, infinite or large: one pass, the sum of squares. It may say no without a reason."""
    flat = cells.ravel(order="K")
    flat = flat.astype(np.float32) if flat.itemsize < 4 else flat
    return bool(np.vdot(flat, flat) < LARGEST)


def check_finite(values: npt.NDArray[Any], names: Sequence[str], first_row: int = 0) -> bool:
    """Refuse infinities, and numbers that float32 cannot hold; NaN passes.

    Args:
        values: Floats, (n, D).
        names: The columns' names, D of them.
        first_row: Row number of the first row, for the message.

    Returns:
        Whether there is no NaN either.

    Raises:
        InputError: some cell is infinite or beyond `LARGEST`; the message says the row and column.
    """
    if are_tame(values):  # one pass; where it fails a slower one looks closer
        return True
    with np.errstate(invalid="ignore"):
        wrong = np.argwhere(np.abs(values) > LARGEST)
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"row {first_row + row}, column {names[column]!r} holds {values[row, column]}",
            "Input X contains infinity or a value too large for float32, which no scaling brings back",
            "blank such cells, X.replace([np.inf, -np.inf], np.nan), or drop the rows",
        )
    return not np.isnan(values).any()


def check_gaps(gaps: npt.NDArray[np.bool_], spec: Spec) -> None:
    """Refuse missing cells in columns that had none in training.

    Args:
        gaps: Whether each column has missing cells, (D,).
        spec: What was learnt.

    Raises:
        MissingValueError: some column has its first gap now.
    """
    new = [column.name for column, gap in zip(spec.columns, gaps, strict=True) if gap and not column.gaps]
    if new:
        raise MissingValueError(
            f"column{'s' if len(new) > 1 else ''} {_some(new)} with missing cells (NaN)",
            "Input X contains NaN where training had no missing cell, so the model never learnt to fill that",
            "fill the cells, drop the rows, or train with some missing cells there",
        )


def check_domain(x: npt.NDArray[Any], spec: Spec, likelihood: str, bounds: tuple[float, float, bool], row: int) -> None:
    """Refuse values that the likelihood gives no price.

    Args:
        x: Scaled values, (n, ...), NaN where missing.
        spec: What was learnt; names the column.
        likelihood: Its name.
        bounds: (low, high, whole): the domain, and whether only whole numbers lie in it.
        row: Row number of the first row, for the message.

    Raises:
        ValueRangeError: some value lies outside.
    """
    low, high, whole = bounds
    outside = (x < low - ROUNDING) | (x > high + ROUNDING)
    if whole:
        outside |= x != np.rint(x)
        outside &= ~np.isnan(x)
    if not outside.any():
        return
    place = np.argwhere(outside)[0]
    where = f"column {spec.columns[place[1]].name!r}" if spec.columns else f"place {tuple(map(int, place[1:]))}"
    kind = "whole numbers" if whole else "values"
    span = f"from {low:g} to {high:g}" if np.isfinite(high) else f"from {low:g} on"
    raise ValueRangeError(
        f"{where} holds {x[tuple(place)]:g} in row {row + place[0]}",
        f"likelihood={likelihood!r} prices {kind} {span}",
        "use likelihood='gaussian', which prices every number, or bring the column into that range",
    )
