"""What charts read: numbers as float64 arrays, without what cannot be drawn, and never more than a page can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError, InputTypeError, ParameterError, ValueRangeError

Floats = npt.NDArray[np.float64]
LARGEST = 1e100  # beyond it the distances on a drawing overflow
V = TypeVar("V")


def numbers_of(name: str, values: npt.ArrayLike, ndim: int = 1) -> Floats:
    """The values as float64, in `ndim` dimensions.

    Raises:
        InputTypeError: They are not numbers.
        InputError: They have another number of dimensions.
        ValueRangeError: One of them is finite and beyond 1e100.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        came = f"{name} of type {type(values).__name__}"
        raise InputTypeError(came, f"a chart draws real numbers ({error})", "pass an array of floats") from error
    if array.ndim != ndim:
        allowed = f"it has {ndim} dimension{'s' * (ndim > 1)}, and as many rows as there are samples"
        raise InputError(f"{name} has shape {array.shape}", allowed, "reshape it")
    extreme = np.abs(array[np.isfinite(array)]).max(initial=0.0)
    if extreme > LARGEST:
        allowed = f"numbers up to {LARGEST:g} can be drawn"
        raise ValueRangeError(f"{name} reaches {extreme:g}", allowed, "draw their logarithm, or clip them")
    return array


def finite_of(name: str, values: npt.ArrayLike) -> tuple[Floats, int]:
    """The finite values in one dimension, and how many others there were.

    Raises:
        InputError: None is finite. And as `numbers_of`.
    """
    array = numbers_of(name, values)
    finite = array[np.isfinite(array)]
    if not finite.size:
        came = f"{name} holds {array.size} values, none of them finite"
        raise InputError(came, "a chart needs at least one", "leave it out, or look for where NaN comes from")
    return finite, array.size - finite.size


def same_length(**arrays: Sequence[object] | Floats | None) -> None:
    """Check that arrays which describe the same things are equally long; None stands for not given.

    Raises:
        InputError: They are not, or they are empty.
    """
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        came = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(came, "all have one entry for each thing that is drawn, and at least one", "match them")


def few(name: str, things: Mapping[str, V], most: int) -> dict[str, V]:
    """The things to draw, if a reader can tell that many apart.

    Raises:
        ParameterError: There are none, or more than `most`.
    """
    if not 1 <= len(things) <= most:
        allowed = f"1 to {most} can be told apart in one chart"
        raise ParameterError(f"{name} holds {len(things)} entries", allowed, "choose the ones that matter")
    return dict(things)


def thinned(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """At most `most` points of a curve: of each stretch its lowest and its highest, so that no spike is lost.

    Args:
        x: (n,), in the order in which the curve runs.
        y: (n,); NaN where the curve has a gap.
        most: Even number of points to keep.
    """
    if len(x) <= most:
        return x, y
    starts = np.linspace(0, len(x), most // 2 + 1).astype(int)
    filled = np.where(np.isnan(y), np.inf, y), np.where(np.isnan(y), -np.inf, y)
    stretches = list(zip(starts[:-1], starts[1:], strict=True))
    low = [start + int(filled[0][start:stop].argmin()) for start, stop in stretches]
    high = [start + int(filled[1][start:stop].argmax()) for start, stop in stretches]
    kept = np.unique([0, *low, *high, len(x) - 1])
    return x[kept], y[kept]


def sampled(count: int, most: int) -> npt.NDArray[np.intp]:
    """Indices of at most `most` of `count` points, in order: the same ones at every call.

    Example:
        >>> sampled(3, 5)
        array([0, 1, 2])
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))
