"""Gaps closed with what the model expects there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from isthmus.data.memory import TensorSource
from isthmus.errors import InputError
from isthmus.estimator.inputs import give_back, read


def fill(estimator: Any, X: Any, mask: Any) -> Any:
    """X with hidden cells replaced by the expected value of p(x | z) there; known cells come back as they were.

    Raises:
        InputError: a mask of another shape than X.
    """
    source = read(estimator, X, gaps=True)
    x = source.block(0, len(source))
    known = ~torch.isnan(x)
    if mask is not None:
        shape = np.shape(mask)
        if shape != tuple(x.shape):
            raise InputError(f"mask of shape {shape}", f"it marks the known cells of X, {tuple(x.shape)}", "reshape it")
        known &= torch.as_tensor(np.asarray(mask, dtype=bool))
    hidden = TensorSource(torch.where(known, x, source.spec.hidden_value), source.spec)
    expected = estimator._blocks().run(hidden, estimator._rebuilt)
    return give_back(estimator, torch.where(known, x, expected), like=X)
