"""Which kind of samples the rows are of, from what the caller gave."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import InputError
from isthmus.tasks.interpretation.dashboard.samples import Columns, Labelled, Pictures, Samples, Tokens

AROUND = 1  # patches that are shown on each side of the one that a row is of


def samples_of(
    rows: Any, activations: Any, spell: Callable[[int], str], labels: ArrayLike | None = None, patch: int | None = None
) -> Samples:
    """What the rows are of.

    Args:
        rows: As `dashboard` takes them.
        activations: Likewise; their labels are read where they have some.
        spell: A token's text by its number.
        labels: What is known of each row, or None.
        patch: Pixels along the edge of a patch, or None.

    Raises:
        InputError: they are of no kind that can be shown.

    Example:
        >>> samples_of(["a", "b"], np.eye(2), str).words
        ['a', 'b']
    """
    found = _samples(rows, activations, spell, patch)
    return found if labels is None else Labelled(found, labels)


def _samples(rows: Any, activations: Any, spell: Callable[[int], str], patch: int | None) -> Samples:
    """The samples without what else is known of them."""
    tokens = getattr(activations, "tokens", None)
    if rows is None and tokens is not None and len(tokens) and tokens.max() >= 0:
        return Tokens(tokens, activations.positions, activations.documents, spell)
    if rows is None:
        return Columns(_columns(np.asarray(activations)))
    if hasattr(rows, "columns"):
        return Columns(_columns(rows))
    array = np.asarray(getattr(rows, "array", rows))
    if array.ndim == 1:
        return _tokens(array, spell)
    if array.ndim == 2:
        return Columns(_columns(array))
    if array.ndim > 4:
        raise InputError(
            f"rows of shape {array.shape}", "pictures are (n, h, w) or (n, h, w, c)", "give slices of them"
        )
    span = float(array.min()), float(array.max())
    if patch is None:
        return Pictures(array.__getitem__, len(array), span)
    places = activations.documents, activations.positions
    return Pictures(partial(_patch, array, *places, patch), activations.shape[0], span)


def _tokens(tokens: NDArray[Any], spell: Callable[[int], str]) -> Tokens:
    """Tokens that follow each other in one text, by number or as they are spelt."""
    if tokens.dtype.kind in "iu":
        return Tokens(tokens, np.arange(len(tokens)), np.zeros(len(tokens), np.int64), spell)
    words, numbers = np.unique(tokens.astype(str), return_inverse=True)
    return Tokens(numbers, np.arange(len(tokens)), np.zeros(len(tokens), np.int64), lambda token: str(words[token]))


def _columns(rows: Any) -> dict[str, NDArray[Any]]:
    """A frame's columns, or those of a matrix by their numbers."""
    if isinstance(rows, np.ndarray):
        return {f"x{number}": column for number, column in enumerate(rows.T)}
    import narwhals as nw

    frame = nw.from_native(rows, eager_only=True)
    return {name: frame[name].to_numpy() for name in frame.columns}


def _patch(
    images: NDArray[Any], documents: NDArray[Any], positions: NDArray[Any], patch: int, row: int
) -> NDArray[Any]:
    """A patch with those around it; patches are counted along the rows of a picture, from 0."""
    image = images[documents[row]]
    down, across = divmod(int(positions[row]), image.shape[1] // patch)
    top, left = (max(place - AROUND, 0) * patch for place in (down, across))
    cut: NDArray[Any] = image[top : (down + AROUND + 1) * patch, left : (across + AROUND + 1) * patch]
    return cut
