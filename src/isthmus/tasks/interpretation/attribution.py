"""Which latents a number that a network comes to is due to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch
from torch import Tensor

from isthmus.errors import InputError, ParameterError
from isthmus.tasks.interpretation.latents import Latents


class Attribution(NamedTuple):
    """What each latent contributes, in units of the metric.

    Args:
        scores: Sum over all places, (n,).
        places: Of each place, (rows, n) CSR; places of the batch in their order.
        metric: The number itself.
    """

    scores: npt.NDArray[np.float32]
    places: Any
    metric: float

    def top(self, count: int = 10) -> list[tuple[int, float]]:
        """The latents that contribute most, either way, with their scores."""
        order = np.argsort(-np.abs(self.scores), kind="stable")[:count]
        return [(int(latent), float(self.scores[latent])) for latent in order]


def attributed(
    latents: Latents, metric: Callable[[], Tensor], changes: list[Callable[[Tensor], Tensor]], steps: int
) -> Attribution:
    r"""The slope of a metric along each latent, times how strongly the latent is on.

    .. math:: A_j = z_j \cdot \frac1S \sum_{i=1}^S \frac{\partial m(x - (1 - \alpha_i) z V)}{\partial z_j},
              \quad \alpha_i = \frac{i - 1/2}{S}, \quad \text{and with } S = 1 \quad \alpha = 1

    With one step it is the slope where the network is; with many the scores add up to what all latents together
    change.

    Args:
        latents: The dictionary.
        metric: Runs the network and returns the number.
        changes: Those that the hook makes, of which the dictionary's part becomes one.
        steps: S.

    Raises:
        ParameterError: no step.
        InputError: the metric is no single number, or does not depend on this place.

    Paper:
        Sundararajan et al. 2017, arXiv:1703.01365, eq. 3; on latents of a dictionary, Marks et al. 2024,
        arXiv:2403.19647, section 3.
    """
    if steps < 1:
        raise ParameterError(f"steps={steps}", "the slope is taken at one point at least", "use steps=1")
    shares = [1.0] if steps == 1 else [(step + 0.5) / steps for step in range(steps)]
    total: Tensor | float = 0.0
    for share in shares:
        z, slope, value = _slope(latents, metric, changes, share)
        total = total + slope / len(shares)
    scores = (z * total).cpu().float().numpy()
    if steps > 1:
        value = float(metric().detach())
    return Attribution(scores.sum(0), scipy.sparse.csr_array(scores), value)


def _slope(
    latents: Latents, metric: Callable[[], Tensor], changes: list[Callable[[Tensor], Tensor]], share: float
) -> tuple[Tensor, Tensor, float]:
    """z, the metric's slope along it where a share of it is there, both (rows, n), and the metric."""
    leaves: list[Tensor] = []

    def change(x: Tensor) -> Tensor:
        """The same activations, as a function of their latents, of which a share is there."""
        z = latents.encode(x).requires_grad_()
        leaves.append(z)
        rebuilt = latents.decode(z)
        return (rebuilt - rebuilt.detach()) - (1 - share) * (rebuilt.detach() - latents.decode(torch.zeros_like(z)))

    changes.append(change)
    try:
        with torch.enable_grad():
            value = metric()
            if value.numel() != 1:
                came = f"a metric of shape {tuple(value.shape)}"
                raise InputError(came, "one number is attributed", "sum it, or take one entry")
            if not leaves or not value.requires_grad:
                came = f"a metric of {float(value.detach()):g} that runs this place {len(leaves)} times"
                allowed = "it is computed from this place, with gradients"
                raise InputError(came, allowed, "let it run the model, and detach nothing")
            slopes = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    finally:
        changes.remove(change)
    whole = [torch.zeros_like(z) if slope is None else slope for z, slope in zip(leaves, slopes, strict=True)]
    return torch.cat([z.detach() for z in leaves]), torch.cat(whole), float(value.detach())
