"""The VampPrior: the posteriors of a few made-up rows, which are learnt."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.errors import ParameterError
from isthmus.parts.priors.components import LOG_TWO_PI
from isthmus.parts.priors.prior import Prior

JITTER = 0.01  # deviations by which pseudo-inputs differ that started at the same row


class Vamp(Prior):
    r"""p(z) = mean over K pseudo-inputs u_k of the posterior q(z | u_k).

    It follows the encoder, so it is for networks with a Gaussian posterior alone: `follow` tells it whose. The
    pseudo-inputs start at training rows and are moved by the gradient. Cells of names and gaps start there and stay.

    Args:
        shape: Of one row of x.
        pseudo_inputs: K.

    Raises:
        ParameterError: fewer than one pseudo-input.

    Paper:
        Tomczak & Welling 2018, arXiv:1705.07120, eq. 9.
    """

    has_density: ClassVar[bool] = True

    def __init__(self, shape: tuple[int, ...], pseudo_inputs: int = 100) -> None:
        super().__init__()
        if pseudo_inputs < 1:
            raise ParameterError(f"pseudo_inputs={pseudo_inputs!r}", "at least 1", "use pseudo_inputs=100")
        self.inputs = nn.Parameter(torch.zeros(pseudo_inputs, *shape))
        self.begun: Tensor
        self.register_buffer("begun", torch.zeros(()))
        self.waits: bool | None = None  # for its first rows; None where nobody has asked the buffer yet
        self.followed: tuple[Any, ...] = ()  # in a tuple, so that encoder and bottleneck are not counted as its own

    def follow(self, encoder: nn.Module, bottleneck: Any) -> None:
        """Take posteriors from these: encoder(x) -> h, bottleneck.posterior(h) -> means and log-variances."""
        self.followed = (encoder, bottleneck)

    def begin(self, x: Tensor, generator: torch.Generator | None) -> None:
        """Start the pseudo-inputs at some of these rows, (n, ...), unless they have started before."""
        if self.waits is None:
            self.waits = not bool(self.begun)
        if not self.waits:
            return
        self.waits, count, rows = False, len(self.inputs), torch.nan_to_num(x)
        order = torch.cat([_shuffled(rows, generator) for _ in range(-(-count // len(rows)))])[:count]
        device = x.device if generator is None else generator.device
        noise = torch.randn(self.inputs.shape, generator=generator, device=device).to(x.device)
        again = torch.arange(count, device=x.device).view(-1, *[1] * (x.ndim - 1)) >= len(rows)
        with torch.no_grad():
            self.inputs.copy_(rows[order] + again * JITTER * noise)
            self.begun.fill_(1)

    def posteriors(self) -> tuple[Tensor, Tensor]:
        """Means and log-variances of the K components, (K, Z) each."""
        encoder, bottleneck = self.followed
        mean, log_var = bottleneck.posterior(encoder(self.inputs))
        return mean, log_var

    def log_prob(self, z: Tensor) -> Tensor:
        """log mean_k q(z | u_k) in nats, (B,)."""
        mean, log_var = self.posteriors()
        squares = (z[:, None] - mean).square() * (-log_var).exp()
        each = -0.5 * (squares + log_var + LOG_TWO_PI).sum(2)  # (B, K)
        return each.logsumexp(1) - math.log(len(self.inputs))

    def sample(self, n: int, generator: torch.Generator, condition: Tensor | None = None) -> Tensor:
        """n codes, (n, Z)."""
        mean, log_var = self.posteriors()
        which = torch.randint(len(mean), (n,), generator=generator, device=generator.device)
        noise = torch.randn(n, mean.shape[1], generator=generator, device=generator.device)
        return mean[which] + (0.5 * log_var[which]).exp() * noise


def _shuffled(rows: Tensor, generator: torch.Generator | None) -> Tensor:
    """The positions of the rows in an order of the generator's."""
    device = rows.device if generator is None else generator.device
    return torch.randperm(len(rows), generator=generator, device=device).to(rows.device)
