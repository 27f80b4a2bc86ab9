"""Convolutional backbone for series, images and volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from isthmus.parts.backbones.activations import activation
from isthmus.parts.backbones.axes import normalization
from isthmus.parts.backbones.mirrored import Mirrored, dropout


@dataclass(frozen=True, kw_only=True)
class Convolutional(Mirrored):
    """Convolutions that halve the extent, each followed by a non-linearity; mirrored in the decoder.

        1x28x28 -> 32x14x14 -> 64x7x7 -> h          z -> 64x7x7 -> 32x14x14 -> 1x28x28

    The options are those of `Mirrored`. A level is [convolution -> normalization -> activation -> dropout].

    Example:
        >>> import torch
        >>> from isthmus.core.settings import Settings
        >>> from isthmus.core.spec import Spec
        >>> architecture, spec = Convolutional(upsampling="pixel-shuffle"), Spec("image", (1, 28, 28))
        >>> settings = Settings(128, (32, 64), "relu", architecture, "bernoulli", 1, 64, 1e-3, 0.0, "cpu", "float32")
        >>> h = architecture.encoder(spec, 128, settings)(torch.zeros(2, 1, 28, 28))
        >>> h.shape, architecture.decoder(spec, (1, 28, 28), settings)(h).shape
        (torch.Size([2, 128]), torch.Size([2, 1, 28, 28]))
    """

    least_axes: ClassVar[int] = 1

    def body(self, axes: int, channels: int, activation_name: str, rate: float) -> list[nn.Module]:
        """The non-linearity of one level: normalization, activation, dropout."""
        return [*normalization(axes, self.normalization, channels), activation(activation_name), *dropout(rate)]
