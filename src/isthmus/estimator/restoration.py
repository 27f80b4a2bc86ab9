"""Gaps closed with what the model expects there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from isthmus.errors import InputError
from isthmus.estimator.inputs import give_back, read


class Filled:
    """A source with its rows held in one tensor.

    Args:
        spec: What they are.
        x: (n, ...), NaN where a cell is hidden.
    """

    def __init__(self, spec: Any, x: torch.Tensor) -> None:
        self.spec, self.x = spec, x

    def __len__(self) -> int:
        return len(self.x)

    def block(self, start: int, stop: int) -> torch.Tensor:
        """A copy of these rows."""
        return self.x[start:stop].clone()


def fill(estimator: Any, X: Any, mask: Any) -> Any:
    """X with hidden cells replaced by the expected value of p(x | z) there; known cells come back as they were.

    Raises:
        InputError: a mask of another shape than X.
    """
    source = read(estimator, X)
    x = source.block(0, len(source))
    known = ~torch.isnan(x)
    if mask is not None:
        shape = np.shape(mask)
        if shape != tuple(x.shape):
            raise InputError(f"mask of shape {shape}", f"it marks the known cells of X, {tuple(x.shape)}", "reshape it")
        known &= torch.as_tensor(np.asarray(mask, dtype=bool))
    hidden = Filled(source.spec, torch.where(known, x, source.spec.hidden_value))
    expected = estimator._blocks().run(hidden, estimator._rebuilt)
    return give_back(estimator, torch.where(known, x, expected), like=X)
