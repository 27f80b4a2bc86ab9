"""What is built alike is built here: the networks that several variants share."""

from __future__ import annotations

from dataclasses import replace

from isthmus.core.network import Bottleneck, Corruption, Network
from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.bypass import connect
from isthmus.parts.conditions import joined
from isthmus.parts.likelihoods import likelihood


def autoencoder(
    spec: Spec, settings: Settings, bottleneck: Bottleneck, corruption: Corruption | None = None
) -> Network:
    """Encoder and decoder of the settings' architecture around a bottleneck, under the settings' likelihood.

    Args:
        spec: What the data is.
        settings: Sizes, backbone and likelihood.
        bottleneck: The narrow place; it says how many features it needs per dimension of z.
        corruption: What the encoder's view suffers in training.
    """
    backbone = settings.architecture
    prices = likelihood(settings.likelihood, spec)
    features = settings.latent_dim * bottleneck.features_per_latent
    encoder = backbone.encoder(spec, features, settings)
    decoder = backbone.decoder(spec, prices.params_shape, settings)
    connect(encoder, decoder)
    return Network(encoder, bottleneck, decoder, prices, corruption)


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
    encoder = settings.architecture.encoder(view, settings.latent_dim * bottleneck.features_per_latent, settings)
    wider = replace(settings, latent_dim=settings.latent_dim + width)
    decoder = backbone.decoder(spec, prices.params_shape, wider)
    connect(join.head, decoder)
    return Network(encoder, bottleneck, decoder, prices, join=join)
