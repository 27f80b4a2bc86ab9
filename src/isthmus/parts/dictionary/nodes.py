"""The two ends of a sparse code as autograd nodes: read off the rows, and written back as a sum of directions.

    x (B, D) -> read -> p (N,), the pre-activations of the entries -> anything that autograd knows -> write -> (bags, D)

Neither has a gradient, or any memory, for a latent that is not in the pattern. Both own what they keep, so that a
forward pass may run twice before the first backward pass; each is differentiable once. `plain_read` and `plain_write`
are their twins in dense products: the oracle of the tests, and the quicker way where most latents are on.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from isthmus.errors import TrainingError
from isthmus.parts.dictionary.pattern import Pattern, compared, gathered, summed


def read(x: Tensor, shift: Tensor | None, weight: Tensor, bias: Tensor, pattern: Pattern, found: Tensor) -> Tensor:
    r"""The pre-activations of the entries of a pattern, (N,).

    .. math:: p_i = (x_{b(i)} - s) \cdot w_{j(i)} + b_{j(i)}

    Args:
        x: Rows, (B, D).
        shift: s, what is taken off them, (D,), or None.
        weight: w, (n, D).
        bias: b, (n,).
        pattern: Which entries.
        found: Their pre-activations, (N,), which the search for them had at hand.

    Raises:
        TrainingError: On a second derivative.
    """
    p: Tensor = _Read.apply(x, shift, weight, bias, pattern, found)  # type: ignore[no-untyped-call]
    return p


def write(values: Tensor, directions: Tensor, pattern: Pattern) -> Tensor:
    """Each bag's sum of directions, weighted by the values (N,): (bags, D).

    Raises:
        TrainingError: On a second derivative.
    """
    sums: Tensor = _Write.apply(values, directions, pattern)  # type: ignore[no-untyped-call]
    return sums


def plain_read(x: Tensor, shift: Tensor | None, weight: Tensor, bias: Tensor, pattern: Pattern) -> Tensor:
    """The twin of `read` by one dense product, differentiable any number of times."""
    h = linear(x if shift is None else x - shift, weight, bias)
    return h[pattern.row.long(), pattern.latents.long()]


def plain_write(values: Tensor, directions: Tensor, pattern: Pattern) -> Tensor:
    """The twin of `write` by one dense product, differentiable any number of times."""
    code = values.new_zeros(len(pattern.starts) - 1, pattern.width)
    return code.index_put((pattern.bag.long(), pattern.latents.long()), values, accumulate=True) @ directions


class _Read(torch.autograd.Function):
    """The node behind `read`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, shift: Tensor | None, weight: Tensor, bias: Tensor, pattern: Pattern, found: Tensor
    ) -> Tensor:
        """What the search found, as a function of the rows and weights."""
        ctx.pattern, ctx.is_shifted = pattern, shift is not None
        ctx.save_for_backward(x if shift is None else x - shift, weight)
        return found.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the entries' rows, weights and biases."""
        refuse_second("reading", g)
        x, weight = ctx.saved_tensors
        pattern = ctx.pattern
        to_x, to_shift, to_weight, _, _, _ = ctx.needs_input_grad
        bias = g.new_zeros(pattern.width).index_add_(0, pattern.latents, g)
        rows = Pattern(pattern.latents, pattern.starts[:: pattern.bags], pattern.width)
        return (
            summed(g, rows, weight) if to_x else None,
            -(bias @ weight) if to_shift else None,  # all rows share the shift, so their latents are summed first
            gathered(g, pattern, x, by_row=True) if to_weight else None,
            bias,
            None,
            None,
        )


class _Write(torch.autograd.Function):
    """The node behind `write`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, directions: Tensor, pattern: Pattern) -> Tensor:
        """The sums."""
        ctx.pattern = pattern
        ctx.save_for_backward(values, directions)
        return summed(values, pattern, directions)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the values and of the directions."""
        refuse_second("writing", g)
        values, directions = ctx.saved_tensors
        to_values, to_directions, _ = ctx.needs_input_grad
        return (
            compared(ctx.pattern, g, directions) if to_values else None,
            gathered(values, ctx.pattern, g) if to_directions else None,
            None,
        )


def refuse_second(what: str, gradient: Tensor) -> None:
    """Say that a node is differentiable once.

    Raises:
        TrainingError: a graph of the backward pass is being built.
    """
    if torch.is_grad_enabled():
        raise TrainingError(
            f"a second derivative through the {what} of a sparse code with {len(gradient)} gradients",
            "its nodes are differentiable once",
            "use the dictionary's plain() twin for second derivatives",
        )
