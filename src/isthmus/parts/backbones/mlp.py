"""Multilayer perceptrons: the default for tables, and for any data when flattened."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.entry import flat_entry


@dataclass(frozen=True)
class MLP:
    """Dense layers of `hidden_dims`, mirrored in the decoder.

        x (B, ...) -> flat (B, D) -> hidden_dims -> h          z -> hidden_dims reversed -> params (B, ...)

    Args:
        normalization: "none", "batch" or "layer", before each activation.
        dropout: Probability of dropping a hidden unit in training.
        dropout_in: Where: "encoder", "decoder" or "both".
    """

    normalization: str = "none"
    dropout: float = 0.0
    dropout_in: str = "both"

    def encoder(self, spec: Spec, features: int, settings: Settings) -> nn.Module:
        """View (B, *spec.shape) -> features (B, F)."""
        opening, width = flat_entry(spec, settings.likelihood)
        stack = self._stack((width, *settings.hidden_dims, features), "encoder", settings)
        return stack if opening is None else nn.Sequential(opening, stack)

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> nn.Module:
        """Code z (B, Z) -> params (B, *params_shape)."""
        widths = (settings.latent_dim, *reversed(settings.hidden_dims), math.prod(params_shape))
        stack = self._stack(widths, "decoder", settings)
        return stack if len(params_shape) == 1 else nn.Sequential(stack, nn.Unflatten(1, params_shape))

    def _stack(self, widths: tuple[int, ...], side: str, settings: Settings) -> Dense:
        dropout = self.dropout if self.dropout_in in (side, "both") else 0.0
        return Dense(widths, settings.activation, self.normalization, dropout, settings.precision)
