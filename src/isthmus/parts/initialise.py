"""The first weights, drawn from a generator of one's own so that the global one is never moved."""

from __future__ import annotations

import math

import torch
from torch import nn

DRAWN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    r"""Draw the weights of every linear and convolutional layer, and whatever else a part wants drawn.

    .. math:: w, b \sim U(-1/\sqrt{\text{fan-in}}, 1/\sqrt{\text{fan-in}})

    A layer marked `zero_init` starts at zero instead, one with a `gain` at weights so many times as large. A part with
    a method `draw(generator)` of its own (the fixed noise of a stochastic bottleneck, a codebook) is asked to use it.
    When all is drawn, a part with a method `tie()` makes some of it follow from the rest.
    """
    for module in network.modules():
        if isinstance(module, DRAWN):
            bound = 0.0 if getattr(module, "zero_init", False) else 1 / math.sqrt(max(_fan_in(module), 1))
            module.weight.uniform_(-bound, bound, generator=generator).mul_(getattr(module, "gain", 1.0))
            if module.bias is not None:
                module.bias.uniform_(-bound, bound, generator=generator)
        elif hasattr(module, "draw"):
            module.draw(generator)  # type: ignore[operator]
    for module in network.modules():
        if hasattr(module, "tie"):
            module.tie()  # type: ignore[operator]


def _fan_in(layer: nn.Module) -> int:
    """Numbers that one output of the layer adds up."""
    weight: torch.Tensor = layer.weight  # type: ignore[assignment]
    return weight[0].numel() if not isinstance(layer, DRAWN[4:]) else weight[:, 0].numel()
