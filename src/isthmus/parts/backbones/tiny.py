"""A small backbone of plain residual blocks, as of the tiny autoencoder that stands in for latent diffusion's.

3x256x256 -> 64x256x256 -> 64x128x128 -> 64x64x64 -> 64x32x32 -> 4x32x32
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.parts.backbones.kl import places
from isthmus.parts.backbones.options import one_width

REACH = 3.0  # codes are bent to lie within -REACH and REACH before they are decoded


class PlainBlock(nn.Module):
    r"""Three convolutions beside the way straight through, no normalization.

    .. math:: y = \mathrm{relu}(x + f(x))

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(width, width, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(convolutions[0], nn.ReLU(), convolutions[1], nn.ReLU(), convolutions[2])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w)."""
        return torch.relu(x + self.conv(x))


class TinyEncoder(nn.Module):
    """View (B, C, H, W) -> features h (B, F).

    Args:
        channels: Of the view.
        widths: Of each level, all alike.
        blocks: After each halving; one stands before the first.
        answers: Channels of the features.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], blocks: int, answers: int) -> None:
        super().__init__()
        width = widths[0]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), PlainBlock(width)]
        for _ in widths:
            halving = nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False)
            layers += [halving, *(PlainBlock(width) for _ in range(blocks))]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, answers, 3, padding=1))

    def forward(self, view: Tensor) -> Tensor:
        """The features of each row."""
        return self.layers(view).flatten(1)  # type: ignore[no-any-return]


class TinyDecoder(nn.Module):
    r"""Code z (B, Z) -> params (B, *params_shape).

    .. math:: x = f(3 \tanh(z / 3))

    Args:
        code_shape: Of z.
        widths: Of each level, all alike.
        blocks: Before each doubling; one stands after the last.
        params_shape: What the likelihood asks for.
        channels: Of the last convolution.
    """

    def __init__(
        self,
        code_shape: tuple[int, ...],
        widths: tuple[int, ...],
        blocks: int,
        params_shape: tuple[int, ...],
        channels: int,
    ) -> None:
        super().__init__()
        self.code_shape, self.params_shape, width = code_shape, params_shape, widths[0]
        layers: list[nn.Module] = [nn.Conv2d(code_shape[0], width, 3, padding=1), nn.ReLU()]
        for _ in widths:
            layers += [PlainBlock(width) for _ in range(blocks)]
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers, PlainBlock(width), nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, z: Tensor) -> Tensor:
        """The parameters of p(x | z) of each row."""
        bent = REACH * torch.tanh(z.reshape(len(z), *self.code_shape) / REACH)
        return self.layers(bent).reshape(len(z), *self.params_shape)  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """Levels of plain residual blocks, all of the width that `hidden_dims` names once for each halving.

    Args:
        latent_channels: Of the code, which keeps its places.
        blocks: Residual blocks at each level.

    Example:
        >>> Tiny().code_shape(Spec("image", (3, 256, 256)), (64, 64, 64))
        (4, 32, 32)
    """

    latent_channels: int = 4
    blocks: int = 3

    def code_shape(self, spec: Spec, hidden_dims: tuple[int, ...]) -> tuple[int, ...]:
        """(c, h, w), each axis halved once for each level.

        Raises:
            ParameterError: levels of different widths.
        """
        one_width(hidden_dims)
        return (self.latent_channels, *places(spec, len(hidden_dims)))

    def encoder(self, spec: Spec, features: int, settings: Settings) -> TinyEncoder:
        """View (B, C, H, W) -> features h (B, F)."""
        answers = features // math.prod(places(spec, len(settings.hidden_dims)))
        return TinyEncoder(spec.shape[0], settings.hidden_dims, self.blocks, answers)

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> TinyDecoder:
        """Code z (B, Z) -> params (B, *params_shape)."""
        channels = math.prod(params_shape) // math.prod(spec.shape[1:])
        shape = self.code_shape(spec, settings.hidden_dims)
        return TinyDecoder(shape, settings.hidden_dims, self.blocks, params_shape, channels)
