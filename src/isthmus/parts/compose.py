"""What is built alike is built here: the networks that several variants share."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from isthmus.core.network import Bottleneck, Corruption, Network
from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.bypass import connect
from isthmus.parts.backbones.choose import SMALLEST_CONVOLVED
from isthmus.parts.backbones.conv import Convolutional
from isthmus.parts.conditions import joined
from isthmus.parts.critics import Critic
from isthmus.parts.likelihoods import likelihood

FEWEST_PLACES, FIRST_CHANNELS, MOST_CHANNELS = 8, 32, 256  # along an axis of a code with places; of its levels


def autoencoder(
    spec: Spec, settings: Settings, bottleneck: Bottleneck, corruption: Corruption | None = None
) -> Network:
    """Encoder and decoder of the settings' architecture around a bottleneck, under the settings' likelihood.

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood.
        bottleneck: The narrow place; it says how many features it needs.
        corruption: What the encoder's view suffers in training.
    """
    backbone = settings.architecture
    prices = likelihood(settings.likelihood, spec)
    features = bottleneck.features(settings.latent_dim)
    encoder = backbone.encoder(spec, features, settings)
    decoder = backbone.decoder(spec, prices.params_shape, settings)
    connect(encoder, decoder)
    return Network(encoder, bottleneck, decoder, prices, corruption)


def with_places(spec: Spec, channels: int) -> dict[str, Any]:
    """What "auto" is for a code that keeps the places of the data: a backbone, and levels down to 8 places an axis.

    Args:
        spec: What the data is.
        channels: Of the code, at each place.

    Returns:
        Nothing for data that has no places, or fewer than 16 along some axis.

    Example:
        >>> with_places(Spec("image", (1, 28, 28)), 3)["hidden_dims"], with_places(Spec("table", (30,)), 3)
        ((32, 64), {})
    """
    if min(spec.shape[1:], default=0) < SMALLEST_CONVOLVED:
        return {}
    return {"architecture": Convolutional(latent_channels=channels), "hidden_dims": widths_of(levels_down(spec))}


def levels_down(spec: Spec) -> int:
    """Halvings that leave at most 8 places along the shortest axis; at least one.

    Example:
        >>> levels_down(Spec("image", (1, 28, 28))), levels_down(Spec("series", (2, 16)))
        (2, 1)
    """
    extent = min(spec.shape[1:], default=1)
    return max(1, math.ceil(math.log2(extent / FEWEST_PLACES)))


def widths_of(levels: int) -> tuple[int, ...]:
    """Channels of so many levels, doubled from one to the next as long as they are few.

    Example:
        >>> widths_of(5)
        (32, 64, 128, 256, 256)
    """
    return tuple(min(FIRST_CHANNELS * 2**level, MOST_CHANNELS) for level in range(levels))


def conditional(spec: Spec, settings: Settings, bottleneck: Bottleneck, told: Spec) -> Network:
    """The same network with a condition joined to the encoder's view and to the decoder's code.

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood.
        bottleneck: The narrow place.
        told: What the condition is.

    Raises:
        ParameterError: the backbone leads x itself around the code, or keeps the code's places.
    """
    prices = likelihood(settings.likelihood, spec)
    join, view, backbone, width = joined(spec, settings, told)
    encoder = settings.architecture.encoder(view, bottleneck.features(settings.latent_dim), settings)
    wider = replace(settings, latent_dim=settings.latent_dim + width)
    decoder = backbone.decoder(spec, prices.params_shape, wider)
    connect(join.head, decoder)
    return Network(encoder, bottleneck, decoder, prices, join=join)


def with_critic(network: Network, latent_dim: int) -> Network:
    """The network with a `critic` of its codes, flattened to (B, Z), which another player than the network's owns."""
    network.critic = Critic(Spec("table", (latent_dim,)), "gaussian")
    return network
