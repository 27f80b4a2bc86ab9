"""What an encoder sees at each place of an image, and how unusual that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.inputs import read
from isthmus.parts.backbones.axes import channels_last
from isthmus.parts.backbones.levels import LevelEncoder
from isthmus.tasks.anomaly.whitening import Whitening

GRID = 2  # the level whose places count: a quarter of the extent, deep enough to see a surrounding
PRIOR = 10  # images that every place is taken to have seen beside its own, with the spread of all places together
QUIET = 0.1  # of the spread of all channels together: the least that a channel is given, which may have been silent
COUNTED = 2**23  # numbers that correlations are learnt from, about: every so many-th image


def feature_maps(model: Any, X: Any) -> NDArray[np.float32]:
    """What the levels of a fitted model's encoder answer, side by side on one grid, (n, h', w', c).

    The grid is that of the second level, a quarter of the image's extent; shallower levels are averaged, deeper ones
    interpolated. They are images of c channels to whatever takes images.

    Args:
        model: A fitted `ConvolutionalAutoencoder`, or another member with the architecture "conv" or "residual".
        X: Images.

    Raises:
        ParameterError: the encoder has no levels of two axes.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> from isthmus import ConvolutionalAutoencoder
        >>> X = load_digits().images[:50].astype("uint8")
        >>> feature_maps(ConvolutionalAutoencoder(epochs=1).fit(X), X).shape
        (50, 4, 4, 32)
    """
    check_levels(model)
    blocks = Blocks(model.network_, model.spec_.width)
    maps = blocks.run(read(model, X), lambda batch: maps_of(model.network_.encoder, batch).cpu())
    return maps.movedim(1, -1).contiguous().numpy()


def check_levels(model: Any) -> None:
    """Refuse a model whose encoder has no places.

    Raises:
        ParameterError: the encoder has no levels of two axes.
    """
    if not isinstance(model.network_.encoder, LevelEncoder) or model.spec_.kind != "image":
        came = f"the encoder of {type(model).__name__} on data of kind {model.spec_.kind!r}"
        allowed = "feature maps are what levels of convolutions answer to images"
        raise ParameterError(came, allowed, "use a ConvolutionalAutoencoder on images")


def maps_of(encoder: Any, batch: Batch) -> Tensor:
    """The levels' answers to a batch on one grid, (B, C, h', w')."""
    x, maps = channels_last(encoder.opening(batch.x)), []
    for level in encoder.levels:
        x = level(x)
        maps.append(x)
    grid = maps[min(GRID, len(maps)) - 1].shape[2:]
    return torch.cat([_on(grid, found) for found in maps], 1)


def _on(grid: torch.Size, maps: Tensor) -> Tensor:
    """Maps averaged down to a grid, or interpolated up to it."""
    if maps.shape[2:] == grid:
        return maps
    return interpolate(maps, grid, mode="area") if maps.shape[2] > grid[0] else interpolate(maps, grid, mode="bilinear")


def usual(values: Tensor, least: float = 1e-6) -> tuple[Tensor, Tensor]:
    r"""Mean and spread at each place, (...,) both, of n samples, (n, ...).

    .. math:: s_p^2 = \frac{n \sigma_p^2 + 10 \, \overline{\sigma^2}}{n + 10}

    A place counts as having seen ten samples more, with the variance of all places together: where few good images
    were seen, one that happened to vary little does not make everything later stand out.

    Args:
        values: The samples.
        least: The least spread of all places together.

    Example:
        >>> mean, spread = usual(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
        >>> mean, spread
        (tensor([1., 5.]), tensor([0.7638, 0.6455]))
    """
    variance = values.var(0, correction=0)
    pooled = variance.mean().clamp_min(least**2)
    return values.mean(0), ((len(values) * variance + PRIOR * pooled) / (len(values) + PRIOR)).sqrt()


@dataclass(frozen=True)
class Places:
    r"""A normal distribution of the feature vector at each place.

    .. math:: \tfrac12 \lVert P^{-1/2} \frac{f_p - m_p}{s_p} \rVert^2

    Mean m and spread s are each place's own, the correlations P those of all places together: a few dozen images are
    enough.

    Args:
        center: m, (C, h', w').
        scale: s, (C, h', w').
        root: P^(-1/2), (C, C) float64; None stands for I.

    Paper:
        Defard, Setkov, Loesch & Audigier 2021, PaDiM, ICPR Workshops, section 3; there each place has a covariance of
        its own, and the features are those of a network trained on other images.
    """

    center: Tensor
    scale: Tensor
    root: Tensor | None

    @classmethod
    def of(cls, maps: Tensor) -> Places:
        """Learn it from the maps of good images, (n, C, h', w')."""
        least = QUIET * float(maps.var(0, correction=0).mean().sqrt()) or 1.0
        by_channel = [usual(maps[:, channel], least) for channel in range(maps.shape[1])]
        center, scale = (torch.stack(part) for part in zip(*by_channel, strict=True))
        some = (maps[:: -(-maps.numel() // COUNTED)] - center) / scale
        vectors = some.movedim(1, -1).flatten(0, 2).double()  # (n, C, h', w') -> (n h' w', C)
        whitening = Whitening.of(vectors, torch.zeros(maps.shape[1], dtype=torch.float64))
        return cls(center, scale * whitening.scale[:, None, None].float(), whitening.root)

    def cost(self, maps: Tensor) -> Tensor:
        """How unusual each place is, in nats, (B, C, h', w') -> (B, h', w'); each image is a product of its own."""
        standard = ((maps - self.center) / self.scale).double().flatten(2).contiguous()  # -> (B, C, h' w')
        white = standard if self.root is None else self.root.expand(len(maps), -1, -1) @ standard
        return white.square().sum(1).view(len(maps), *maps.shape[2:]) / 2
