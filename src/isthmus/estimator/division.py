"""Which rows are trained on and which are held out, when a share of them is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import ParameterError, TooFewRowsError


def drawn(rows: int, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the rows to train on and of those to hold out, both in order.

    Args:
        rows: How many there are.
        share: To hold out, of all.
        seed: Of the draw.

    Raises:
        ParameterError: a share that is not between 0 and 1.
        TooFewRowsError: fewer rows than two parts need.

    Example:
        >>> drawn(5, 0.4, seed=0)
        (array([0, 1, 3]), array([2, 4]))
    """
    check_share(share)
    held_out = max(1, round(rows * share))
    if held_out >= rows:
        raise TooFewRowsError(f"validation={share!r} of n={rows} rows", "both parts need a row", "give more rows")
    order = np.random.default_rng(seed).permutation(rows)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def check_share(share: float) -> None:
    """Refuse what is no share of the rows."""
    if not 0 < share < 1:
        raise ParameterError(f"validation={share!r}", "a share lies between 0 and 1", "use validation=0.1")
