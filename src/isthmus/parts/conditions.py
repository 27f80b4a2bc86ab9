"""How a condition reaches an encoder and a decoder: a label or a row of attributes, or a sample of the same places.

A flat backbone sees [x, y] and decodes [z, y], y one-hot or standardised. Convolutions see x with a few constant planes
of y beside it, and decode [z, y]. Where y is a sample itself, convolutions see [x, y] as channels and decode [z, h(y)],
and the levels of an encoder h of y alone are added to the decoder's, so that edges stay sharp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.parts.backbones.axes import Size
from isthmus.parts.backbones.linear import Linear
from isthmus.parts.backbones.mlp import MLP
from isthmus.parts.entry import flat_entry

PLANES = 8  # at most, beside the channels of x: a label says the same at each place


class Beside(nn.Module):
    """A condition joined to what the encoder sees and to what the decoder receives.

    Args:
        opening: From x to what y is joined to, (B, ...).
        planes: From y to what stands beside that, (B, ...) of the same places.
        head: From y to what stands beside z, (B, W).
    """

    def __init__(self, opening: nn.Module, planes: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.opening, self.planes, self.head = opening, planes, head

    def to_view(self, view: Tensor, condition: Tensor) -> Tensor:
        """[x, y] along the columns or channels."""
        return torch.cat([self.opening(view), self.planes(condition)], 1)

    def to_code(self, z: Tensor, condition: Tensor) -> Tensor:
        """[z, y], (B, Z + W)."""
        return torch.cat([z, self.head(condition)], 1)


class Spread(nn.Module):
    """The same numbers at every place, (B, C) -> (B, C, *size).

    Args:
        size: The places.

    Example:
        >>> Spread((2, 2))(torch.tensor([[7.0]]))
        tensor([[[[7., 7.],
                  [7., 7.]]]])
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """x everywhere."""
        return x.reshape(*x.shape, *[1] * len(self.size)).expand(*x.shape, *self.size)


def joined(spec: Spec, settings: Settings, told: Spec) -> tuple[Beside, Spec, Any, int]:
    """How this condition joins this data in this backbone.

    Args:
        spec: What x is.
        settings: The backbone, and what it is made with.
        told: What y is.

    Returns:
        The part that joins; what the encoder then sees; the decoder's backbone; and W, the numbers beside z.

    Raises:
        ParameterError: the backbone leads x itself around the code, or keeps the code's places.
    """
    backbone = settings.architecture
    if backbone.skip_connections or getattr(backbone, "latent_channels", None):
        came, allowed = f"architecture={backbone!r}", "a condition is joined to a flat code, all that is sent of x"
        raise ParameterError(came, allowed, "leave out skip_connections and latent_channels")
    entry, width = flat_entry(told, "gaussian")
    entry = entry or nn.Identity()
    if isinstance(backbone, MLP) or len(spec.shape) == 1:
        opening, columns = flat_entry(spec, settings.likelihood)
        return Beside(opening or nn.Identity(), entry, entry), Spec("table", (columns + width,)), backbone, width
    channels, *size = spec.shape
    if told.kind == "table":
        count = min(width, PLANES)
        planes = nn.Sequential(entry, Linear(width, count), Spread(tuple(size)))
        return Beside(nn.Identity(), planes, entry), replace(spec, shape=(channels + count, *size)), backbone, width
    across = replace(backbone, skip_connections=True)
    head, view = across.encoder(told, settings.latent_dim, settings), (channels + told.shape[0], *size)
    return Beside(nn.Identity(), nn.Identity(), head), replace(spec, shape=view), across, settings.latent_dim
