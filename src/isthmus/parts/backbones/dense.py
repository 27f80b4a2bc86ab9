"""A stack of dense layers, written twice: plainly, and as one autograd node with a backward pass written by hand.

    x (B, D) -> [linear -> normalization -> activation -> dropout] * (n - 1) -> linear -> (B, F)

The node computes what the plain stack computes, with a third of the calls: activations are overwritten in place, the
working memory is reused (`Buffers`), and the slope of each activation is read off its output. It serves whenever a
stack has neither normalization nor dropout and its activation allows it; everything else, and whatever needs a
second derivative, takes `plain`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isthmus.errors import TrainingError, UnknownNameError
from isthmus.parts.backbones.activations import IN_PLACE, activation
from isthmus.parts.backbones.buffers import Buffers
from isthmus.parts.backbones.bypass import Bypass
from isthmus.parts.backbones.dropout import Dropout
from isthmus.parts.backbones.kept import Kept
from isthmus.parts.backbones.linear import Linear, rounded, widened

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
        self.linears = nn.ModuleList(Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(normalization(norm, width) for width in hidden)
        self.activation = activation(activation_name)
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.activation_name = activation_name
        self.low = precision == "bfloat16"
        self.has_node = activation_name in IN_PLACE and norm == "none" and not dropout
        self.opening: nn.Module | None = None  # what makes a flat row of x, where x is none
        self.shape: tuple[int, ...] = (widths[-1],)  # of the answer for one row
        self.bypass: Bypass | None = None
        self.memory = Buffers((*hidden, *hidden))  # activations, then their gradients
        self.keeps = False
        self.kept: Kept[Layers] = Kept()
        self.laid: Layers | None = None  # the layers while the loop has them laid flat, with gradients to add to

    def route(self, bypass: Bypass, keeps: bool) -> None:
        """Keep the hidden layers for the other side, or add to them what the other side kept."""
        self.bypass, self.keeps, self.has_node = bypass, keeps, False

    def room(self) -> dict[Tensor, int]:
        """Numbers of zeros that flat storage is to leave behind parameters: the last product is read with them."""
        last = self.linears[-1]
        if not (self.has_node and isinstance(last, Linear)):
            return {}
        surplus = rounded(last.out_features) - last.out_features
        return {last.weight: surplus * last.in_features, last.bias: surplus}

    def lay(self, laid: bool) -> None:
        """Hear from the loop that the parameters lie flat with gradients to add to, or that they no longer do."""
        learns = all(p.requires_grad for linear in self.linears for p in linear.parameters())
        self.laid = self.layers().roomy() if laid and learns and self.has_node else None

    def layers(self) -> Layers:
        """The weight and bias of each layer, as the node uses them."""
        weights: list[Tensor] = [linear.weight for linear in self.linears]  # type: ignore[misc]
        biases: list[Tensor] = [linear.bias for linear in self.linears]  # type: ignore[misc]
        return Layers(weights, biases, [(b.detach(), w.detach().t()) for w, b in zip(weights, biases, strict=True)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, *shape), by the node where it serves."""
        if not (self.has_node and x.device.type == "cpu"):
            return self.plain(x)
        x = x if self.opening is None else self.opening(x)
        if torch.is_grad_enabled():
            layers = self.laid or self.layers()
            params = layers.weights[:1] if self.laid else layers.weights + layers.biases
            y: Tensor = _DenseNode.apply(x, self, layers, *params)  # type: ignore[no-untyped-call]
        else:
            y, hidden = self.run(x, self.layers().widened() if self.training else self._kept_layers())
            y = y.contiguous()
            self.memory.give(hidden)
        return y if len(self.shape) == 1 else y.unflatten(1, self.shape)

    def train(self, mode: bool = True) -> Dense:
        """Forget the widened layers, and go on as any module."""
        self.kept.forget()
        return super().train(mode)

    def _kept_layers(self) -> Layers:
        """The widened layers, made anew only where a weight or bias has changed."""
        weights = [weight for linear in self.linears for weight in (linear.weight, linear.bias)]
        return self.kept.of(weights, lambda: self.layers().widened())  # type: ignore[arg-type]

    def __getstate__(self) -> dict[str, Any]:
        """A copy made while the loop runs has parameters of its own, which do not lie flat."""
        return {**vars(self), "laid": None}

    def plain(self, x: Tensor) -> Tensor:
        """The same by ordinary modules: the node's oracle, and differentiable any number of times."""
        h: Tensor = x if self.opening is None else self.opening(x)
        if self.bypass is not None and self.keeps:
            self.bypass.clear()
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.low):
            for height, (linear, norm) in enumerate(zip(self.linears, self.norms, strict=False)):
                h = self._bypassed(height, self.dropout(self.activation(norm(linear(h)))))
            y: Tensor = self.linears[-1](h).to(x.dtype)
        return y if len(self.shape) == 1 else y.unflatten(1, self.shape)

    def _bypassed(self, height: int, h: Tensor) -> Tensor:
        """A hidden layer, kept for the other side or with the other side's added."""
        if self.bypass is None:
            return h
        if not self.keeps:
            return self.bypass.add(height, h)
        self.bypass.keep(h)
        return h

    def run(self, x: Tensor, layers: Layers) -> tuple[Tensor, list[Tensor]]:
        """The stack in place: y (B, F), and the buffers that hold the hidden activations, to be given back."""
        if self.low:
            x, layers = x.bfloat16(), layers.lowered()
        activate, _ = IN_PLACE[self.activation_name]
        buffers = self.memory.take(len(x), x.dtype)
        h = x
        for (bias, matrix), out in zip(layers.products[:-1], buffers, strict=False):
            fits = matrix.shape[1] == out.shape[1]
            h = torch.addmm(bias, h, matrix, out=out) if fits else torch.addmm(bias, h, matrix)[:, : out.shape[1]]
            activate(h)
        bias, matrix = layers.products[-1]
        y = torch.addmm(bias, h, matrix)[:, : self.linears[-1].out_features]
        return y.float() if self.low else y, buffers


@contextmanager
def plainly(module: nn.Module) -> Iterator[None]:
    """Let every hand-written node inside the module step aside for its plain twin, which differentiates twice."""
    stacks = [part for part in module.modules() if isinstance(part, Dense) and part.has_node]
    for stack in stacks:
        stack.has_node = False
    try:
        yield
    finally:
        for stack in stacks:
            stack.has_node = True


class Layers(NamedTuple):
    """A stack's parameters, weights (out, in) and biases (out,), and what its forward products are made with.

    Each product takes a bias and a transposed weight, (in, out), perhaps with columns of zeros beside them: one with a
    column for each of 30 features takes up to twice as long as one with 32.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    products: list[tuple[Tensor, Tensor]]

    def widened(self) -> Layers:
        """The same with the products widened, so that rows do not feel where they stand."""
        pairs = list(map(widened, self.weights, self.biases))
        return self._replace(products=[(bias, weight.t()) for weight, bias in pairs])  # type: ignore[misc]

    def roomy(self) -> Layers:
        """The same with the zeros read that flat storage has left behind the last weight and bias."""
        weight, bias = self.weights[-1].detach(), self.biases[-1].detach()
        width, columns = rounded(len(weight)), weight.shape[1]
        last = bias.as_strided((width,), (1,)), weight.as_strided((width, columns), (columns, 1)).t()
        return self._replace(products=[*self.products[:-1], last])

    def lowered(self) -> Layers:
        """The same in bfloat16."""
        weights, biases = ([tensor.bfloat16() for tensor in tensors] for tensors in self[:2])
        return Layers(weights, biases, [(bias.bfloat16(), matrix.bfloat16()) for bias, matrix in self.products])


class _DenseNode(torch.autograd.Function):
    """The whole stack as one node. Owns its buffers from its forward to its backward pass.

    While the loop has the parameters laid flat, their gradients are added straight into the flat buffer, and only
    the first weight stands in the graph, so that the node is there at all; else they are returned as usual.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, stack: Dense, layers: Layers, *params: Tensor) -> Tensor:
        ctx.stack, ctx.layers, ctx.x, ctx.adds = stack, layers, x, stack.laid is not None
        y, ctx.buffers = stack.run(x, layers)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.buffers is None or torch.is_grad_enabled():
            raise TrainingError(
                "a second backward pass, or a backward pass with create_graph=True, through a dense stack's node",
                "it is differentiable once, and gives its working memory back with the gradient",
                "run the forward pass again, or use the stack's plain() twin for second derivatives",
            )
        stack, layers, buffers = ctx.stack, ctx.layers, ctx.buffers
        _, slope = IN_PLACE[stack.activation_name]
        depth = len(layers.weights)
        g, x = (gradient.bfloat16(), ctx.x.bfloat16()) if stack.low else (gradient, ctx.x)
        weights = layers.lowered().weights if stack.low else layers.weights
        found: list[Tensor | None] = [None] * (1 if ctx.adds else 2 * depth)
        for i in reversed(range(depth)):
            h = buffers[i - 1] if i > 0 else x
            if not ctx.adds:
                found[i], found[depth + i] = (g.t() @ h).to(gradient.dtype), g.sum(0, dtype=gradient.dtype)
            elif layers.weights[i].requires_grad:
                add_products(layers.weights[i].grad, layers.biases[i].grad, g, h)
            if i > 0:
                g = torch.mm(g, weights[i], out=buffers[depth - 2 + i])
                slope(g, h)
            elif ctx.needs_input_grad[0]:
                g = g @ weights[0]
        stack.memory.give(buffers)
        ctx.buffers = None
        return g.to(gradient.dtype) if ctx.needs_input_grad[0] else None, None, None, *found


def add_products(weight: Tensor, bias: Tensor, g: Tensor, h: Tensor) -> None:
    """Add the gradients of one layer, g'h and the column sums of g, to where they are gathered.

    A product whose columns are few and no multiple of a register's width takes up to six times as long as its
    transpose.
    """
    if g.dtype != weight.dtype:
        weight.add_(g.t() @ h)
    elif h.shape[1] < g.shape[1] and rounded(h.shape[1]) != h.shape[1]:
        weight.add_((h.t() @ g).t())
    else:
        weight.addmm_(g.t(), h)
    bias.add_(g.sum(0, dtype=bias.dtype))
