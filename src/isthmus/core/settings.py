"""What a fit really used: the caller's parameters with every "auto" replaced by what the data gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """The derived hyperparameters of one fit. `estimator.defaults` fills them in; parts and the loop read them.

    Args:
        latent_dim: Z, dimensions of the code.
        hidden_dims: Widths of the encoder's hidden layers (channels of a convolutional one), mirrored in the decoder.
        activation: Name of the non-linearity between layers.
        architecture: The backbone's own options, an object of `parts.backbones`.
        likelihood: Name of p(x | z).
        epochs: Passes over the data.
        batch_size: B, rows in one step.
        learning_rate: Peak step size of Adam.
        weight_decay: Decoupled decay of all weights, per step and learning rate.
        device: "cpu", "cuda", "cuda:1", "mps".
        precision: "float32" or "bfloat16" (of products; weights stay float32).
        rows: n, how many rows the fit has; 0 of a model that was saved before this was kept.
    """

    latent_dim: int
    hidden_dims: tuple[int, ...]
    activation: str
    architecture: Any
    likelihood: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    device: str
    precision: str
    rows: int = 0
