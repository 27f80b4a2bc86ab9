"""Small data of every kind, and an architecture's encoder and decoder for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.bypass import connect
from isthmus.parts.backbones.mirrored import Mirrored

SPECS = {
    "table": Spec("table", (6,)),
    "series": Spec("series", (2, 9)),
    "image": Spec("image", (1, 8, 8)),
    "odd image": Spec("image", (3, 5, 9)),
    "volume": Spec("volume", (1, 4, 5, 6)),
}
FEATURES, LATENT = 5, 3


def settings(architecture: Mirrored, **changes: Any) -> Settings:
    """Settings of a small network, with the changes a test asks for."""
    usual = {"latent_dim": LATENT, "hidden_dims": (4, 6), "activation": "gelu", "likelihood": "gaussian"}
    run = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "weight_decay": 0.0}
    where = {"device": "cpu", "precision": "float32"}
    return Settings(architecture=architecture, **{**usual, **run, **where, **changes})


def pair(architecture: Mirrored, spec: Spec, params: int = 1, **changes: Any) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder as a network holds them, with `params` values for each cell of x; weights from seed 0."""
    given = settings(architecture, **changes)
    shape = (params * spec.shape[0], *spec.shape[1:])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = architecture.encoder(spec, FEATURES, given), architecture.decoder(spec, shape, given)
    connect(encoder, decoder)
    return encoder, decoder


def rows(spec: Spec, n: int = 4, seed: int = 0) -> Tensor:
    """Random x, (n, *spec.shape)."""
    return torch.randn(n, *spec.shape, generator=torch.Generator().manual_seed(seed))
