"""How well a small picture is a Gabor function: a wave under a bell, as simple cells of the visual cortex have it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jacfwd, vmap

STEPS = 40  # at most
PADDED = 32  # pixels of the transform in which the strongest wave is looked up
NARROWEST = 1.0  # pixels: under a narrower bell any wave is one pixel, and a spot would count as a Gabor function
STARTS = ((0.5, 0.5), (0.5, 2.0), (2.0, 2.0))  # what the bell has beyond that along and across the wave, in pixels


def gabor_fit(atoms: NDArray[Any]) -> NDArray[np.float64]:
    r"""Share of each picture's squares that the best Gabor function explains, (K,).

    .. math:: e^{-u^2 / 2 a^2 - v^2 / 2 b^2} (c \cos 2 \pi f u + s \sin 2 \pi f u), \quad
              R^2 = 1 - \lVert \text{picture} - \text{function} \rVert^2 / \lVert \text{picture} \rVert^2

    u and v are pixels along and across the wave, from the bell's middle. Six starts each, the best end counts.

    Args:
        atoms: (K, h, w).

    Paper:
        Jones & Palmer 1987, Journal of Neurophysiology 58, pp. 1233-1258.
    """
    target = torch.from_numpy(np.ascontiguousarray(atoms, dtype=np.float64))
    target = target / target.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None]
    ends = [fitted(target, start) for start in starts(target)]
    best: NDArray[np.float64] = (1 - torch.stack(ends).amin(0)).numpy()
    return best


def starts(target: Tensor) -> list[Tensor]:
    """Where to begin, (K, 8) each: the strongest wave, at the middle or the peak of the squares, under some bells."""
    count, height, width = target.shape
    power = torch.fft.fftn(target, (PADDED, PADDED), dim=(1, 2)).abs().square()
    place = power.flatten(1).argmax(1)
    waves = torch.fft.fftfreq(PADDED, dtype=target.dtype)
    along_y, along_x = waves[place // PADDED], waves[place % PADDED]
    wave = torch.stack([torch.atan2(along_y, along_x), torch.hypot(along_y, along_x).clamp_min(0.02)], 1)
    y, x = places(height, width)
    weight = target.square().flatten(1)
    middle = torch.stack([weight @ x, weight @ y], 1)
    peak = torch.stack([x[weight.argmax(1)], y[weight.argmax(1)]], 1)
    found = []
    for centre, bell in product((middle, peak), STARTS):
        logs = torch.tensor(bell, dtype=target.dtype).log().expand(count, 2)
        found.append(torch.cat([centre, logs, wave, torch.full((count, 2), 0.1, dtype=target.dtype)], 1))
    return found


def places(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Row and column of every pixel, (h * w,) each."""
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return y.flatten(), x.flatten()


def gabor(own: Tensor, height: int, width: int) -> Tensor:
    """The function's values, (8,) -> (h * w,): of middle, logs of the bell beyond the narrowest, angle, f, c and s."""
    y, x = places(height, width)
    right, down = x - own[0].clamp(0, width - 1), y - own[1].clamp(0, height - 1)
    u = right * own[4].cos() + down * own[4].sin()
    v = down * own[4].cos() - right * own[4].sin()
    a, b = NARROWEST + own[2].exp(), NARROWEST + own[3].exp()
    phase = 2 * torch.pi * own[5] * u
    return torch.exp(-0.5 * ((u / a).square() + (v / b).square())) * (own[6] * phase.cos() + own[7] * phase.sin())


def fitted(target: Tensor, start: Tensor) -> Tensor:
    """What is left of each picture's squares after so many steps of Levenberg and Marquardt, (K,)."""
    own, (height, width), flat = start, target.shape[1:], target.flatten(1)
    answer = vmap(lambda one: gabor(one, height, width))
    slope = vmap(jacfwd(lambda one: gabor(one, height, width)))
    left = (flat - answer(own)).square().sum(1)
    damping = torch.full_like(left, 1e-2)
    for _ in range(STEPS):
        jacobian, rest = slope(own), flat - answer(own)  # (K, h * w, 8), (K, h * w)
        square = jacobian.mT @ jacobian
        ridge = damping[:, None, None] * (torch.diag_embed(square.diagonal(dim1=1, dim2=2)) + 1e-6 * torch.eye(8))
        step = torch.linalg.solve(square + ridge, (jacobian.mT @ rest[..., None]))[..., 0]
        tried = own + step
        then = (flat - answer(tried)).square().sum(1)
        is_better = then < left
        if step.abs().max() < 1e-6:
            break
        own, left = torch.where(is_better[:, None], tried, own), torch.where(is_better, then, left)
        damping = torch.where(is_better, damping / 3, damping * 4).clamp(1e-9, 1e9)
    return left
