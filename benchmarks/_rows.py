"""Rows made up for timing: a curved surface in many columns, with a few rows off it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FACTORS, UNITS = 8, 64  # dimensions of the surface, and the width of the network that bends it
NOISE, PUSH = 0.1, 0.6  # spread off the surface, and how far an anomaly lies from it, in deviations of its columns


def rows(n: int, columns: int, seed: int, anomalies: float = 0.002) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """n rows, (n, columns), and which of them are anomalies, (n,).

        x = tanh(z A / 3) B + noise,   z ~ N(0, I);   an anomaly is pushed by 0.6 deviations in every column

    Args:
        n: Rows.
        columns: D.
        seed: Draws A and B, then the rows.
        anomalies: Share of the rows that are pushed.
    """
    random = np.random.default_rng(seed)
    inner = random.standard_normal((FACTORS, UNITS), dtype=np.float32) / 3
    outer = random.standard_normal((UNITS, columns), dtype=np.float32) / 8
    z = random.standard_normal((n, FACTORS), dtype=np.float32)
    x = (np.tanh(z @ inner) @ outer).astype(np.float32)
    x += NOISE * random.standard_normal((n, columns), dtype=np.float32)
    pushed = np.zeros(n, dtype=bool)
    pushed[random.choice(n, round(n * anomalies), replace=False)] = True
    x[pushed] += PUSH * x.std(0) * random.standard_normal((pushed.sum(), columns), dtype=np.float32)
    return x, pushed
