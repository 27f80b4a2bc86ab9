"""Rows, reconstructions and codes as the network has them: x in scaled units, whatever the caller's container is."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.errors import AbilityError, ParameterError
from isthmus.estimator.inputs import read

Floats = NDArray[np.float64]


def spread(estimator: Any, X: Any, count: int) -> tuple[Tensor, list[int]]:
    """x of some rows, evenly from first to last since rows often come sorted, (n, *shape), and which rows they are."""
    if count < 1:
        raise ParameterError(f"rows={count!r}", "a picture shows at least one row", "use rows=8")
    check_is_fitted(estimator)
    source = read(estimator, X)
    chosen = np.unique(np.linspace(0, len(source) - 1, count).astype(int)).tolist()
    return torch.cat([source.block(row, row + 1) for row in chosen]), chosen


def seen(estimator: Any, X: Any) -> Tensor:
    """x of all rows, (n, *shape)."""
    source = read(estimator, X)
    return source.block(0, len(source))


def rebuilt(estimator: Any, x: Tensor) -> Tensor:
    """What comes out for x, (n, *shape)."""
    refuse_conditional(estimator)
    spec: Spec = estimator.spec_
    with torch.inference_mode():
        x = x.to(estimator.settings_.device)
        batch = Batch(x, None if spec.is_plain else ~torch.isnan(x))
        answer: Tensor = estimator.network_.eval().rebuild(batch).cpu()
    return answer


def decoded(estimator: Any, z: Tensor) -> Tensor:
    """What comes out for codes, (n, Z) -> (n, *shape)."""
    refuse_conditional(estimator)
    network = estimator.network_.eval()
    with torch.inference_mode():
        z = z.to(estimator.settings_.device).reshape(-1, *estimator.latent_shape_)
        answer: Tensor = network.mean(network.decode(z)).cpu()
    return answer


def refuse_conditional(estimator: Any) -> None:
    """Refuse a model that a picture cannot tell what it is told.

    Raises:
        AbilityError: it is conditional.
    """
    if estimator.is_conditional:
        came, allowed = (
            f"a picture of {type(estimator).__name__}",
            "it is told a y beside each row, a picture is not",
        )
        raise AbilityError(came, allowed, "draw what model.reconstruct(X, y=y) or model.sample(n, y=y) gives")


def numbers(x: Tensor) -> Floats:
    """A tensor as float64."""
    return x.numpy().astype(np.float64)
