"""A code in levels: the decoder meets, at each of its hidden layers, codes that it prices by what it knows there.

    top      z_1 ~ N(0, I)                       -> decoder's first hidden layer d
    rung     p(z_l | d), q(z_l | d, e)           -> d + r(d) + V z_l, mixed, -> the next hidden layer

e is what the encoder answered at the same height, which has the shape of d.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from isthmus.parts.backbones.activations import activation
from isthmus.parts.backbones.axes import Size, convolution
from isthmus.parts.bottlenecks.posteriors import LOG_VAR_RANGE

KERNEL = 3
BOUND = 8.0  # of a log-variance that the decoder predicts: beyond it one step may ask for a price without end


class Normal(NamedTuple):
    """Independent normal numbers, by mean and log-variance, of shapes that broadcast."""

    mean: Tensor
    log_var: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The draw that this noise, of N(0, I), stands for."""
        return self.mean + (0.5 * self.log_var).exp() * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (B,)."""
        standard = (z - self.mean).square() * (-self.log_var).exp()
        return -0.5 * (standard + self.log_var + math.log(2 * math.pi)).flatten(1).sum(1)


Choice: TypeAlias = Callable[[int, Normal, Normal | None], Tensor]
"""(level, prior, posterior or None) -> z of that level, (B, *shape)."""


class Rung(nn.Module):
    """One level of code beside a hidden layer d, (B, C, *size), of the decoder.

    Args:
        axes: Of a place: 0 for a flat layer.
        width: C.
        latent: Numbers of the code at each place.
        activation_name: Of its blocks.

    Paper:
        Child 2021, arXiv:2011.10650, figure 3; blocks there have four convolutions, and GELU.
    """

    def __init__(self, axes: int, width: int, latent: int, activation_name: str) -> None:
        super().__init__()
        self.latent, self.width = latent, width

        def block(inward: int, outward: int) -> nn.Sequential:
            first, last = convolution(axes, inward, width, KERNEL), convolution(axes, width, outward, 1)
            return nn.Sequential(activation(activation_name), first, activation(activation_name), last)

        self.expects, self.finds = block(width, 2 * latent + width), block(2 * width, 2 * latent)
        self.join, self.mix = convolution(axes, latent, width, 1), block(width, width)
        for still in (self.expects, self.mix):  # at first the decoder is what it would be without
            still[-1].zero_init = True  # type: ignore[assignment]

    def prior(self, d: Tensor) -> tuple[Normal, Tensor]:
        """p(z | d), and d with what the expectation adds to it."""
        mean, log_var, more = self.expects(d).split([self.latent, self.latent, self.width], 1)
        return Normal(mean, log_var.clamp(-BOUND, BOUND)), d + more

    def posterior(self, d: Tensor, e: Tensor) -> Normal:
        """q(z | d, e)."""
        return normal_of(self.finds(torch.cat([d, e], 1)))

    def onward(self, d: Tensor, z: Tensor) -> Tensor:
        """The hidden layer with the code joined to it and mixed in."""
        d = d + self.join(z)
        mixed: Tensor = d + self.mix(d)
        return mixed


def normal_of(features: Tensor) -> Normal:
    """Means, then log-variances, along the channels."""
    mean, log_var = features.chunk(2, 1)
    return Normal(mean, log_var.clamp(*LOG_VAR_RANGE))


class TopDown(nn.Module):
    """A decoder with rungs beside its hidden layers.

    Args:
        decoder: From the top code to the params; its `bypass` visits the hidden layers, deepest first.
        rungs: For each hidden layer, deepest first, those that stand beside it.
        shapes: Of the code of each level, the top first.
    """

    def __init__(self, decoder: Any, rungs: Sequence[Sequence[Rung]], shapes: Sequence[Size]) -> None:
        super().__init__()
        self.decoder = decoder
        self.rungs = nn.ModuleList(rung for beside in rungs for rung in beside)
        ends = [sum(map(len, rungs[: height + 1])) for height in range(len(rungs))]
        self.places = [range(end - len(beside), end) for end, beside in zip(ends, rungs, strict=True)]
        self.shapes = tuple(tuple(shape) for shape in shapes)

    def forward(self, z: Tensor) -> Tensor:
        """Params for the codes of all levels, flat beside each other, (B, Z)."""
        codes = self.apart(z)
        return self.descend(lambda level, prior, posterior: codes[level])

    def apart(self, z: Tensor) -> list[Tensor]:
        """The code of each level, top first, (B, *shape): the flat code taken apart along its last axis."""
        parts = z.split([math.prod(shape) for shape in self.shapes], -1)
        return [part.unflatten(-1, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def descend(self, choose: Choice, top: Normal | None = None, answers: Sequence[Tensor] = ()) -> Tensor:
        """From the top to the params.

        Args:
            choose: Says which code each level has.
            top: q(z_1 | x), where the posteriors are asked for.
            answers: What the encoder's hidden layers answered, deepest first, where the posteriors are asked for.
        """

        def visit(height: int, d: Tensor) -> Tensor:
            low, d = d, d.float()
            with torch.autocast(d.device.type, enabled=False):
                for place in self.places[height]:
                    rung: Any = self.rungs[place]
                    posterior = rung.posterior(d, answers[height].float()) if answers else None
                    prior, d = rung.prior(d)
                    d = rung.onward(d, choose(place + 1, prior, posterior))
            return d.to(low.dtype)

        zero = next(self.parameters()).new_zeros(())
        with visited(self.decoder.bypass, visit):
            params: Tensor = self.decoder(choose(0, Normal(zero, zero), top))
        return params


@contextmanager
def visited(bypass: Any, visit: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
    """Let the hidden layers be visited, in this thread and for so long."""
    bypass.visit = visit
    try:
        yield
    finally:
        bypass.visit = None
