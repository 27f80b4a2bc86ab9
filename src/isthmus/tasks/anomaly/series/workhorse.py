"""The model that windows are given to, before its fit."""

from __future__ import annotations

import math
from typing import Any

from isthmus.data.arrays import Series
from isthmus.tasks.anomaly import recipe

SHAPES = 4  # that a window of one channel is worth: a level, a slope, and a wave with its phase


def unfitted(model: Any, windows: Series, seed: int, device: str, verbose: int) -> Any:
    """A fresh model for windows whose channels are scaled already, which it therefore leaves as they are.

    Args:
        model: "auto", a member's name, or an unfitted estimator, which is cloned.
        windows: (n, w, c).
        seed: For a model without one.
        device: For a model given by name.
        verbose: For a model given by name.

    Raises:
        UnknownNameError: no member of that name.
        ParameterError: anything else.
    """
    fresh = recipe.unfitted(model, seed, 0, device=device, verbose=verbose)
    if model == "auto":
        fresh.set_params(**linear(*windows.shape[1:]))
    if isinstance(model, str) or fresh.scaling == fresh.likelihood == "auto":
        fresh.set_params(scaling="none")
    return fresh


def linear(length: int, channels: int) -> dict[str, Any]:
    """Options of a linear autoencoder: few shapes for a channel, fewer for each the more there are."""
    latent_dim = min(round(SHAPES * math.sqrt(channels)), length * channels - 1)
    return {"latent_dim": max(1, latent_dim), "hidden_dims": (), "activation": "linear", "architecture": "mlp"}
