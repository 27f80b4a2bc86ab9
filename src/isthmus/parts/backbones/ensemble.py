"""Dense stacks of equal widths side by side: every layer of all members is one batched product.

    x (M * B, D) -> (M, B, D) -> [product -> activation] * (n - 1) -> product -> (M, B, F) -> (M * B, F)

The first B rows are the first member's, the next B the second's, and so on: whatever stands around the stacks and
looks at rows one by one need not know of members. It exists only while several members train in one run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import TrainingError
from isthmus.parts.backbones.activations import IN_PLACE
from isthmus.parts.backbones.buffers import Buffers
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.backbones.linear import rounded, widened


def can_stack(stack: nn.Module) -> bool:
    """Whether a backbone has a form with several members: dense layers with a node, in float32, on the CPU.

    Example:
        >>> can_stack(Dense((4, 3, 2))), can_stack(Dense((4, 3, 2), dropout=0.5)), can_stack(nn.Conv1d(1, 1, 1))
        (True, False, False)
    """
    return type(stack) is Dense and stack.has_node and not stack.low


class DenseEnsemble(nn.Module):
    """Several dense stacks as one, each row through the stack of its own member.

    Its node adds the gradients straight to where the loop gathers them, so it is called while parameters lie flat.
    Weights lie as in each stack alone and the last product is as wide, (M, rounded F, D), so that the same kernels
    round alike; only a hidden layer whose width is no multiple of 16 may round otherwise, by where its rows begin.

    Args:
        stacks: Of equal widths and activation, for each of which `can_stack` holds. Their weights are copied.

    Example:
        >>> stacks = [Dense((3, 2)), Dense((3, 2))]
        >>> both, x = DenseEnsemble(stacks), torch.randn(4, 3)
        >>> torch.allclose(both(x.repeat(2, 1))[4:], stacks[1](x), atol=1e-6)
        True
    """

    def __init__(self, stacks: Sequence[Dense]) -> None:
        super().__init__()
        learnt: Any = [stack.linears for stack in stacks]
        pairs = [[(linear.weight.detach(), linear.bias.detach()) for linear in linears] for linears in learnt]
        for pair in pairs:
            pair[-1] = widened(*pair[-1])
        layers = [list(zip(*layer, strict=True)) for layer in zip(*pairs, strict=True)]
        self.weights = nn.ParameterList(torch.stack(weights) for weights, _ in layers)  # (M, F, D)
        self.biases = nn.ParameterList(torch.stack(biases)[:, None] for _, biases in layers)  # (M, 1, F)
        self.layers = list(zip(self.weights, self.biases, strict=True))
        self.opening, self.shape, self.activation_name = stacks[0].opening, stacks[0].shape, stacks[0].activation_name
        self.members, self.width = len(stacks), math.prod(self.shape)
        hidden = [weight.shape[1] for weight in self.weights][:-1]
        self.memory = Buffers((*hidden, *hidden))  # activations, then their gradients

    def forward(self, x: Tensor) -> Tensor:
        """(M * B, ...) -> (M * B, *shape)."""
        x = x if self.opening is None else self.opening(x)
        y: Tensor = _EnsembleNode.apply(x, self, self.layers[0][0])  # type: ignore[no-untyped-call]
        return y if len(self.shape) == 1 else y.unflatten(1, self.shape)

    def run(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The stacks in place: y (M, B, F), and the buffers that hold activations, to be given back."""
        activate, _ = IN_PLACE[self.activation_name]
        buffers = self.memory.take(math.prod(x.shape[:2]), x.dtype)
        h = x
        for (weight, bias), out in zip(self.layers[:-1], buffers, strict=False):
            h = torch.baddbmm(bias, h, weight.transpose(1, 2), out=self.apart(out))
            activate(h)
        weight, bias = self.layers[-1]
        return torch.baddbmm(bias, h, weight.transpose(1, 2))[:, :, : self.width], buffers

    def apart(self, rows: Tensor) -> Tensor:
        """(M * B, F) -> (M, B, F)."""
        return rows.view(self.members, -1, rows.shape[1])

    @torch.no_grad()
    def hand_back(self, stacks: Sequence[Dense]) -> None:
        """Give each stack the weights of its member."""
        for member, stack in enumerate(stacks):
            for linear, (weight, bias) in zip(stack.linears, self.layers, strict=True):
                for own, ours in ((linear.weight, weight[member]), (linear.bias, bias[member, 0])):
                    own.copy_(ours[: len(own)])  # type: ignore[arg-type, operator]


class _EnsembleNode(torch.autograd.Function):
    """All stacks as one node, which owns its buffers from its forward to its backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ensemble: DenseEnsemble, first: Tensor) -> Tensor:
        """(M * B, D) -> (M * B, F); the first weight stands in the graph so that the node is there at all."""
        ctx.ensemble, ctx.x = ensemble, ensemble.apart(x)
        y, ctx.buffers = ensemble.run(ctx.x)
        return y.flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None]:
        """The gradient to x; those to weights and biases are added where they are gathered."""
        if ctx.buffers is None or torch.is_grad_enabled():
            raise TrainingError(
                "a second backward pass, or one with create_graph=True, through dense stacks of several members",
                "they are differentiable once, and give their working memory back with the gradient",
                "run the forward pass again, or train the members in turn",
            )
        ensemble, buffers = ctx.ensemble, ctx.buffers
        _, slope = IN_PLACE[ensemble.activation_name]
        depth, g = len(ensemble.layers), ensemble.apart(gradient)
        for i in reversed(range(depth)):
            weight, bias = ensemble.layers[i]
            h = ensemble.apart(buffers[i - 1]) if i > 0 else ctx.x
            add_products(weight.grad, bias.grad, g, h)
            matrix = weight[:, : g.shape[2]]
            if i > 0:
                g = torch.bmm(g, matrix, out=ensemble.apart(buffers[depth - 2 + i]))
                slope(g, h)
            elif ctx.needs_input_grad[0]:
                # A few columns round by where their rows begin: so each member has a product of its own.
                g = torch.cat([torch.mm(*one) for one in zip(g, matrix, strict=True)])
        ensemble.memory.give(buffers)
        ctx.buffers = None
        return g if ctx.needs_input_grad[0] else None, None, None


def add_products(weight: Tensor, bias: Tensor, g: Tensor, h: Tensor) -> None:
    """Add the gradients of one layer of each member, g'h and the column sums of g, the way a stack alone does.

    Args:
        weight: Where those of the weights are gathered, (M, F or more, D).
        bias: Where those of the biases are, (M, 1, F or more).
        g: The gradients to the layer's answers, (M, B, F).
        h: What the layer was given, (M, B, D).
    """
    width = g.shape[2]
    if h.shape[2] < width and rounded(h.shape[2]) != h.shape[2]:
        weight[:, :width].transpose(1, 2).add_(torch.bmm(h.transpose(1, 2), g))
    else:
        weight[:, :width].baddbmm_(g.transpose(1, 2), h)
    bias[:, :, :width].add_(g.sum(1, keepdim=True))
