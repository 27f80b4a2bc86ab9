"""The layers on both sides of the code, and one weight for the two of them."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import linear

from isthmus.errors import ParameterError
from isthmus.parts.backbones.dense import Dense
from isthmus.parts.backbones.linear import widened


class Transposed(nn.Module):
    """y = x W + b, with the weight W (F, D) of another layer and a bias of its own: (B, F) -> (B, D).

    Args:
        layer: Whose weight it takes; it stays that layer's parameter.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layers = (layer,)  # in a tuple, so that its parameters are not counted as this one's too
        self.bias = nn.Parameter(layer.weight.new_zeros(layer.in_features))

    @property
    def weight(self) -> Tensor:
        """The other layer's weight transposed, (D, F)."""
        return self.layers[0].weight.T

    def forward(self, x: Tensor) -> Tensor:
        """The product with the transposed weight, widened as that of any `Linear` beyond training."""
        if x.requires_grad:
            return linear(x, self.weight, self.bias)
        return linear(x, *widened(self.weight, self.bias))[..., : len(self.bias)].contiguous()


def to_code(encoder: nn.Module) -> Any:
    """The layer whose answer is the code: the last one that multiplies."""
    return _multiplying(encoder)[-1]


def from_code(decoder: nn.Module) -> Any:
    """The layer that reads the code: the first one that multiplies."""
    return _multiplying(decoder)[0]


def tie(encoder: nn.Module, decoder: nn.Module) -> None:
    """Give the layers on both sides of the code one weight: W into the code, its transpose out of it.

    Args:
        encoder: Keeps the weight.
        decoder: Its first layer is replaced.

    Raises:
        ParameterError: the two layers are not the transposes of one another, or are no dense ones.
    """
    into, out_of = to_code(encoder), from_code(decoder)
    if not isinstance(into, nn.Linear) or into.weight.shape != out_of.weight.T.shape:
        came = f"tied=True for weights of shape {tuple(into.weight.shape)} and {tuple(out_of.weight.shape)}"
        allowed = "one weight serves both sides of the code where one is the other's transpose"
        raise ParameterError(came, allowed, "use tied=False, or a hidden layer: hidden_dims=(64,)")
    for part in decoder.modules():
        for name, child in part.named_children():
            if child is out_of:
                part.register_module(name, Transposed(into))
        if isinstance(part, Dense):
            part.has_node = False  # the node knows no weight that is another layer's


def _multiplying(module: nn.Module) -> list[nn.Module]:
    """The layers with a weight of two axes or more, in order."""
    return [part for part in module.modules() if getattr(getattr(part, "weight", None), "ndim", 0) > 1]
