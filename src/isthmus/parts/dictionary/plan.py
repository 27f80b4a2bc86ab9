"""What a dictionary is to be, what a batch pays in it, and what it remembers of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


@dataclass(slots=True)
class Passage:
    """What one batch pays on its way through a dictionary, (B,) each; None for what nobody pays.

    Args:
        distortion: -log p(x | z) in nats; of nested levels the mean of theirs.
        sparsity: S, what the latents that are on cost at a price of 1.
        revival: Half the squared error that latents on trial leave of what the others left over.
        gate: Half the squared error of what gates alone would rebuild.
    """

    distortion: Tensor
    sparsity: Tensor | None = None
    revival: Tensor | None = None
    gate: Tensor | None = None


class Seen(NamedTuple):
    """What a training pass noted, for the upkeep after its step.

    Args:
        fired: Whether each latent was on in some row, (n,).
        mean_on: How many were on in a row, ().
        rows: B.
        cut: The least pre-activation that was on, ().
    """

    fired: Tensor
    mean_on: Tensor
    rows: int
    cut: Tensor


@dataclass(frozen=True, slots=True)
class Plan:
    """What a dictionary is to be.

    Args:
        features: D, numbers in a row.
        latents: n.
        wanted: How many latents shall be on in a row, on average.
        targets: T, numbers in what rows are to become; None for the rows themselves.
        tied: Whether the encoder looks for the decoder's own directions.
        precision: "bfloat16" where training is to search for latents by products in it, else "float32".
    """

    features: int
    latents: int
    wanted: float
    targets: int | None = None
    tied: bool = False
    precision: str = "float32"
