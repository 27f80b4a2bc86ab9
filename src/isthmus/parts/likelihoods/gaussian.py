"""Normal distributions: the squared error with its constants, and three ways to know the variance."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from isthmus.core.network import Likelihood
from isthmus.errors import TrainingError
from isthmus.parts import noise
from isthmus.parts.likelihoods.cells import FLOOR, LOG_2PI, above_floor, known, paid, per_row

Variance = Literal["fixed", "learned", "optimal"]
PACE = 0.05  # how far one batch moves the optimal variance, once its first twenty have been averaged


class Gaussian(Likelihood):
    r"""Independent normal cells around the decoder's answer.

    .. math:: -\log p(x|z) = \tfrac12 \textstyle\sum_d \big((x_d - \mu_d)^2 / \sigma_d^2 + \log \sigma_d^2
              + \log 2\pi\big)

    Args:
        shape: Shape of one sample of x; the params are the means, of the same shape.
        variance: "fixed" is 1. "learned" is a parameter. "optimal" is the mean squared residual, which is the
            likeliest variance: a moving average that only training passes move. A batch is priced with the average of
            the batches before it, so that no row's price depends on its neighbours.
        shared: Whether all cells of a sample have one variance, or each its own. Never below exp(-12).

    Paper:
        The optimal variance: Rybkin, Daniilidis & Levine 2021, ICML, eq. 5; theirs is of the same batch, and shared.

    Example:
        >>> x, params = torch.zeros(2, 3), torch.ones(2, 3)
        >>> Gaussian((3,)).distortion(x, params)
        tensor([4.2568, 4.2568])
    """

    def __init__(self, shape: tuple[int, ...], variance: Variance = "fixed", shared: bool = True) -> None:
        super().__init__()
        self.params_shape = shape
        self.variance: Variance = variance
        own = () if shared else shape
        if variance == "learned":
            self.raw_log_var = nn.Parameter(torch.zeros(own))
        else:
            self.register_buffer("spread", torch.ones(own), persistent=variance == "optimal")
            self.register_buffer("batches", torch.zeros(()), persistent=variance == "optimal")

    spread: Tensor
    batches: Tensor

    @property
    def log_var(self) -> Tensor:
        """log variance of the cells: (), or the shape of one sample."""
        return above_floor(self.raw_log_var) if self.variance == "learned" else self.spread.log()

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, the shape of x; 0 where it is not observed."""
        squares = (params - known(x, observed)).square()
        log_var = self.log_var
        costs = 0.5 * (squares * (-log_var).exp() + log_var + LOG_2PI)
        # Whoever only passes gradients through, or scores, leaves the statistic alone.
        if self.variance == "optimal" and self.training and params.requires_grad:
            self._move(squares.detach(), observed)
        return paid(costs, observed)

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,); with unit variance and no gaps, differentiable once."""
        if self.variance == "fixed" and observed is None:
            return unit_cost(x, params)
        return per_row(self.cells(x, params, observed))

    def mean(self, params: Tensor) -> Tensor:
        """The expected x, which is what the decoder answers."""
        return params

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of x, the shape of the params."""
        return params + (0.5 * self.log_var).exp() * noise.normal(params, generator)

    @torch.no_grad()
    def _move(self, squares: Tensor, observed: Tensor | None) -> None:
        """Bring the variance nearer to this batch's mean squared residual, where it has a finite one."""
        axes = list(range(squares.dim())) if self.spread.dim() == 0 else [0]
        count = torch.ones_like(squares) if observed is None else observed.to(squares.dtype)
        optimum = paid(squares, observed).sum(axes) / count.sum(axes)
        optimum = torch.where(optimum.isfinite(), optimum, self.spread).clamp_min(math.exp(FLOOR))
        self.batches += 1
        self.spread.lerp_(optimum, self.batches.reciprocal().clamp_min(PACE))


def unit_cost(x: Tensor, params: Tensor) -> Tensor:
    r"""-log N(x; params, 1) of each row, by a node that is differentiable once, with respect to both arguments.

    .. math:: \tfrac12 \lVert r \rVert^2 + \tfrac{D}{2} \log 2\pi, \quad r = \mu - x

    Its backward pass turns the residual r into the gradient where it lies: nothing is allocated, and one forward pass
    serves one backward pass.

    Args:
        x: What was to be rebuilt, (B, ...).
        params: The means, the same shape.

    Raises:
        TrainingError: On a second derivative, and on a second backward pass through one forward pass.
    """
    cost: Tensor = _UnitCost.apply(x, params)  # type: ignore[no-untyped-call]
    return cost


def plain_unit_cost(x: Tensor, params: Tensor) -> Tensor:
    """The twin of `unit_cost` in plain operations, differentiable any number of times."""
    return per_row(0.5 * ((params - x).square() + LOG_2PI))


class _UnitCost(torch.autograd.Function):
    """The node behind `unit_cost`; each call owns its residual."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, params: Tensor) -> Tensor:
        """The cost of each row, (B,)."""
        ctx.residual = params - x
        rows: Tensor = ctx.residual.flatten(1)
        norm: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return norm.square_().mul_(0.5).add_(0.5 * LOG_2PI * rows.shape[1])

    @staticmethod
    def backward(ctx: Any, cost: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients to x and params, for a gradient to the costs, (B,)."""
        # Torch's own guard sees a second derivative only where the incoming gradient carries one; a graph being
        # built is the sure sign of it.
        if torch.is_grad_enabled() or ctx.residual is None:
            raise TrainingError(
                f"a second derivative of, or a second backward pass through, Gaussian.distortion of {len(cost)} rows",
                "with unit variance it is differentiable once: its residuals become the gradient where they lie",
                "add the terms up for one backward pass, or price with plain_unit_cost",
            )
        gradient, ctx.residual = ctx.residual, None
        gradient.mul_(cost.view(-1, *[1] * (gradient.dim() - 1)))  # (B,) -> (B, 1, ...)
        to_x, to_params = ctx.needs_input_grad
        return -gradient if to_x else None, gradient if to_params else None
