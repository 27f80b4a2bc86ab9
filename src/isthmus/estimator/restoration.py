"""Damage undone: noise taken away, gaps closed with what the model expects there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.data.arrays import channels_first, sample_shape
from isthmus.data.memory import TensorSource
from isthmus.errors import InputError
from isthmus.estimator.abilities import require
from isthmus.estimator.conditions import beside
from isthmus.estimator.inputs import give_back, read


class Restores:
    """The verbs of an estimator that learnt to rebuild rows it saw damaged."""

    if TYPE_CHECKING:
        reconstruct: Any

    def denoise(self, X: Any) -> Any:
        """Rows with the corruption undone that the model was trained on.

        Raises:
            AbilityError: it was trained on none.
        """
        require(self, "denoise")
        return self.reconstruct(X)

    def fill(self, X: Any, mask: ArrayLike | None = None, *, y: Any = None) -> Any:
        """X with its missing cells replaced by what the model expects there.

        Args:
            X: Rows with gaps.
            mask: True where a cell is known, (n, ...); None takes the cells that are not missing.
            y: What a conditional member is told beside the rows.

        Raises:
            AbilityError: the model never learnt to see gaps.
        """
        check_is_fitted(self)
        require(self, "fill")
        return fill(self, X, mask, y)

    def fills(self) -> bool:
        """Whether training had cells hidden or missing."""
        spec: Spec | None = getattr(self, "spec_", None)
        return bool(spec and any(c.gaps for c in spec.columns)) or getattr(self, "corruption", "") == "masking"


def fill(estimator: Any, X: Any, mask: Any, y: Any = None) -> Any:
    """X with hidden cells replaced by the expected value of p(x | z) there; known cells come back as they were.

    Raises:
        InputError: a mask of another shape than X.
    """
    source = read(estimator, X, gaps=True)
    x = source.block(0, len(source))
    known = ~torch.isnan(x)
    if mask is not None:
        known &= known_cells(mask, len(x), source.spec)
    hidden_value = getattr(estimator.network_, "hidden_value", source.spec.hidden_value)
    hidden = TensorSource(torch.where(known, x, hidden_value), source.spec)
    expected = estimator._blocks().run(beside(estimator, hidden, y), estimator._filled)
    return give_back(estimator, torch.where(known, x, expected), like=X)


def known_cells(mask: ArrayLike, n: int, spec: Spec) -> Tensor:
    """The mask of n rows, which has the shape of X, in the shape of x.

    Raises:
        InputError: it has another shape.
    """
    marked: NDArray[np.bool_] = np.asarray(mask, dtype=bool)
    is_table = spec.kind == "table"
    shape = (n, *(spec.shape if is_table else sample_shape(spec)))
    if marked.shape != shape:
        raise InputError(f"mask of shape {marked.shape}", f"it marks the known cells of X, {shape}", "reshape it")
    return torch.from_numpy(marked if is_table else channels_first(marked, spec.layout).copy())
