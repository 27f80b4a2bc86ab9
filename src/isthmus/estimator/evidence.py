"""How likely a row is under a model with a latent code: the integral over z, by importance sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch

SEED = 0  # of the noise, which is the same for every row and every call


@dataclass(frozen=True)
class Evidence:
    r"""log p(x) of each row, (B,) float64: a function of a batch that two calls with the same numbers share.

    .. math:: \log \tfrac1S \textstyle\sum_s \exp\big(\log p(x|z_s) + \log p(z_s) - \log q(z_s|x)\big)

    Args:
        network: Whose bottleneck gives draws with their log p(z) - log q(z | x).
        draws: S.
    """

    network: Any
    draws: int

    def __call__(self, batch: Batch) -> Tensor:
        """The estimate for each row."""
        network, generator = self.network, torch.Generator().manual_seed(SEED)
        features = network.encoder(batch.x)
        total: Tensor | None = None
        for _ in range(self.draws):
            z, log_weight = network.bottleneck.weighed(features, generator)
            params = network.decoder(z)
            log_weight = log_weight - network.likelihood.distortion(batch.x, params, batch.observed)
            log_weight = log_weight.cpu().double()
            total = log_weight if total is None else torch.logaddexp(total, log_weight)
        return torch.as_tensor(total) - math.log(self.draws)
