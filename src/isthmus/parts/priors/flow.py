"""The flow prior: a normal distribution bent into shape by steps that can be taken back."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.errors import ParameterError
from isthmus.parts.backbones.linear import Linear
from isthmus.parts.priors.components import LOG_TWO_PI
from isthmus.parts.priors.prior import Prior

REACH = 2.0  # of a coupling's log-scale: one step stretches at most by e^2
FLAT = 1e-4  # of the widest dimension's deviation, to which narrower ones are held so that none is divided by nothing


class Scale(nn.Module):
    r"""Each dimension moved and stretched: u = (z - m) exp(s), with log |du/dz| = sum s.

    Paper:
        Kingma & Dhariwal 2018, arXiv:1807.03039, section 3.1 (activation norm). Only the first of a flow has anything
        to take from the data: couplings start as the identity, so the others see what it has standardised.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(width))
        self.log_scale = nn.Parameter(torch.zeros(width))

    def there(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z -> u, and the logarithm of the volume's growth, (B,)."""
        return (z - self.shift) * self.log_scale.exp(), self.log_scale.sum().expand(len(z))

    def back(self, u: Tensor) -> Tensor:
        """u -> z."""
        return u * (-self.log_scale).exp() + self.shift


class Coupling(nn.Module):
    r"""Half of the dimensions moved and stretched by what the other half says: u = z exp(s(mz)) + (1 - m) t(mz).

    Args:
        width: Z.
        hidden: Units of the network that says s and t.
        parity: Which of the two halves is moved.

    Paper:
        Dinh, Sohl-Dickstein & Bengio 2017, arXiv:1605.08803, eq. 9.
    """

    def __init__(self, width: int, hidden: int, parity: int) -> None:
        super().__init__()
        self.mask: Tensor
        self.register_buffer("mask", (torch.arange(width) % 2 == parity).float())
        last: Any = Linear(hidden, 2 * width)
        last.zero_init = True
        self.net = nn.Sequential(Linear(width, hidden), nn.SiLU(), Linear(hidden, hidden), nn.SiLU(), last)

    def moves(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """s and t, (B, Z) each, zero where a dimension stays."""
        log_scale, shift = self.net(z * self.mask).chunk(2, dim=1)
        return REACH * torch.tanh(log_scale / REACH) * (1 - self.mask), shift * (1 - self.mask)

    def there(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z -> u, and the logarithm of the volume's growth, (B,)."""
        log_scale, shift = self.moves(z)
        return z * log_scale.exp() + shift, log_scale.sum(1)

    def back(self, u: Tensor) -> Tensor:
        """u -> z."""
        log_scale, shift = self.moves(u)  # of the dimensions that stay, which are the same in u and z
        return (u - shift) * (-log_scale).exp()


class Flow(Prior):
    r"""log p(z) = log N(f(z); 0, I) + log |df/dz|, with f a stack of activation norms and couplings.

    Args:
        shape: Of one code.
        couplings: How many.
        hidden: Units in each of a coupling's two hidden layers.

    Raises:
        ParameterError: fewer than one coupling or unit.

    Paper:
        Dinh, Sohl-Dickstein & Bengio 2017, arXiv:1605.08803, eq. 3.

    Example:
        >>> flow = Flow((3,))
        >>> z = torch.ones(2, 3)
        >>> bool((flow.back(flow.there(z)[0]) - z).abs().max() < 1e-5)
        True
    """

    has_density: ClassVar[bool] = True

    def __init__(self, shape: tuple[int, ...], couplings: int = 6, hidden: int = 64) -> None:
        super().__init__()
        if couplings < 1 or hidden < 1:
            came = f"couplings={couplings!r}, hidden={hidden!r}"
            raise ParameterError(came, "at least 1 each", "use couplings=6 and hidden=64")
        self.shape, width = shape, math.prod(shape)
        pairs = [(Scale(width), Coupling(width, hidden, parity % 2)) for parity in range(couplings)]
        self.steps: Any = nn.ModuleList([step for pair in pairs for step in pair])

    def fit(self, z: Tensor, generator: torch.Generator) -> None:
        """Let the first step standardise the codes, (n, ...)."""
        rows = z.flatten(1)
        std = rows.std(0, correction=0)
        first = self.steps[0]
        with torch.no_grad():
            first.shift.copy_(rows.mean(0))
            first.log_scale.copy_(-std.clamp_min(max(FLAT * float(std.max()), 1e-12)).log())

    def there(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """f(z), (B, Z), and log |df/dz|, (B,)."""
        growth = z.new_zeros(len(z))
        for step in self.steps:
            z, grown = step.there(z)
            growth = growth + grown
        return z, growth

    def back(self, u: Tensor) -> Tensor:
        """The z of which f(z) = u, (B, Z)."""
        for step in reversed(self.steps):
            u = step.back(u)
        return u

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (B,)."""
        u, growth = self.there(z.flatten(1))
        return growth - 0.5 * (u.square() + LOG_TWO_PI).sum(1)

    def sample(self, n: int, generator: torch.Generator, condition: Tensor | None = None) -> Tensor:
        """n codes, (n, *shape)."""
        u = torch.randn(n, math.prod(self.shape), generator=generator, device=generator.device)
        return self.back(u).view(n, *self.shape)
