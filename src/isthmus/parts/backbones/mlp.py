"""Multilayer perceptrons: the default for tables, and for any data when flattened."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.bypass import Bypass
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.backbones.options import check_options, rate_in
from isthmus.parts.entry import flat_entry


@dataclass(frozen=True, kw_only=True)
class MLP:
    """Dense layers of `hidden_dims`, mirrored in the decoder.

        x (B, ...) -> flat (B, D) -> hidden_dims -> h          z -> hidden_dims reversed -> params (B, ...)

    Args:
        normalization: "none", "batch" or "layer", before each activation.
        dropout: Probability of dropping a hidden unit in training.
        dropout_in: Where: "encoder", "decoder" or "both".
        skip_connections: Whether the encoder's hidden layers reach the decoder's around the code. What goes that way
            has no price, so neither code nor rate says any more what crosses.

    Raises:
        UnknownNameError: an option has a value that is not among its names.
        ParameterError: dropout is no share.
    """

    normalization: str = "none"
    dropout: float = 0.0
    dropout_in: str = "both"
    skip_connections: bool = False

    def __post_init__(self) -> None:
        """Meet a wrong option here, and not in the middle of a fit."""
        check_options(self)

    def code_shape(self, spec: Spec, hidden_dims: tuple[int, ...]) -> tuple[int, ...] | None:
        """None: `latent_dim` says how long the flat code is."""
        return None

    def encoder(self, spec: Spec, features: int, settings: Settings) -> nn.Module:
        """View (B, *spec.shape) -> features (B, F)."""
        opening, width = flat_entry(spec, settings.likelihood)
        stack = self._stack((width, *settings.hidden_dims, features), "encoder", settings)
        stack.opening = opening
        return stack

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> nn.Module:
        """Code z (B, Z) -> params (B, *params_shape)."""
        widths = (settings.latent_dim, *reversed(settings.hidden_dims), math.prod(params_shape))
        stack = self._stack(widths, "decoder", settings)
        stack.shape = params_shape
        return stack

    def _stack(self, widths: tuple[int, ...], side: str, settings: Settings) -> Dense:
        stack = Dense(widths, settings.activation, self.normalization, rate_in(self, side), settings.precision)
        if self.skip_connections:
            stack.route(Bypass(), keeps=side == "encoder")
        return stack
