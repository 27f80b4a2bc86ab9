"""Rows that lie beyond all numbers: what they cost overflows, and no comparison with NaN would call them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BEYOND = float(np.finfo(np.float64).max)
"""The score of such a row: above every threshold, and a number, since JSON and histograms know no infinity."""


def in_numbers(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of any shape, the largest number in the place of what is none.

    Example:
        >>> (in_numbers(np.array([1.0, np.nan, np.inf])) > 2.0).tolist()
        [False, True, True]
    """
    return np.where(np.isfinite(scores), scores, BEYOND)
