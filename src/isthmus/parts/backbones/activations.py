"""The non-linearities by name, as modules and as in-place pairs of forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from isthmus.errors import UnknownNameError

LEAK = 0.01  # slope of the leaky ReLU below zero, torch's default

MODULES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}

InPlace: TypeAlias = tuple[Callable[[Tensor], object], Callable[[Tensor, Tensor], object]]

_aten = torch.ops.aten

IN_PLACE: dict[str, InPlace] = {
    "relu": (
        lambda h: h.clamp_min_(0),
        lambda gradient, y: _aten.threshold_backward.grad_input(gradient, y, 0, grad_input=gradient),
    ),
    "leaky-relu": (
        lambda h: nn.functional.leaky_relu_(h, LEAK),
        lambda gradient, y: _aten.leaky_relu_backward.grad_input(gradient, y, LEAK, True, grad_input=gradient),
    ),
    "sigmoid": (
        torch.sigmoid_,
        lambda gradient, y: _aten.sigmoid_backward.grad_input(gradient, y, grad_input=gradient),
    ),
    "tanh": (torch.tanh_, lambda gradient, y: _aten.tanh_backward.grad_input(gradient, y, grad_input=gradient)),
    "linear": (lambda h: h, lambda gradient, y: gradient),
}
"""Activations whose slope can be read off their own output y, so that the input need not be kept:
y = f(h) in place, and gradient * f'(h) in place. GELU is not among them."""


def activation(name: str) -> nn.Module:
    """A new module of the activation called `name`.

    Raises:
        UnknownNameError: no activation has this name.

    Example:
        >>> activation("leaky-relu")
        LeakyReLU(negative_slope=0.01)
    """
    if name not in MODULES:
        raise UnknownNameError.among("activation", name, MODULES)
    return MODULES[name]()
