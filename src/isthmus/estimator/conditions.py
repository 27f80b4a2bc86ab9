"""y beside X: who takes one, who refuses it, and the rows with what is told beside each."""

from __future__ import annotations

from typing import Any

from sklearn.utils import _safe_indexing

from isthmus.core.source import Source
from isthmus.data.arrays import Tagged
from isthmus.data.conditions import Condition, Conditioned, opened_condition
from isthmus.errors import InputError, InputTypeError, ParameterError
from isthmus.estimator.division import drawn
from isthmus.estimator.inputs import learn, read


def learn_told(estimator: Any, X: Any, y: Any) -> Source:
    """The training rows; of a conditional member with y beside them, after `condition_` has learnt what y is.

    Raises:
        InputError: X or y cannot be used, or a conditional member has no y.
        ParameterError: X stays in its files, beside a y in memory.
    """
    source = learn(estimator, estimator.rows(X))
    if not estimator.is_conditional:
        return source
    if y is None:
        came = f"{type(estimator).__name__}.fit(X) without y. requires y to be passed, but the target y is None"
        allowed = "it learns p(x | y): y is a label, a row of attributes or an image for each row"
        raise InputError(came, allowed, "give y, or use VAE(), which is told none")
    if hasattr(source, "batches"):
        came, allowed = "y beside rows that stay in their files", "a condition is shuffled with rows in memory"
        raise ParameterError(came, allowed, "read the rows, and give them as an array or frame")
    check_length(y, len(source))
    estimator.condition_ = Condition.learn(y, source.spec)
    return beside(estimator, source, y)


def read_told(estimator: Any, X: Any, y: Any) -> Source:
    """Rows for a fitted estimator; of a conditional member with y beside them.

    Raises:
        NotFittedError: there was no fit.
        InputError: X or y cannot be used, or a conditional member has no y.
        InputTypeError: y for a member that is not conditional.
    """
    source = read(estimator, estimator.rows(X))
    return beside(estimator, source, y)


def beside(estimator: Any, source: Source, y: Any) -> Source:
    """Rows that are read, codes among them, with y beside each where the estimator is conditional."""
    if estimator.is_conditional:
        return Conditioned(source, estimator.condition_.read(y, len(source)))
    if y is not None:
        came, allowed = f"y for {type(estimator).__name__}", "it is told nothing beside its rows"
        raise InputTypeError(came, allowed, "leave y out, or use ConditionalVAE")
    return source


def held_apart(y: Any, validation: Any, seed: int) -> tuple[Any, Any, Any]:
    """y of the rows to train on, what `validation` is of X alone, and y of the rows to hold out.

    Args:
        y: Of all rows.
        validation: A share, or rows and their y as a pair.
        seed: Of the draw.

    Raises:
        InputError: rows to hold out came without y.
    """
    if validation is None:
        return y, None, None
    if isinstance(validation, (int, float)):
        train, held = drawn(len(y), validation, seed)
        return taken(y, train), validation, taken(y, held)
    return y, *with_their_y("validation", validation)


def with_their_y(name: str, held_out: Any) -> tuple[Any, Any]:
    """Rows that are held out, and their y.

    Raises:
        InputError: they came without.
    """
    if not isinstance(held_out, tuple) or len(held_out) != 2:
        came, allowed = f"{name}, a {type(held_out).__name__}", "rows that are held out have a y of their own"
        raise InputError(came, allowed, f"give both as a pair: {name}=(X_{name}, y_{name})")
    return held_out


def check_length(y: Any, n: int) -> None:
    """Refuse a y that has not one entry for each of n rows."""
    shape = opened_condition(y).shape
    if not shape or shape[0] != n:
        came = f"y of shape {tuple(shape)} beside n={n} rows"
        raise InputError(came, "in training each row has a condition of its own", f"give y with {n} entries")


def taken(y: Any, rows: Any) -> Any:
    """These entries of y, in its own container."""
    return y[rows] if isinstance(y, Tagged) else _safe_indexing(y, rows)
