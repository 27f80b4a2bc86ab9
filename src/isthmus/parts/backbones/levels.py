"""Networks made of levels: the encoder goes down them one by one, the decoder comes back up.

    x (B, C, *size) -> level 1 -> ... -> level L -> flat -> head -> h (B, F)
    z (B, Z) -> stem -> level L -> ... -> level 1 -> params (B, C', *size)

A level is any module; `mirrored` builds them. Convolutions over images and volumes run with the channels innermost.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from isthmus.parts.backbones.axes import Size, channels_last
from isthmus.parts.backbones.bypass import Bypass


class Shaped(nn.Module):
    """The same numbers in another shape, (B, ...) -> (B, *shape).

    Args:
        shape: Of one row.
    """

    def __init__(self, shape: Size) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """x in that shape."""
        return x.reshape(len(x), *self.shape)


class LevelEncoder(nn.Module):
    """View (B, C, *size) -> features h (B, F).

    Args:
        opening: From the view to what the first level reads.
        levels: Shallow ones first.
        head: From the flattened deepest level to h.
        bypass: Where the levels' answers are kept for the decoder, or None.
        low: Whether the levels multiply in bfloat16; h is in the view's own type.
    """

    def __init__(
        self, opening: nn.Module, levels: Iterable[nn.Module], head: nn.Module, bypass: Bypass | None, low: bool
    ) -> None:
        super().__init__()
        self.opening = opening
        self.levels = nn.ModuleList(levels)
        self.head = head
        self.bypass = bypass
        self.low = low

    def forward(self, view: Tensor) -> Tensor:
        """The features of each row."""
        if self.bypass is not None:
            self.bypass.clear()
        x = channels_last(self.opening(view))
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.low):
            for level in self.levels:
                x = level(x)
                if self.bypass is not None:
                    self.bypass.keep(x)
        features: Tensor = self.head(x.to(view.dtype).flatten(1))  # (B, C, *size) -> (B, C * cells) -> (B, F)
        return features


class LevelDecoder(nn.Module):
    """Code z (B, Z) -> params (B, *params_shape).

    Args:
        stem: From z to the flattened deepest level.
        deepest: (C, *size) of that level.
        levels: Deep ones first.
        params_shape: What the likelihood asks for, in the order of the last level's channels.
        bypass: What the encoder kept, or None.
        low: Whether the levels multiply in bfloat16; the params are in z's own type.
    """

    def __init__(
        self,
        stem: nn.Module,
        deepest: Size,
        levels: Iterable[nn.Module],
        params_shape: Size,
        bypass: Bypass | None,
        low: bool,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.deepest = deepest
        self.levels = nn.ModuleList(levels)
        self.params_shape = params_shape
        self.bypass = bypass
        self.low = low

    def forward(self, z: Tensor) -> Tensor:
        """The parameters of p(x | z) of each row."""
        x = channels_last(self.stem(z).reshape(z.shape[0], *self.deepest))  # (B, C * cells) -> (B, C, *size)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.low):
            for height, level in enumerate(self.levels):
                x = level(x if self.bypass is None else self.bypass.add(height, x))
        flat = x.to(z.dtype).flatten(1)  # contiguous, whatever order the levels worked in
        return flat.reshape(z.shape[0], *self.params_shape)
