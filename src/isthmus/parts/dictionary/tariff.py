"""The price of sparsity: fixed, or moved until as many latents are on as are wanted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

GAIN = 0.02  # by which the price's logarithm moves in a step, for each unit that the logarithm of what is on is off
MEMORY = 0.9  # share of the past in the average of what is on
BEGIN = 0.1  # nats


class Tariff(nn.Module):
    r"""lambda, in nats per unit of S.

    .. math:: \lambda = \lambda_t \, \frac{a_t}{w}, \quad
              \log \lambda_{t+1} = \log \lambda_t + 0.02 \log \frac{a_t}{w}

    with a the average of how many latents are on in a row, and w how many are wanted: it reacts at once, and moves on
    for as long as the two differ.

    Args:
        wanted: w.
        fixed: lambda, if nobody is to move it.

    Example:
        >>> tariff = Tariff(wanted=4.0)
        >>> tariff.follow(torch.tensor(16.0))
        >>> bool(tariff() > 0.1)
        True
    """

    base: Tensor
    level: Tensor

    def __init__(self, wanted: float, fixed: float | None = None) -> None:
        super().__init__()
        self.wanted, self.is_fixed = wanted, fixed is not None
        self.register_buffer("base", torch.tensor(BEGIN if fixed is None else float(fixed)))
        self.register_buffer("level", torch.tensor(float(wanted)))

    def forward(self) -> Tensor:
        """The price now, ()."""
        return self.base if self.is_fixed else self.base * (self.level / self.wanted)

    @torch.no_grad()
    def follow(self, mean_on: Tensor) -> None:
        """Hear how many latents were on in a row, ()."""
        self.level.mul_(MEMORY).add_(mean_on, alpha=1 - MEMORY)
        if not self.is_fixed:
            off = (self.level / self.wanted).clamp_min(1e-3).log().clamp(-1.0, 1.0)
            self.base.mul_((GAIN * off).exp())
