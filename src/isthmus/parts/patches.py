"""A critic of images that judges patch by patch, and is held to a slope by its spectral norms."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, normalize

SLOPE = 0.2
TURNS = 4  # power iterations when the weights are new, so that the first norms are near


class PatchCritic(nn.Module):
    """The log odds that each patch of an image is no real one.

        1x28x28 -> 32x14x14 -> 64x7x7 -> 1x7x7

    Each level halves the extent with a kernel of 4 and a leaky ReLU; a last convolution gives one number a patch. It
    sees texture and edges, not the whole.

    Args:
        channels: C of an image.
        widths: Channels of each level.
        spectral: Whether each kernel is divided by its largest singular value, so that the critic cannot grow steep.

    Paper:
        Isola, Zhu, Zhou & Efros 2017, CVPR, section 3.2.2; spectral: Miyato, Kataoka, Koyama & Yoshida 2018, ICLR,
        algorithm 1.

    Example:
        >>> PatchCritic(1)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 7, 7])
    """

    def __init__(self, channels: int, widths: tuple[int, ...] = (32, 64), spectral: bool = True) -> None:
        super().__init__()
        layer = SpectralConvolution if spectral else nn.Conv2d
        pairs = zip((channels, *widths), widths, strict=False)
        self.levels = nn.ModuleList(layer(before, after, 4, 2, 1) for before, after in pairs)
        # Without a bias: under hinge costs, real rows and others would pull it both ways just as hard.
        self.head = layer(widths[-1], 1, 3, 1, 1, bias=False)

    def features(self, x: Tensor) -> list[Tensor]:
        """What each level answers, (B, C', h, w) each, shallow ones first."""
        found = []
        for level in self.levels:
            x = leaky_relu(level(x), SLOPE)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """D of each patch, (B, C, H, W) -> (B, 1, h, w)."""
        answer: Tensor = self.head(self.features(x)[-1])
        return answer

    def refine(self) -> None:
        """Bring the norms nearer to the weights as they are now; for whoever has just moved them."""
        for part in self.modules():
            if isinstance(part, SpectralConvolution):
                part.refine()


class SpectralConvolution(nn.Conv2d):
    r"""A convolution whose kernel, as a matrix, has a largest singular value near 1.

    .. math:: y = \frac{W}{u^T W v} * x, \quad v = \frac{W^T u}{\lVert W^T u \rVert}, \quad
              u \leftarrow \frac{W v}{\lVert W v \rVert}

    u moves in `refine` alone, once after each step of its owner: a forward pass changes nothing, whoever makes it.
    """

    left: Tensor

    def __init__(self, *sizes: int, bias: bool = True) -> None:
        super().__init__(*cast(tuple[int, int, int, int, int], sizes), bias=bias)
        self.register_buffer("left", torch.ones(self.out_channels) / self.out_channels**0.5)
        self.refine(TURNS)

    def forward(self, x: Tensor) -> Tensor:
        """y, (B, C, H, W) -> (B, C', h, w)."""
        return conv2d(x, self.weight / self.norm(), self.bias, self.stride, self.padding)

    def norm(self) -> Tensor:
        """u^T W v, (); u and v are taken as they are."""
        matrix = self.weight.flatten(1)
        right = normalize(matrix.detach().T @ self.left, dim=0)
        return self.left @ matrix @ right

    @torch.no_grad()
    def refine(self, turns: int = 1) -> None:
        """Move u towards the kernel's first left singular vector."""
        matrix = self.weight.flatten(1)
        for _ in range(turns):
            self.left.copy_(normalize(matrix @ normalize(matrix.T @ self.left, dim=0), dim=0))
