"""A stack of dense layers, written twice: plainly, and as one autograd node with a backward pass written by hand.

    x (B, D) -> [linear -> normalization -> activation -> dropout] * (n - 1) -> linear -> (B, F)

The node computes what the plain stack computes, with a third of the calls: activations are overwritten in place, the
working memory is reused (`Buffers`), and the slope of each activation is read off its output. It serves whenever a
stack has neither normalization nor dropout and its activation allows it; everything else, and whatever needs a
second derivative, takes `plain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from isthmus.errors import TrainingError, UnknownNameError
from isthmus.parts.backbones.activations import IN_PLACE, activation
from isthmus.parts.backbones.buffers import Buffers
from isthmus.parts.backbones.dropout import Dropout

NORMALIZATIONS: dict[str, type[nn.Module]] = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


def normalization(name: str, width: int) -> nn.Module:
    """The normalization called `name` for vectors of this width.

    Raises:
        UnknownNameError: no normalization has this name.
    """
    if name not in NORMALIZATIONS:
        raise UnknownNameError.among("normalization", name, NORMALIZATIONS)
    return nn.Identity() if name == "none" else NORMALIZATIONS[name](width)


class Dense(nn.Module):
    """Dense layers of the given widths, linear at the end.

    Args:
        widths: D, the hidden widths, F.
        activation_name: Between layers, one of `activations.MODULES`.
        norm: "none", "batch" or "layer".
        dropout: Probability of dropping a hidden unit in training.
        precision: "float32", or "bfloat16" for products in bfloat16 with float32 weights and result.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation_name: str = "relu",
        norm: str = "none",
        dropout: float = 0.0,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        hidden = tuple(widths[1:-1])
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(normalization(norm, width) for width in hidden)
        self.activation = activation(activation_name)
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.activation_name = activation_name
        self.low = precision == "bfloat16"
        self.has_node = activation_name in IN_PLACE and norm == "none" and not dropout
        self.buffers = Buffers(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) -> (B, F), by the node where it serves."""
        if not (self.has_node and x.device.type == "cpu"):
            return self.plain(x)
        weights = [linear.weight for linear in self.linears]
        biases = [linear.bias for linear in self.linears]
        if torch.is_grad_enabled():
            return _DenseNode.apply(x, self, *weights, *biases)  # type: ignore[no-any-return, no-untyped-call]
        dtype = self.compute_dtype(x)
        hidden = self.buffers.take(len(x), dtype)
        y = forward_in_place(x.to(dtype), weights, biases, hidden, self.activation_name)
        self.buffers.give(hidden)
        return y.to(x.dtype)

    def plain(self, x: Tensor) -> Tensor:
        """The same by ordinary modules: the node's oracle, and differentiable any number of times."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.low):
            h = x
            for linear, norm in zip(self.linears, self.norms, strict=False):
                h = self.dropout(self.activation(norm(linear(h))))
            return self.linears[-1](h).to(x.dtype)  # type: ignore[no-any-return]

    def compute_dtype(self, x: Tensor) -> torch.dtype:
        """What the products are made in."""
        return torch.bfloat16 if self.low else x.dtype


def forward_in_place(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], hidden: Sequence[Tensor], activation_name: str
) -> Tensor:
    """y of the stack, (B, F); every hidden activation is left in `hidden`.

    Args:
        x: Input in the dtype of the products, (B, D).
        weights: One (out, in) matrix a layer.
        biases: One (out,) vector a layer.
        hidden: One (B, out) tensor for each layer but the last, overwritten.
        activation_name: A key of `IN_PLACE`.
    """
    apply, _ = IN_PLACE[activation_name]
    h = x
    for weight, bias, out in zip(weights, biases, hidden, strict=False):
        torch.addmm(bias.to(h.dtype), h, weight.to(h.dtype).t(), out=out)
        apply(out)
        h = out
    return torch.addmm(biases[-1].to(h.dtype), h, weights[-1].to(h.dtype).t())


class _DenseNode(torch.autograd.Function):
    """The whole stack as one node. Owns its buffers from its forward to its backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, stack: Dense, *params: Tensor) -> Tensor:
        depth = len(params) // 2
        dtype = stack.compute_dtype(x)
        ctx.stack, ctx.x, ctx.weights = stack, x.to(dtype), params[:depth]
        ctx.hidden = stack.buffers.take(len(x), dtype)
        y = forward_in_place(ctx.x, ctx.weights, params[depth:], ctx.hidden, stack.activation_name)
        return y.to(x.dtype)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.hidden is None:
            raise TrainingError(
                "a second backward pass through one forward pass of a dense stack",
                "its working memory is given back after the first",
                "run the forward pass again, or use the stack's plain() twin for repeated differentiation",
            )
        _, slope = IN_PLACE[ctx.stack.activation_name]
        inputs = [ctx.x, *ctx.hidden]
        dtype, depth = ctx.x.dtype, len(inputs)
        by_weight: list[Tensor | None] = [None] * depth
        by_bias: list[Tensor | None] = [None] * depth
        g: Tensor = gradient.to(dtype)
        for i in reversed(range(depth)):
            by_weight[i] = (g.t() @ inputs[i]).to(gradient.dtype)
            by_bias[i] = g.sum(0).to(gradient.dtype)
            if i > 0 or ctx.needs_input_grad[0]:
                g = g @ ctx.weights[i].to(dtype)
            if i > 0:
                slope(g, inputs[i])
        ctx.stack.buffers.give(ctx.hidden)
        ctx.hidden = None
        by_input = g.to(gradient.dtype) if ctx.needs_input_grad[0] else None
        return by_input, None, *by_weight, *by_bias
