"""Backbones whose decoder mirrors the encoder, level by level: the options they share, and the pair they make.

    x (B, C, *size) -> [halve -> body] * L -> dense head -> h
    z (B, Z) -> dense stem -> [body -> double] * L -> params (B, C', *size)

What the body of a level is, and so what kind of network this is, the subclass says.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from torch import nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.backbones.activations import activation
from isthmus.parts.backbones.axes import Size, convolution, down, halved, up
from isthmus.parts.backbones.bypass import Bypass
from isthmus.parts.backbones.dropout import Dropout
from isthmus.parts.backbones.levels import LevelDecoder, LevelEncoder, Shaped
from isthmus.parts.backbones.linear import Linear
from isthmus.parts.backbones.options import check_options, rate_in
from isthmus.parts.entry import flat_entry


@dataclass(frozen=True, kw_only=True)
class Mirrored(ABC):
    """What all backbones with levels have in common.

    `settings.hidden_dims` are the channels of the levels, shallow ones first. Each level halves the extent, rounding
    up, and every extent comes back exactly.

    Args:
        normalization: "none", "batch" or "layer" (each row over its channels and places, `GroupNorm(1, C)`).
        dropout: Probability of dropping a number of a level in training, in [0, 1).
        dropout_in: Where: "encoder", "decoder" or "both".
        skip_connections: Whether the encoder's levels reach the decoder's around the code. What goes that way has no
            price, so neither code nor rate says any more what crosses.
        downsampling: How a level halves the extent: "stride" or "pool".
        upsampling: How the decoder doubles it: "resize", "transposed" or "pixel-shuffle".
        kernel_size: Extent of the kernels, odd and at least 3.
        hidden: Width of a dense layer between the deepest level and the code, and back; None for none.
        latent_channels: Channels of a code that keeps the places of the deepest level, (c, *size); None for a flat
            code of `latent_dim` numbers.

    Raises:
        UnknownNameError: an option has a value that is not among its names.
        ParameterError: a number is outside its domain.
    """

    normalization: str = "none"
    dropout: float = 0.0
    dropout_in: str = "both"
    skip_connections: bool = False
    downsampling: str = "stride"
    upsampling: str = "resize"
    kernel_size: int = 3
    hidden: int | None = None
    latent_channels: int | None = None

    least_axes: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Meet a wrong option here, and not in the middle of a fit."""
        check_options(self)
        if self.kernel_size < 3 or self.kernel_size % 2 == 0:
            allowed = "an odd number from 3 on: an even kernel has no middle, and one of 1 sees no neighbours"
            raise ParameterError(f"kernel_size={self.kernel_size!r}", allowed, "use kernel_size=3")
        if self.hidden is not None and self.hidden < 1:
            raise ParameterError(f"hidden={self.hidden!r}", "a width of at least 1, or None", "use hidden=None")
        if self.latent_channels is not None and (self.latent_channels < 1 or self.hidden is not None):
            came = f"latent_channels={self.latent_channels!r} with hidden={self.hidden!r}"
            allowed = "at least 1 channel at each place, and no dense layer that would mix the places"
            raise ParameterError(came, allowed, "use latent_channels=4 and hidden=None")

    def code_shape(self, spec: Spec, hidden_dims: tuple[int, ...]) -> tuple[int, ...] | None:
        """(c, *size) of a code that keeps its places; None where `latent_dim` says how long a flat one is."""
        if self.latent_channels is None:
            return None
        return self.latent_channels, *halved(self._size(spec), len(hidden_dims))[-1]

    @abstractmethod
    def body(self, axes: int, channels: int, activation_name: str, rate: float) -> list[nn.Module]:
        """The layers of one level between two changes of extent: (B, C, *size) -> (B, C, *size)."""

    def encoder(self, spec: Spec, features: int, settings: Settings) -> nn.Module:
        """View (B, *spec.shape) -> features h (B, F).

        Args:
            spec: What the data is.
            features: F.
            settings: Supplies `hidden_dims`, `activation`, `likelihood` and `precision`.
        """
        size = self._size(spec)
        opening, width = (None, spec.shape[0]) if size else flat_entry(spec, settings.likelihood)
        channels = (width, *settings.hidden_dims)
        deepest = (channels[-1], *halved(size, len(channels) - 1)[-1])
        levels = [
            nn.Sequential(
                *down(self.downsampling, len(size), a, b, self.kernel_size, self._bias),
                *self.body(len(size), b, settings.activation, rate_in(self, "encoder")),
            )
            for a, b in pairwise(channels)
        ]
        head = self._head(deepest, features, settings.activation)
        return LevelEncoder(opening or nn.Identity(), levels, head, self._bypass(), settings.precision == "bfloat16")

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> nn.Module:
        """Code z (B, Z) -> params (B, *params_shape).

        Args:
            spec: What the data is.
            params_shape: (C', *size), any number C' of values for each place of a sample.
            settings: Supplies `latent_dim`, `hidden_dims`, `activation` and `precision`.
        """
        size = self._size(spec)
        channels = (math.prod(params_shape) // math.prod(size), *settings.hidden_dims)
        sizes = halved(size, len(channels) - 1)
        levels = [
            nn.Sequential(
                *self.body(len(size), channels[i + 1], settings.activation, rate_in(self, "decoder")),
                *up(self.upsampling, sizes[i], channels[i + 1], channels[i], self.kernel_size, i == 0 or self._bias),
            )
            for i in reversed(range(len(settings.hidden_dims)))
        ]
        deepest = (channels[-1], *sizes[-1])
        stem = self._stem(settings.latent_dim, deepest, settings.activation)
        return LevelDecoder(stem, deepest, levels, params_shape, self._bypass(), settings.precision == "bfloat16")

    @property
    def _bias(self) -> bool:
        """Whether convolutions between levels add a bias: the mean of a batch would take it away again."""
        return self.normalization != "batch"

    def _bypass(self) -> Bypass | None:
        return Bypass() if self.skip_connections else None

    def _head(self, deepest: Size, features: int, activation_name: str) -> nn.Sequential:
        """From the flat deepest level to the features."""
        if self.latent_channels is None:
            return self._dense(math.prod(deepest), features, activation_name)
        axes, cells = len(deepest) - 1, math.prod(deepest[1:])
        return nn.Sequential(Shaped(deepest), convolution(axes, deepest[0], features // cells, 1), nn.Flatten())

    def _stem(self, latent_dim: int, deepest: Size, activation_name: str) -> nn.Sequential:
        """From the code to the deepest level."""
        if self.latent_channels is None:
            return self._dense(latent_dim, math.prod(deepest), activation_name)
        code = (self.latent_channels, *deepest[1:])
        return nn.Sequential(Shaped(code), convolution(len(deepest) - 1, self.latent_channels, deepest[0], 1))

    def _dense(self, width_in: int, width_out: int, activation_name: str) -> nn.Sequential:
        """From one width to the other, by way of the hidden layer if there is one."""
        if self.hidden is None:
            return nn.Sequential(Linear(width_in, width_out))
        return nn.Sequential(Linear(width_in, self.hidden), activation(activation_name), Linear(self.hidden, width_out))

    def _size(self, spec: Spec) -> Size:
        """The extent of one sample, () for a flat row."""
        size = spec.shape[1:]
        if len(size) >= self.least_axes:
            return size
        raise ParameterError(
            f"architecture={type(self).__name__}() on a {spec.kind} of shape {spec.shape}",
            "a convolution slides over series, images and volumes; the columns of a table are not neighbours",
            "use architecture='mlp' or 'residual'",
        )


def dropout(p: float) -> list[nn.Module]:
    """The layer that drops with probability p, if anything is dropped at all."""
    return [Dropout(p)] if p else []
