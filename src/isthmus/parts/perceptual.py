"""Distances as a network of features sees them: what it answers for two images, place by place, at every level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, normalize

from isthmus.core.code import Batch, Terms
from isthmus.parts.noise import normal, uniform

TURNS, STATES = 4, 3  # ways to turn an image; clean, blurred or noisy
NOISE = 0.3  # of a noisy image, in deviations of the batch's pixels
SLOPE = 0.1


def feature_distance(ours: Sequence[Tensor], theirs: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    r"""How far apart two images are at each pixel, by unit features at every level.

    .. math:: d_p = \tfrac12 \textstyle\sum_l \lVert \hat f_l(x)_p - \hat f_l(y)_p \rVert^2

    A place of a level stands for all pixels that it covers. Each level adds between 0 and 2.

    Args:
        ours: f_l(x), (B, C_l, h_l, w_l) each.
        theirs: f_l(y), the same shapes.
        size: (H, W) of the images.

    Returns:
        d, (B, H, W).

    Paper:
        Zhang, Isola, Efros, Shechtman & Wang 2018, CVPR, eq. 1; without their learnt weights of channels.

    Example:
        >>> x = torch.tensor([[[[1.0]], [[0.0]]]])
        >>> feature_distance([x], [-x], (2, 2)).tolist()
        [[[2.0, 2.0], [2.0, 2.0]]]
    """
    maps = [
        interpolate(0.5 * (normalize(a, dim=1) - normalize(b, dim=1)).square().sum(1, keepdim=True), tuple(size))
        for a, b in zip(ours, theirs, strict=True)
    ]
    return torch.stack(maps).sum(0)[:, 0]


class Features(nn.Module):
    """Convolutions whose levels describe an image, and a head with which they learn to.

    Nobody names the images: each is turned by quarters (flipped, where it is no square) and left clean, blurred or
    made noisy, and the head must tell which of the 12. So the levels learn edges, strokes, what is up, and sharpness.
    Beyond that lesson the weights are frozen, and belong to nobody's turn.

    Args:
        channels: C of an image.
        widths: Channels of each level, which has half the extent of the one before; the first keeps it.

    Paper:
        Gidaris, Singh & Komodakis 2018, ICLR, section 2.1 (quarter turns); blur and noise are ours.

    Example:
        >>> [level.shape[1:] for level in Features(1)(torch.zeros(2, 1, 8, 8))]
        [torch.Size([16, 8, 8]), torch.Size([32, 4, 4]), torch.Size([64, 2, 2])]
    """

    def __init__(self, channels: int, widths: tuple[int, ...] = (16, 32, 64)) -> None:
        super().__init__()
        pairs = zip((channels, *widths), widths, strict=False)
        self.levels = nn.ModuleList(nn.Conv2d(a, b, 3, 1 + (i > 0), 1) for i, (a, b) in enumerate(pairs))
        self.head = nn.Linear(widths[-1], TURNS * STATES)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """f_l(x), (B, C_l, h_l, w_l) each, shallow ones first."""
        found = []
        for level in self.levels:
            x = leaky_relu(level(x), SLOPE)
            found.append(x)
        return found

    def lesson(self, network: nn.Module, batch: Batch) -> Terms:
        """L = -log p(what was done | the image it was done to)."""
        seen, what = disguised(batch)
        answer = self.head(self(seen)[-1].mean((2, 3)))
        return {"lesson": nn.functional.cross_entropy(answer, what, reduction="none")}


def disguised(batch: Batch) -> tuple[Tensor, Tensor]:
    """Images turned at random, and some blurred or made noisy; and which of the 12 things was done to each, (B,).

    Args:
        batch: Images (B, C, H, W); the draws come from its generator.

    Example:
        >>> seen, what = disguised(Batch(torch.rand(64, 1, 5, 5), generator=torch.Generator().manual_seed(0)))
        >>> seen.shape, bool(((what >= 0) & (what < 12)).all())
        (torch.Size([64, 1, 5, 5]), True)
    """
    x = batch.x
    draws = uniform(x.new_zeros(len(x), 2), batch.generator)
    turn, state = (draws * draws.new_tensor([TURNS, STATES])).long().unbind(1)
    square = x.shape[2] == x.shape[3]
    ways = [x.rot90(k, (2, 3)) for k in range(TURNS)] if square else [x, x.flip(2), x.flip(3), x.flip((2, 3))]
    turned = torch.stack(ways)[turn, torch.arange(len(x), device=x.device)]
    blurred = nn.functional.avg_pool2d(turned, 3, 1, 1, count_include_pad=False)
    noisy = turned + NOISE * x.std() * normal(x, batch.generator)
    seen = torch.stack([turned, blurred, noisy])[state, torch.arange(len(x), device=x.device)]
    return seen, turn * STATES + state
