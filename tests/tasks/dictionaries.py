"""A dictionary that was not learnt but written down, so that what it fires on is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array


class Written:
    """Latents are on where rows have a positive part along their directions, which are at right angles.

    Args:
        components_: (L, d).
    """

    def __init__(self, components_: np.ndarray) -> None:
        self.components_ = components_
        self.calls: list[int] = []

    def transform(self, X: Any) -> Any:
        """Codes, CSR (n, L)."""
        self.calls.append(len(X))
        return csr_array(np.maximum(np.asarray(X) @ self.components_.T, 0).astype(np.float32))

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Rows."""
        return np.asarray(Z @ self.components_)
