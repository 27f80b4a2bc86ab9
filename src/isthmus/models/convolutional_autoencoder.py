"""The convolutional autoencoder: images, series and volumes by what lies next to what."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Kind, Spec
from isthmus.errors import ParameterError
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.backbones.conv import Convolutional
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder

DEEPEST = 7  # extent at which halving stops
CHANNELS = (32, 256)  # of the first level, and at most
NUMBERS = (6, 128)  # of the data that one number of a flat code stands for, and the longest code


@variant(paper="Masci, Meier, Ciresan & Schmidhuber 2011, ICANN, section 2.2")
class ConvolutionalAutoencoder(Estimator):
    """Autoencoder of convolutions that halve the extent, mirrored in its decoder.

        1x28x28 -> 32x14x14 -> 64x7x7 -> z (128) -> 64x7x7 -> 32x14x14 -> 1x28x28,        L = -log p(x | z)

    Each level sees twice as far as the one before with the same weights at every place, so it needs far fewer of them
    than dense layers do. Use it for images, series and volumes.

    Differs from the paper in strides for pooling, and in resizing with a convolution on the way up, which leaves no
    checkerboards.

    Args:
        latent_channels: Channels of a code that keeps the places of the deepest level, (channels, h, w); None for a
            flat code of `latent_dim` numbers.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().images[:200].astype("uint8")
        >>> model = ConvolutionalAutoencoder(epochs=2, random_state=0).fit(X)
        >>> model.reconstruct(X).shape, model.latent_dim_
        ((200, 8, 8), 8)
        >>> ConvolutionalAutoencoder(latent_channels=2, epochs=1).fit(X).latent_shape_
        (2, 4, 4)
    """

    latent_channels: int | None = None

    kinds: ClassVar[tuple[Kind, ...]] = ("image", "series", "volume")
    backbones: ClassVar[tuple[str, ...]] = ("conv", "residual")

    def build(self, spec: Spec) -> nn.Module:
        """Levels of convolutions, plain bottleneck, the levels mirrored."""
        return autoencoder(spec, self.settings_, Plain())

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z)."""
        return {"distortion": network(batch).distortion}

    def usual(self, spec: Spec) -> dict[str, Any]:
        """Halve while the extent stays at 7 or more, double the channels; a code of at most 128."""
        if self.latent_channels is not None and self.architecture != "auto":
            came = f"latent_channels={self.latent_channels!r} with architecture={self.architecture!r}"
            fix = f"use architecture=isthmus.Residual(latent_channels={self.latent_channels!r})"
            raise ParameterError(came, "a backbone has options of its own, this one among them", fix)
        levels = max(1, int(math.log2(min(spec.shape[1:], default=1) / DEEPEST)))
        first, most = CHANNELS
        share, longest = NUMBERS
        return {
            "architecture": Convolutional(latent_channels=self.latent_channels),
            "hidden_dims": tuple(min(first * 2**level, most) for level in range(levels)),
            "latent_dim": min(2 ** round(math.log2(max(spec.n_features / share, 1))), longest),
        }
