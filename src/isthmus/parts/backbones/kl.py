"""The backbone of latent diffusion's autoencoders: residual blocks with group norms, attention at the deepest level.

3x256x256 -> 128x256x256 -> 128x128x128 -> 256x64x64 -> 512x32x32 -> attention -> means and log-variances of 4x32x32
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, scaled_dot_product_attention, silu

from isthmus.core.settings import Settings
from isthmus.core.spec import Spec
from isthmus.errors import InputError
from isthmus.parts.backbones.linear import Linear

EPSILON = 1e-6  # of the group normalizations


def group_norm(channels: int, groups: int) -> nn.GroupNorm:
    """A group normalization of that many groups, or the most that share the channels out evenly."""
    return nn.GroupNorm(math.gcd(channels, groups), channels, EPSILON)


class ResidualBlock(nn.Module):
    r"""Two convolutions beside the way straight through.

    .. math:: y = \mathrm{shortcut}(x) + \mathrm{conv}(\mathrm{silu}(\mathrm{norm}(
              \mathrm{conv}(\mathrm{silu}(\mathrm{norm}(x))))))

    Args:
        entry: Channels of x.
        channels: Of y; where they differ the shortcut is a convolution over single pixels.
        groups: Of the normalizations.
    """

    def __init__(self, entry: int, channels: int, groups: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = group_norm(entry, groups), nn.Conv2d(entry, channels, 3, padding=1)
        self.norm2, self.conv2 = group_norm(channels, groups), nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Identity() if entry == channels else nn.Conv2d(entry, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, entry, h, w) -> (B, channels, h, w)."""
        y = self.conv1(silu(self.norm1(x)))
        y = self.conv2(silu(self.norm2(y)))
        return self.shortcut(x) + y  # type: ignore[no-any-return]


class PixelAttention(nn.Module):
    """Every pixel asks all others, with one head, beside the way straight through.

    Args:
        channels: C.
        groups: Of the normalization.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = group_norm(channels, groups)
        self.query, self.key, self.value = (Linear(channels, channels) for _ in range(3))
        self.answer = Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w)."""
        pixels = self.norm(x).flatten(2).transpose(1, 2)[:, None]  # (B, C, h, w) -> (B, 1, h * w, C)
        found = scaled_dot_product_attention(self.query(pixels), self.key(pixels), self.value(pixels))
        return x + self.answer(found[:, 0]).transpose(1, 2).reshape(x.shape)  # type: ignore[no-any-return]


class Level(nn.Module):
    """Residual blocks, then a change of extent by 2 where one is asked for.

    Args:
        entry: Channels that come in.
        channels: That go out.
        blocks: How many.
        groups: Of the normalizations.
        way: "down" halves the extent, "up" doubles it, "" keeps it.
    """

    def __init__(self, entry: int, channels: int, blocks: int, groups: int, way: str) -> None:
        super().__init__()
        widths = [entry, *[channels] * blocks]
        self.blocks = nn.ModuleList(ResidualBlock(a, b, groups) for a, b in zip(widths, widths[1:], strict=False))
        self.way = way
        stride, padding = (2, 0) if way == "down" else (1, 1)
        self.resize = nn.Conv2d(channels, channels, 3, stride, padding) if way else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, entry, h, w) -> (B, channels, h', w')."""
        for block in self.blocks:
            x = block(x)
        if self.way == "down":
            x = pad(x, (0, 1, 0, 1))  # one more on the right and below, so that strides of 2 begin at the first pixel
        if self.way == "up":
            x = interpolate(x, scale_factor=2.0, mode="nearest")
        return self.resize(x)  # type: ignore[no-any-return]


def middle(channels: int, groups: int, attends: bool) -> nn.Sequential:
    """The deepest level: block, attention, block."""
    between = PixelAttention(channels, groups) if attends else nn.Identity()
    return nn.Sequential(ResidualBlock(channels, channels, groups), between, ResidualBlock(channels, channels, groups))


class KLEncoder(nn.Module):
    r"""View (B, C, H, W) -> features h (B, F): means and log-variances of the scaled code, or the code alone.

    .. math:: \mu = s\,(\mu' - b), \quad \log\sigma^2 = \log\sigma'^2 + 2 \log s

    Args:
        backbone: Its options.
        channels: Of the view.
        widths: Channels of each level.
        answers: Channels of the features.
    """

    def __init__(self, backbone: KL, channels: int, widths: tuple[int, ...], answers: int) -> None:
        super().__init__()
        self.backbone, groups = backbone, backbone.groups
        self.entry = nn.Conv2d(channels, widths[0], 3, padding=1)
        entries, last = (widths[0], *widths), len(widths) - 1
        self.levels = nn.ModuleList(
            Level(entries[i], width, backbone.blocks, groups, "down" if i < last else "")
            for i, width in enumerate(widths)
        )
        self.middle = middle(widths[-1], groups, backbone.attention)
        self.norm = group_norm(widths[-1], groups)
        self.exit = nn.Conv2d(widths[-1], answers, 3, padding=1)
        self.project = nn.Conv2d(answers, answers, 1) if backbone.projected else nn.Identity()

    def forward(self, view: Tensor) -> Tensor:
        """The features of each row."""
        x = self.entry(view)
        for level in self.levels:
            x = level(x)
        x = self.project(self.exit(silu(self.norm(self.middle(x)))))
        latent, scale = self.backbone.latent_channels, self.backbone.scale
        mean, log_var = x.split([latent, x.shape[1] - latent], 1)  # no log-variances before a plain bottleneck
        return torch.cat([scale * (mean - self.backbone.shift), log_var + 2 * math.log(scale)], 1).flatten(1)


class KLDecoder(nn.Module):
    """Scaled code z (B, Z) -> params (B, *params_shape).

    Args:
        backbone: Its options.
        widths: Channels of each level, shallow ones first.
        code_shape: Of z.
        params_shape: What the likelihood asks for.
        channels: Of the last convolution.
    """

    def __init__(
        self,
        backbone: KL,
        widths: tuple[int, ...],
        code_shape: tuple[int, ...],
        params_shape: tuple[int, ...],
        channels: int,
    ) -> None:
        super().__init__()
        self.backbone, groups = backbone, backbone.groups
        self.code_shape, self.params_shape = code_shape, params_shape
        latent, deep = backbone.latent_channels, widths[::-1]
        self.project = nn.Conv2d(latent, latent, 1) if backbone.projected else nn.Identity()
        self.entry = nn.Conv2d(latent, deep[0], 3, padding=1)
        self.middle = middle(deep[0], groups, backbone.attention)
        entries, last = (deep[0], *deep), len(deep) - 1
        self.levels = nn.ModuleList(
            Level(entries[i], width, backbone.blocks + 1, groups, "up" if i < last else "")
            for i, width in enumerate(deep)
        )
        self.norm = group_norm(deep[-1], groups)
        self.exit = nn.Conv2d(deep[-1], channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """The parameters of p(x | z) of each row."""
        x = z.reshape(len(z), *self.code_shape) / self.backbone.scale + self.backbone.shift
        x = self.middle(self.entry(self.project(x)))
        for level in self.levels:
            x = level(x)
        return self.exit(silu(self.norm(x))).reshape(len(z), *self.params_shape)  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class KL:
    """Levels of residual blocks with group norms and SiLU, the extent halved between them.

    Args:
        latent_channels: Of the code, which keeps its places.
        blocks: Residual blocks at each level of the encoder; the decoder has one more.
        groups: Of the normalizations.
        attention: Whether the pixels of the deepest level look at each other.
        projected: Whether a convolution over single pixels stands on either side of the code.
        scale: s, what the code is multiplied by, so that its spread is about 1.
        shift: b, what is taken off before.

    Paper:
        Rombach et al. 2022, arXiv:2112.10752, section 3.1 and appendix G; scale and shift as of the published files.

    Example:
        >>> KL().code_shape(Spec("image", (3, 256, 256)), (128, 256, 512, 512))
        (4, 32, 32)
    """

    latent_channels: int = 4
    blocks: int = 2
    groups: int = 32
    attention: bool = True
    projected: bool = True
    scale: float = 1.0
    shift: float = 0.0

    def code_shape(self, spec: Spec, hidden_dims: tuple[int, ...]) -> tuple[int, ...]:
        """(c, h, w), each axis halved once between two levels."""
        return (self.latent_channels, *places(spec, len(hidden_dims) - 1))

    def encoder(self, spec: Spec, features: int, settings: Settings) -> KLEncoder:
        """View (B, C, H, W) -> features h (B, F)."""
        answers = features // math.prod(places(spec, len(settings.hidden_dims) - 1))
        return KLEncoder(self, spec.shape[0], settings.hidden_dims, answers)

    def decoder(self, spec: Spec, params_shape: tuple[int, ...], settings: Settings) -> KLDecoder:
        """Code z (B, Z) -> params (B, *params_shape)."""
        channels = math.prod(params_shape) // math.prod(spec.shape[1:])
        shape = self.code_shape(spec, settings.hidden_dims)
        return KLDecoder(self, settings.hidden_dims, shape, params_shape, channels)


def places(spec: Spec, halvings: int) -> tuple[int, ...]:
    """Extent of an image after so many halvings.

    Raises:
        InputError: no image, or one whose axes cannot be halved so often.
    """
    by = 2**halvings
    if spec.kind != "image" or any(size % by for size in spec.shape[1:]):
        came, allowed = f"{spec.kind} samples of shape {spec.shape}", f"images whose axes are multiples of {by} pixels"
        raise InputError(came, f"this backbone takes {allowed}", "crop, pad or resize them, or use another backbone")
    return tuple(size // by for size in spec.shape[1:])
