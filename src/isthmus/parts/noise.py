"""Random numbers from a generator that is handed in; torch's global one is never moved."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def source(generator: torch.Generator | None, device: torch.device) -> torch.Generator:
    """The generator that was handed in, or a new one with a seed from the operating system."""
    if generator is not None:
        return generator
    fresh = torch.Generator(device)
    fresh.seed()
    return fresh


def normal(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draws from N(0, 1), of the shape, type and device of `like`.

    Args:
        like: Any float tensor; its values are not read.
        generator: Where the numbers come from. One that lives on another device draws there, and the draws are moved.

    Example:
        >>> one, two = (normal(torch.zeros(2, 3), torch.Generator().manual_seed(7)) for _ in range(2))
        >>> one.shape, torch.equal(one, two)
        (torch.Size([2, 3]), True)
    """
    rng = source(generator, like.device)
    return torch.randn(like.shape, generator=rng, device=rng.device, dtype=like.dtype).to(like.device)


def balanced(draws: int, width: int, generator: torch.Generator) -> Tensor:
    """A few draws from N(0, I) that look like many, (draws, width): each with its negative, variances of exactly 1.

    Where all rows share these few, a chance excess in their variance would be in every score. Half as many dimensions
    at a time as there are draws are uncorrelated.

    Example:
        >>> few = balanced(16, 5, torch.Generator().manual_seed(0))
        >>> few.mean(0).abs().max().item() < 1e-6, (few.square().mean(0) - 1).abs().max().item() < 1e-6
        (True, True)
    """
    half = draws // 2
    blocks = torch.randn(half, width, generator=generator).split(half, dim=1)
    noise = torch.cat([torch.linalg.qr(block).Q for block in blocks], dim=1) * math.sqrt(half)
    return torch.cat([noise, -noise])


def uniform(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draws from the uniform distribution on [0, 1), of the shape, type and device of `like`."""
    rng = source(generator, like.device)
    return torch.rand(like.shape, generator=rng, device=rng.device, dtype=like.dtype).to(like.device)


def exponential(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draws from the exponential distribution with mean 1, of the shape, type and device of `like`."""
    rng = source(generator, like.device)
    return torch.empty(like.shape, device=rng.device, dtype=like.dtype).exponential_(generator=rng).to(like.device)
