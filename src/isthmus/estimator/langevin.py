"""A denoising autoencoder as the slope of a density: which way rows become likelier, and walks along it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real, whole
from isthmus.estimator.exploration import source_of_noise
from isthmus.estimator.inputs import give_back, read


@dataclass(frozen=True)
class Slope:
    r"""(r(x) - x) / sigma^2 of each row, (B, ...), in scaled units: a function of a batch, equal to its equals.

    Args:
        network: Which gives r, the expected x.
        sigma: Of the noise that it learnt to take away.
    """

    network: Any
    sigma: float

    def __call__(self, batch: Batch) -> Tensor:
        """(B, ...)."""
        return (self.network.rebuild(batch) - batch.x) / self.sigma**2  # type: ignore[no-any-return]


def score_function(estimator: Any, X: Any) -> Any:
    """The slope at each row, in the units of X; see `FitsPriors.score_function`."""
    spec: Spec = estimator.spec_
    slopes = estimator._blocks().run(read(estimator, X), Slope(estimator.network_, estimator.amount)).double().numpy()
    if spec.kind == "table":
        return slopes / spec.scale.numpy()
    moved = np.moveaxis(slopes, 1, -1) / spec.factor
    return moved if spec.layout.endswith("c") else moved[..., 0]


def langevin(estimator: Any, n: int, steps: int, sigma: float | None, random_state: Any) -> Any:
    """n rows at the end of walks; see `FitsPriors.langevin`."""
    stride = estimator.amount if sigma is None else real("sigma", sigma)
    slope, generator = Slope(estimator.network_.eval(), estimator.amount), source_of_noise(estimator, random_state)
    with torch.inference_mode():
        x = begun(estimator.spec_, whole("n", n), generator)
        for _ in range(whole("steps", steps)):
            noise = torch.randn(x.shape, generator=generator, device=generator.device)
            x = x + 0.5 * stride**2 * slope(Batch(x)) + stride * noise
    return give_back(estimator, x.cpu())


def begun(spec: Spec, n: int, generator: torch.Generator) -> Tensor:
    """Where walks begin, (n, ...): anywhere between the least and greatest x seen, or in N(0, I) where that is open."""
    low, high = spec.value_range
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * torch.rand(n, *spec.shape, generator=generator, device=generator.device)
    return torch.randn(n, *spec.shape, generator=generator, device=generator.device)
