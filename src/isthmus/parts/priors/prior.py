"""What every prior has: it learns from codes, draws new ones and, where it can, says how likely a code is."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms

LOOKED_AT = 512  # draws from which the centre and spread of a prior are taken


class Prior(nn.Module):
    """p(z), the distribution of codes that a receiver expects.

    A prior learns in two ways: `fit(z)` takes what needs no steps (all of it, where `is_closed`), then one loop
    lowers `objective`. `recipe` says how to build it again, in JSON values; `seen` are codes that it learnt from.
    """

    is_closed: ClassVar[bool] = False  # whether `fit` is all of its training
    has_density: ClassVar[bool] = False  # whether `log_prob` can be worked out
    of_symbols: ClassVar[bool] = False  # whether it is about a code's integer form

    def __init__(self) -> None:
        super().__init__()
        self.recipe: dict[str, Any] = {}
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros(0))

    def fit(self, z: Tensor, generator: torch.Generator) -> None:
        """Take from the codes, (n, ...), what needs no steps. Nothing, unless a prior says otherwise."""

    def begin(self, x: Tensor, generator: torch.Generator | None) -> None:
        """Take from the first rows of x, (n, ...), where to start. Nothing, unless a prior says otherwise."""

    def objective(self, batch: Batch) -> Terms:
        """The costs of the codes `batch.x`, (B,) each, in nats: L = -log p(z)."""
        return {"prior": -self.log_prob(batch.x)}

    def after_step(self) -> None:
        """What follows a step of the loop: nothing, unless a prior keeps an average of its weights."""

    def sample(self, n: int, generator: torch.Generator, condition: Tensor | None = None) -> Tensor:
        """n codes, (n, ...), or for a prior of symbols (n, N) int64.

        Args:
            n: How many.
            generator: Where the randomness comes from; the codes are on its device.
            condition: The class of each, (n,) int64, of a prior that knows classes.
        """
        raise TypeError(f"{type(self).__name__} is abstract: a prior defines sample(n, generator, condition)")

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (B,)."""
        raise TypeError(f"{type(self).__name__} is abstract: a prior with a density defines log_prob(z)")

    def around(self, z: Tensor, spread: float, generator: torch.Generator) -> Tensor:
        r"""Codes like these, (n, ...): nearer to them the smaller the spread, and as common as the prior's own draws.

        .. math:: m + \sqrt{1 - s^2} (z - m) + s \sigma \varepsilon

        with m and sigma the mean and standard deviation of the prior's draws in each dimension, so that under a normal
        prior codes drawn from it stay draws from it.
        """
        draws = self.sample(LOOKED_AT, generator)
        mean, std = draws.mean(0), draws.std(0)
        noise = torch.randn(z.shape, generator=generator, device=generator.device)
        near: Tensor = mean + (1 - spread**2) ** 0.5 * (z - mean) + spread * std * noise
        return near
