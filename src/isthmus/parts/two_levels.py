"""Networks whose code has two levels, one with half as many places along each axis as the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from isthmus.core.network import Network
from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.backbones.activations import activation
from isthmus.parts.backbones.axes import Size, convolution, down, halved, up
from isthmus.parts.backbones.levels import Shaped
from isthmus.parts.bottlenecks.discrete import Discrete, Quantizer
from isthmus.parts.bottlenecks.hierarchy import Hierarchy, TwoDecoder, TwoEncoders
from isthmus.parts.bottlenecks.tokens import Tokens
from isthmus.parts.likelihoods import likelihood


def places_of(spec: Spec, levels: int) -> tuple[Size, Size]:
    """The extents of the coarse and of the fine level, below so many halvings of the data.

    Example:
        >>> places_of(Spec("image", (1, 28, 28)), 2)
        ((4, 4), (7, 7))
    """
    fine, coarse = halved(spec.shape[1:], levels + 1)[levels:]
    return coarse, fine


def two_levels(spec: Spec, settings: Settings, dim: int, made: Callable[[], Quantizer]) -> Network:
    """Encoder and decoder of the settings' architecture around two levels of tokens.

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood; `latent_dim` is that of both levels together.
        dim: d, numbers in a token.
        made: Makes a quantizer, once for each level.

    Raises:
        ParameterError: the code has another length, or a backbone with options that leave no places to the levels.
    """
    sizes = places_of(spec, len(settings.hidden_dims))
    coarse, fine = (Tokens(math.prod(size), dim, are_places=True) for size in sizes)
    backbone, width = settings.architecture, settings.hidden_dims[-1]
    if backbone.latent_channels is not None or backbone.skip_connections or backbone.hidden is not None:
        allowed = "the levels have channels of their own, and nothing may pass beside or mix their places"
        raise ParameterError(
            f"architecture={backbone!r}", allowed, "leave out latent_channels, hidden, skip_connections"
        )
    length = dim * (coarse.count + fine.count)
    if settings.latent_dim != length:
        allowed = f"{coarse.count} coarse and {fine.count} fine tokens of {dim} numbers are {length}"
        raise ParameterError(f"latent_dim={settings.latent_dim}", allowed, "leave out latent_dim")

    def raised(channels: int) -> nn.Module:
        """From the coarse code to the places of the fine one."""
        first = convolution(len(sizes[0]), dim, width, 1)
        bend = activation(settings.activation)
        return nn.Sequential(Shaped((dim, *sizes[0])), first, bend, *up("resize", sizes[1], width, channels, 3, True))

    prices = likelihood(settings.likelihood, spec)
    # From one level the decoder reads as many numbers at a place as from the other, else it hardly hears the fine one.
    seen, told = replace(backbone, latent_channels=width), replace(backbone, latent_channels=2 * dim)
    encoder = TwoEncoders(
        seen.encoder(spec, width * fine.count, settings), _coarser(settings.activation, width, sizes[1], dim)
    )
    mix = convolution(len(sizes[0]), 2 * width, dim, 1)
    split = dim * coarse.count
    bottleneck = Hierarchy(Discrete(coarse, made()), Discrete(fine, made()), raised(width), mix, split)
    decoder = TwoDecoder(raised(dim), told.decoder(spec, prices.params_shape, settings), split)
    return Network(encoder, bottleneck, decoder, prices)


def _coarser(bend: str, width: int, size: Size, dim: int) -> nn.Module:
    """From the fine features to the coarse ones, at half the places along each axis, (B, C cells) -> (B, d cells')."""
    halving = down("stride", len(size), width, width, 3, True)
    last = convolution(len(size), width, dim, 1)
    return nn.Sequential(Shaped((width, *size)), activation(bend), *halving, activation(bend), last, nn.Flatten())
