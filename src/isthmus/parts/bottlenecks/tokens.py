"""How a flat code is made of tokens, and how gradients pass where a token becomes one of a few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.errors import ParameterError


@dataclass(frozen=True)
class Tokens:
    """N tokens of d numbers in a code of Z = N d.

    Args:
        count: N.
        dim: d.
        are_places: Whether the code is (d, *size), one token at each place, and not one token after the other.

    Example:
        >>> code = torch.arange(6.0)[None]
        >>> Tokens(3, 2).split(code)[0].tolist(), Tokens(3, 2, are_places=True).split(code)[0].tolist()
        ([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]])
    """

    count: int
    dim: int
    are_places: bool = False

    def split(self, h: Tensor) -> Tensor:
        """Features (B, F) or (B, F / places, *size) as tokens, (B, N, F / N)."""
        if self.are_places:
            return h.reshape(len(h), -1, self.count).transpose(1, 2)  # (B, d, N) -> (B, N, d)
        return h.reshape(len(h), self.count, -1)

    def join(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, d) as a flat code, (B, Z)."""
        return (tokens.transpose(1, 2) if self.are_places else tokens).reshape(len(tokens), -1)


def tokens_of(latent_dim: int, shape: tuple[int, ...] | None, dim: int) -> Tokens:
    """The tokens of a code: one at each place of a code that has places, else Z cut into pieces of d.

    Args:
        latent_dim: Z.
        shape: (d, *size) of a code that keeps the places of the data, or None.
        dim: d.

    Raises:
        ParameterError: the code cannot be cut so.

    Example:
        >>> tokens_of(12, None, 3), tokens_of(12, (3, 2, 2), 3)
        (Tokens(count=4, dim=3, are_places=False), Tokens(count=4, dim=3, are_places=True))
    """
    if shape is not None and shape[0] != dim:
        came, allowed = f"latent_channels={shape[0]}", f"a token of this code has {dim} numbers, one a channel"
        raise ParameterError(came, allowed, f"use latent_channels={dim}")
    if latent_dim % dim:
        nearby = max(dim, latent_dim - latent_dim % dim)
        allowed = f"the code is made of tokens of {dim} numbers each, so its length is a multiple of {dim}"
        raise ParameterError(f"latent_dim={latent_dim}", allowed, f"use latent_dim={nearby}")
    return Tokens(latent_dim // dim, dim, shape is not None)


class _Through(torch.autograd.Function):
    """q forwards; backwards the gradient as it comes, to z."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, q: Tensor) -> Tensor:
        """q itself."""
        return q.view_as(q)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """To z alone."""
        return gradients[0], None


def straight_through(z: Tensor, q: Tensor) -> Tensor:
    """q, bit for bit, with a gradient that goes to z as if nothing had happened on the way.

    Args:
        z: What was quantised, (...).
        q: What it became, the same shape.

    Paper:
        Bengio, Leonard & Courville 2013, arXiv:1308.3432.

    Example:
        >>> z = torch.tensor([0.3], requires_grad=True)
        >>> q = straight_through(z, z.round())
        >>> (3 * q).sum().backward()
        >>> q.tolist(), z.grad.tolist()
        ([0.0], [3.0])
    """
    return _Through.apply(z, q.detach())  # type: ignore[no-any-return, no-untyped-call]


def rotated(z: Tensor, q: Tensor) -> Tensor:
    r"""q with a gradient that is turned and scaled as z was to become q.

    .. math:: \tilde q = \frac{\lVert q \rVert}{\lVert z \rVert} R z, \quad
              R = I - 2 r r^\top + 2 \hat q \hat z^\top, \quad r = \frac{\hat z + \hat q}{\lVert \hat z + \hat q \rVert}

    R and the ratio are held constant, so that the gradient keeps its angle to the code: what pulls q away from z pulls
    z the same way, seen from z. Where z and q point opposite ways there is no such turn, and the gradient goes straight
    through.

    Args:
        z: (..., d).
        q: The same shape.

    Paper:
        Fifty et al. 2025, ICLR, arXiv:2410.06424, section 4.

    Example:
        >>> z = torch.tensor([[2.0, 0.0]], requires_grad=True)
        >>> q = rotated(z, torch.tensor([[0.0, 1.0]]))
        >>> q.backward(torch.tensor([[0.0, 1.0]]))
        >>> q.tolist(), z.grad.round(decimals=3).tolist()  # outwards at q is outwards at z, at half the length
        ([[0.0, 1.0]], [[0.5, 0.0]])
    """
    if not z.requires_grad:
        return q
    q, still = q.detach(), z.detach()
    tiny = torch.finfo(z.dtype).tiny
    lengths = (q.norm(dim=-1, keepdim=True), still.norm(dim=-1, keepdim=True).clamp_min(tiny))
    to, start = q / lengths[0].clamp_min(tiny), still / lengths[1]
    between = start + to
    length = between.norm(dim=-1, keepdim=True)
    r = between / length.clamp_min(tiny)
    along, across = (z * start).sum(-1, keepdim=True), (z * r).sum(-1, keepdim=True)
    turned = lengths[0] / lengths[1] * (z - 2 * r * across + 2 * to * along)
    return straight_through(torch.where(length > 1e-3, turned, z), q)
