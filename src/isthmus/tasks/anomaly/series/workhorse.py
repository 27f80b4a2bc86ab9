"""The model that windows are given to, before its fit."""

from __future__ import annotations

import math
from typing import Any

from sklearn.base import clone

from isthmus.data.arrays import Series
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.models import family

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
    if isinstance(model, str):
        options: dict[str, Any] = {"random_state": seed, "device": device, "verbose": verbose, "scaling": "none"}
        if model == "auto":
            return family()["autoencoder"](**options, **_linear(*windows.shape[1:]))
        if model not in family():
            raise UnknownNameError.among("model", model, ("auto", *family()))
        return family()[model](**options)
    if not isinstance(model, Estimator):
        allowed = "it is 'auto', the name of a member of the family, or an unfitted estimator of ours"
        raise ParameterError(f"model={model!r:.60}", allowed, "use model='auto' or isthmus.VAE(...)")
    fresh = clone(model)
    if fresh.scaling == fresh.likelihood == "auto":
        fresh.set_params(scaling="none")
    return fresh if fresh.random_state is not None else fresh.set_params(random_state=seed)


def _linear(length: int, channels: int) -> dict[str, Any]:
    """Options of a linear autoencoder: few shapes for a channel, fewer for each the more there are."""
    latent_dim = min(round(SHAPES * math.sqrt(channels)), length * channels - 1)
    return {"latent_dim": max(1, latent_dim), "hidden_dims": (), "activation": "linear", "architecture": "mlp"}
