"""Square pieces of photographs, from a part of their width: what is learnt from on the left is not judged on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
LEFT, RIGHT = (0.0, 0.75), (0.75, 1.0)  # shares of a photograph's width, to learn from and to judge by


def patches(
    photographs: Sequence[NDArray[np.uint8]], count: int, edge: int, seed: int, span: tuple[float, float]
) -> Images:
    """Patches cut evenly from all photographs and from all over a part of their width, (n, edge, edge, c) in [0, 1]."""
    random, found = np.random.default_rng(seed + 1), list[Images]()
    for place in range(count):
        photograph = photographs[place % len(photographs)]
        left, right = (round(end * photograph.shape[1]) for end in span)
        row, column = random.integers(photograph.shape[0] - edge + 1), random.integers(left, right - edge + 1)
        piece = photograph[row : row + edge, column : column + edge].astype(np.float32) / 255
        found.append(piece.reshape(edge, edge, -1))
    return np.stack(found)
