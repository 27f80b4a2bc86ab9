"""The diffusion prior: noise carried to codes along paths that are as straight as can be."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch, Terms
from isthmus.errors import ParameterError
from isthmus.parts.noise import normal
from isthmus.parts.priors.fields import field
from isthmus.parts.priors.prior import Prior

AVERAGED = 0.999  # share of the past in the moving average of the weights, once the run is long
AGAIN = 4  # times that a step is taken where part of the code is known
NARROWEST = 1e-6  # standard deviation by which a dimension is divided at least


class Diffusion(Prior):
    r"""A velocity field v that carries N(0, I) at t = 0 to the codes at t = 1, which are standardised per dimension.

    .. math:: z_t = (1 - t) z_0 + t z_1, \quad L = \|v(z_t, t, y) - (z_1 - z_0)\|^2, \quad
              t = \mathrm{sigmoid}(n), \; n, z_0 \sim N(0, I)

    Draws follow the field of averaged weights by Euler steps. Told a class y, they follow
    v + (guidance - 1)(v(y) - v(any)) away from what all classes share. Its density is an integral that is not taken.

    Args:
        shape: Of one code: (Z,) for dense layers, (c, *size) for a small U-Net.
        classes: How many classes it may be told, 0 for none.
        width: Units or channels; None for 256 or 64.
        blocks: Residual blocks.
        steps: Euler steps of a draw.
        guidance: 1 draws from p(z | y); more makes draws more typical of their class.
        dropped: Share of the rows told no class in training.

    Raises:
        ParameterError: a number outside its domain.

    Paper:
        Liu, Gong & Liu 2023, arXiv:2209.03003, eq. 1 (rectified flow); Esser et al. 2024, arXiv:2403.03206, section 3.1
        (logit-normal times); Ho & Salimans 2022, arXiv:2207.12598 (guidance); Rombach et al. 2022, arXiv:2112.10752
        (on codes of an autoencoder).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int = 0,
        *,
        width: int | None = None,
        blocks: int = 3,
        steps: int = 40,
        guidance: float = 1.5,
        dropped: float = 0.1,
    ) -> None:
        super().__init__()
        width = (256 if len(shape) == 1 else 64) if width is None else width
        if min(width, blocks, steps) < 1 or not 0 <= dropped < 1:
            came = f"width={width!r}, blocks={blocks!r}, steps={steps!r}, dropped={dropped!r}"
            raise ParameterError(came, "at least 1 each, and a share below 1 dropped", "leave them out")
        self.shape, self.steps, self.guidance = shape, steps, guidance
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))
        self.field: Any = field(shape, classes, dropped, width, blocks)
        self.averaged: Any = copy.deepcopy(self.field).requires_grad_(False)
        self.taken = 0  # steps that the average has seen

    def fit(self, z: Tensor, generator: torch.Generator) -> None:
        """Take the mean and deviation of each dimension of the codes, (n, ...); begin the average of the weights."""
        self.mean.copy_(z.mean(0))
        self.std.copy_(z.std(0, correction=0).clamp_min(NARROWEST))
        self.averaged.load_state_dict(self.field.state_dict())

    def objective(self, batch: Batch) -> Terms:
        """L = |v(z_t, t) - (z_1 - z_0)|^2, summed over the dimensions."""
        ahead = (batch.x - self.mean) / self.std
        noise = normal(ahead, batch.generator)
        t = normal(ahead.new_zeros(len(ahead)), batch.generator).sigmoid()
        share = _beside(t, ahead)
        classes = self.field.moment.classes
        numbers = classes.numbers(len(ahead), batch.condition, ahead.device)
        numbers = classes.hide(numbers, batch.generator)
        velocity = self.field((1 - share) * noise + share * ahead, t, numbers)
        return {"velocity": (velocity - (ahead - noise)).square().flatten(1).sum(1)}

    def after_step(self) -> None:
        """Move the average of the weights a little towards the present ones."""
        self.taken += 1
        past = min(AVERAGED, self.taken / (self.taken + 9))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.field.parameters()), 1 - past)

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        condition: Tensor | None = None,
        *,
        known: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """n codes, (n, *shape).

        Args:
            n: How many.
            generator: Where the noise comes from.
            condition: The class of each, (n,).
            known: Codes to keep, (n, *shape) ...
            mask: ... where this is True, shaped as they are or so as to spread to that.
        """
        z = torch.randn(n, *self.shape, generator=generator, device=generator.device)
        if known is None or mask is None:
            z = self._carried(z, 0.0, condition)
        else:
            z = self._completed(z, (known - self.mean) / self.std, mask, condition, generator)
        return z * self.std + self.mean

    def around(self, z: Tensor, spread: float, generator: torch.Generator) -> Tensor:
        """The same codes taken back towards noise for a share `spread` of the way, and carried on again.

        Paper:
            Meng et al. 2022, arXiv:2108.01073 (SDEdit).
        """
        ahead = (z - self.mean) / self.std
        noise = torch.randn(z.shape, generator=generator, device=generator.device)
        z = self._carried(spread * noise + (1 - spread) * ahead, 1 - spread)
        return z * self.std + self.mean

    def _carried(self, z: Tensor, start: float, condition: Tensor | None = None) -> Tensor:
        """z carried from time `start` to 1."""
        for now, then in self._times(start):
            z = z + (then - now) * self.velocity(z, now, condition)
        return z

    def _completed(
        self, z: Tensor, ahead: Tensor, mask: Tensor, condition: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """z carried from noise to 1 while what is known is held on its own way there.

        Each step is taken several times, with noise put back in between, so that the rest can fall in with what is
        known: carried along only once, it would have made up its mind before there was anything to see.

        Paper:
            Lugmayr et al. 2022, arXiv:2201.09865, algorithm 1 (RePaint).
        """
        for now, then in self._times(0.0):
            for again in reversed(range(AGAIN)):
                z = z + (then - now) * self.velocity(z, now, condition)
                noise = torch.randn(z.shape, generator=generator, device=generator.device)
                z = torch.where(mask, (1 - then) * noise + then * ahead, z)
                if again:  # back from z_then, whose noise has shrunk with the rest, to as much noise as z_now has
                    lacking = (1 - now) ** 2 - ((1 - then) * now / then) ** 2
                    noise = torch.randn(z.shape, generator=generator, device=generator.device)
                    z = now / then * z + lacking**0.5 * noise
        return z

    def _times(self, start: float) -> list[tuple[float, float]]:
        """The ends of each Euler step from `start` to 1."""
        times = torch.linspace(start, 1, max(1, round(self.steps * (1 - start))) + 1).tolist()
        return list(pairwise(times))

    def velocity(self, z: Tensor, t: float, condition: Tensor | None = None) -> Tensor:
        """Where standardised codes at time t are headed, (n, *shape), by the averaged weights."""
        classes, times = self.averaged.moment.classes, z.new_full((len(z),), t)
        anyone = classes.numbers(len(z), None, z.device)
        free: Tensor = self.averaged(z, times, anyone)
        if condition is None:
            return free
        told = self.averaged(z, times, classes.numbers(len(z), condition, z.device))
        guided: Tensor = free + self.guidance * (told - free)
        return guided


def _beside(t: Tensor, z: Tensor) -> Tensor:
    """A number for each row, (B,), shaped so that it multiplies z, (B, ...)."""
    return t.view(-1, *[1] * (z.ndim - 1))
