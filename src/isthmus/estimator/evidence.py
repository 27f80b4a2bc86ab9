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
        network: Whose `log_weights` gives draw after draw of log p(x, z) - log q(z | x).
        draws: S.
    """

    network: Any
    draws: int

    def __call__(self, batch: Batch) -> Tensor:
        """The estimate for each row."""
        total: Tensor | None = None
        for weight in self.network.log_weights(batch, self.draws, torch.Generator().manual_seed(SEED)):
            log_weight = weight.cpu().double()
            total = log_weight if total is None else torch.logaddexp(total, log_weight)
        return torch.as_tensor(total) - math.log(self.draws)
