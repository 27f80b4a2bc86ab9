"""Numbers as colours, the same in a figure and on a page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isthmus.report.charts.drawing import SERIES

Floats = NDArray[np.float64]

MIDDLE = "#f4f4f2"
BELOW, ABOVE = SERIES[0], SERIES[1]  # blue and orange: apart for every kind of sight
UNKNOWN = "#d0d3d6"


def rgb(colour: str) -> Floats:
    """A colour as three numbers in [0, 1].

    Example:
        >>> rgb("#ff0000").tolist()
        [1.0, 0.0, 0.0]
    """
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255


def signed(values: Floats, limit: float) -> Floats:
    """Blue below 0, orange above it, full at `limit` and beyond, grey where unknown: (...) -> (..., 3) in [0, 1].

    Example:
        >>> signed(np.array([-2.0, 0.0]), 1.0).round(2).tolist()
        [[0.12, 0.47, 0.78], [0.96, 0.96, 0.95]]
    """
    strength = np.clip(np.nan_to_num(values) / (limit or 1.0), -1, 1)[..., None]
    ends = np.where(strength < 0, rgb(BELOW), rgb(ABOVE))
    mixed = rgb(MIDDLE) + abs(strength) * (ends - rgb(MIDDLE))
    return np.where(np.isnan(values)[..., None], rgb(UNKNOWN), mixed)


def greys(values: Floats, low: float, high: float) -> Floats:
    """Black at `low`, white at `high`, (...) -> (..., 3); three channels of colour stay as they are, (..., 3)."""
    shown = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0), 0, 1)
    return shown


def limit_of(values: Floats) -> float:
    """How large the values are, but for the few largest: where a scale of colours ends."""
    known = abs(values[np.isfinite(values)])
    return float(np.quantile(known, 0.99)) if known.size else 1.0
