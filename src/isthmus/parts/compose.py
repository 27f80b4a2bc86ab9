"""What is built alike is built here: the networks that several variants share."""

from __future__ import annotations

from isthmus.core.network import Bottleneck, Corruption, Network
from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.bypass import connect
from isthmus.parts.critics import Critic
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


def with_critic(network: Network, latent_dim: int) -> Network:
    """The network with a `critic` of its codes, flattened to (B, Z), which another player than the network's owns."""
    network.critic = Critic(Spec("table", (latent_dim,)), "gaussian")
    return network
