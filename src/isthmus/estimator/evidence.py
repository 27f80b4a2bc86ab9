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
    r"""log p(x) of each row and its standard error, (B, 2): a function of a batch that calls with equal numbers share.

    .. math:: \log \bar w, \quad \frac{\mathrm{sd}(w)}{\bar w \sqrt S}, \quad
              \log w_s = \log p(x|z_s) + \log p(z_s) - \log q(z_s|x)

    Args:
        network: Whose `log_weights` gives draw after draw of log p(x, z) - log q(z | x).
        draws: S.
    """

    network: Any
    draws: int

    @property
    def probe(self) -> Evidence:
        """The same by two draws, which say all of how a row's bits depend on its block."""
        return Evidence(self.network, min(self.draws, 2))

    def __call__(self, batch: Batch) -> Tensor:
        """The estimate for each row, and its error; that of a single draw is not known: NaN."""
        total = squares = torch.full((len(batch.x),), -math.inf, dtype=torch.float64)
        for weight in self.network.log_weights(batch, self.draws, torch.Generator().manual_seed(SEED)):
            log_weight = weight.cpu().double()
            total = torch.logaddexp(total, log_weight)
            squares = torch.logaddexp(squares, 2 * log_weight)
        spread = (self.draws * (squares - 2 * total).exp() - 1).clamp_min(0)  # mean of w^2 over the squared mean, - 1
        error = (spread / (self.draws - 1)).sqrt() if self.draws > 1 else torch.full_like(spread, math.nan)
        return torch.stack([total - math.log(self.draws), error], 1)
