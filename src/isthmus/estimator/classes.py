"""Classes that a prior is told: labels of rows on the way in, wishes on the way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from isthmus.errors import InputError, ParameterError
from isthmus.parts.priors.prior import Prior


def labelled(y: ArrayLike | None, kind: str, rows: int) -> tuple[list[Any], Tensor | None]:
    """The classes among labels, and which of them each row is, (n,); nothing where there are no labels.

    Raises:
        ParameterError: labels for a kind that takes none.
        InputError: not one label a row.
    """
    if y is None:
        return [], None
    if kind not in ("autoregressive", "diffusion"):
        came, allowed = f"y with kind={kind!r}", "an autoregressive or diffusion prior is told classes"
        raise ParameterError(came, allowed, "leave out y, or use kind='diffusion'")
    found: NDArray[Any] = np.asarray(y)
    if found.shape != (rows,):
        came = f"y of shape {found.shape}"
        raise InputError(came, f"it has one class for each of the {rows} rows", "give it the shape (n,)")
    classes, numbers = np.unique(found, return_inverse=True)
    return classes.tolist(), torch.from_numpy(numbers.astype(np.int64))


def condition_of(prior: Prior, y: Any, n: int) -> Tensor | None:
    """The number of each row's class among those that the prior was told, (n,); None for any.

    Raises:
        ParameterError: the prior knows no classes, or not this one.
        InputError: not one class for each of the rows.
    """
    if y is None:
        return None
    classes = prior.recipe.get("labels", [])
    asked = np.broadcast_to(np.asarray(y), (n,)) if np.ndim(y) == 0 else np.asarray(y)
    if asked.shape != (n,):
        raise InputError(f"y of shape {asked.shape}", f"one class, or one for each of the n={n} rows", "give it n")
    strange = next((label for label in asked.tolist() if label not in classes), None)
    if not classes or strange is not None:
        known = f"it was told the classes {classes}" if classes else "its prior was told no classes"
        raise ParameterError(f"y={y!r}", known, "call fit_prior(X, kind, y=classes)")
    return torch.tensor([classes.index(label) for label in asked.tolist()], device=prior.seen.device)
