"""Which backbone a kind of data gets, and how wide, when nobody says."""

from __future__ import annotations

import math
from typing import Any, Protocol

from torch import nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts.backbones.conv import Convolutional
from isthmus.parts.backbones.kl import KL
from isthmus.parts.backbones.mlp import MLP
from isthmus.parts.backbones.residual import Residual
from isthmus.parts.backbones.tiny import Tiny
from isthmus.parts.backbones.transformer import Transformer

SMALLEST_CONVOLVED = 16  # pixels or steps along the shortest axis from which "auto" convolves
LEVELS, CHANNELS = 3, 32  # a convolutional stack's depth at most, and the width of its first level
WIDTHS = (32, 512)  # an MLP's outermost hidden layer lies between these


class Architecture(Protocol):
    """Makes the pair of encoder and decoder for a kind of data."""

    def code_shape(self, spec: Spec, hidden_dims: tuple[int, ...]) -> tuple[int, ...] | None:
        """Shape of a code that keeps the places of the data; None for a flat one, as long as `latent_dim` says."""

    def encoder(self, spec: Spec, features: int, settings: Settings) -> nn.Module:
        """View (B, *spec.shape) -> features (B, F)."""

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> nn.Module:
        """Code z (B, Z) -> params (B, *params_shape)."""


GENERAL = ("mlp", "conv", "residual", "kl", "tiny")  # that any member may be built of
ARCHITECTURES: dict[str, type[Any]] = {
    "mlp": MLP,
    "conv": Convolutional,
    "residual": Residual,
    "transformer": Transformer,
    "kl": KL,
    "tiny": Tiny,
}


def architecture(asked: Any, spec: Spec) -> Architecture:
    """The backbone asked for, by name or as an object with options of its own.

    "auto" convolves images, series and volumes of at least 16 steps along every axis; all else gets an MLP.

    Raises:
        UnknownNameError: no backbone has this name.
        ParameterError: neither a name nor a backbone.
    """
    if asked == "auto":
        extent = min(spec.shape[1:], default=0)
        return Convolutional() if extent >= SMALLEST_CONVOLVED else MLP()
    if isinstance(asked, str):
        if asked not in ARCHITECTURES:
            raise UnknownNameError.among("architecture", asked, ("auto", *ARCHITECTURES))
        made: Architecture = ARCHITECTURES[asked]()
        return made
    if type(asked) not in ARCHITECTURES.values():
        raise ParameterError(
            f"architecture={asked!r}",
            "it is a name or one of isthmus.MLP, isthmus.Convolutional, isthmus.Residual, isthmus.Transformer",
            "use architecture='auto'",
        )
    return asked  # type: ignore[no-any-return]


def default_hidden_dims(backbone: Architecture, spec: Spec) -> tuple[int, ...]:
    """Widths for data of this size: channels per level of a convolutional stack, else two hidden layers.

    Example:
        >>> default_hidden_dims(MLP(), Spec("table", (30,))), default_hidden_dims(MLP(), Spec("table", (784,)))
        ((64, 32), (512, 256))
    """
    if len(spec.shape) > 1 and not isinstance(backbone, MLP):
        halvings = int(math.log2(max(min(spec.shape[1:]), 2) / 2))
        return tuple(CHANNELS * 2**level for level in range(max(1, min(LEVELS, halvings))))
    low, high = WIDTHS
    outer = min(max(2 ** round(math.log2(2 * spec.width)), low), high)
    return outer, outer // 2
