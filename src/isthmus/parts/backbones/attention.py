"""Attention among tokens, and the block of a transformer around it."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from isthmus.errors import ParameterError
from isthmus.parts.backbones.activations import activation
from isthmus.parts.backbones.linear import Linear

WIDEST_HEAD = 32  # numbers of a token that one head looks at, unless told otherwise
EXPANSION = 4  # hidden units of a block's dense layers for each number of a token
EPSILON = 1e-6  # of the layer normalizations
GAIN = math.sqrt(3)  # first weights of variance 1 / fan-in: with less all tokens look alike to the heads, for long


def layer(entry: int, width: int) -> Linear:
    """A dense layer that keeps the spread of its input at the start."""
    made = Linear(entry, width)
    made.gain = GAIN  # type: ignore[assignment]
    return made


class Attention(nn.Module):
    r"""Every token asks all that it may see, with several heads.

    .. math:: \mathrm{softmax}(Q K' / \sqrt{w})\, V \text{ in each head of width } w

    Queries begin with the weights of the keys, so that at first each token asks those that are like it, its neighbours
    before all: from unlike weights it takes some thousand steps until places are told apart.

    Args:
        width: W.
        heads: Into how many equal parts the width is cut.

    Paper:
        Vaswani et al. 2017, arXiv:1706.03762, section 3.2; first weights whose product is about the identity: Trockman
        & Kolter 2023, ICML, arXiv:2305.09828.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ask = layer(width, 3 * width)  # queries, keys and values
        self.answer = layer(width, width)

    def tie(self) -> None:
        """Queries as keys are, once all are drawn."""
        queries, keys, _ = self.ask.weight.chunk(3)
        queries.copy_(keys)

    def forward(self, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """(B, T, W) -> (B, T, W); `seen` (B, T) is True for tokens that others may look at, None for all."""
        rows, count, width = tokens.shape
        parts = self.ask(tokens).view(rows, count, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, T, 3, heads, w) -> 3 of (B, heads, T, w)
        found = scaled_dot_product_attention(q, k, v, None if seen is None else seen[:, None, None, :])
        answer: Tensor = self.answer(found.transpose(1, 2).reshape(rows, count, width))
        return answer


class Block(nn.Module):
    r"""Attention, then two dense layers for each token, both beside the way straight through.

    .. math:: y = x + \mathrm{attend}(\mathrm{norm}(x)), \quad y + \mathrm{dense}(\mathrm{norm}(y))

    Args:
        width: W.
        heads: Of the attention.
        activation_name: Between the dense layers.
    """

    def __init__(self, width: int, heads: int, activation_name: str) -> None:
        super().__init__()
        self.norm1, self.attend = nn.LayerNorm(width, EPSILON), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, EPSILON)
        hidden = EXPANSION * width
        self.dense = nn.Sequential(layer(width, hidden), activation(activation_name), layer(hidden, width))

    def forward(self, tokens: Tensor, seen: Tensor | None = None) -> Tensor:
        """(B, T, W) -> (B, T, W)."""
        tokens = tokens + self.attend(self.norm1(tokens), seen)
        y: Tensor = tokens + self.dense(self.norm2(tokens))
        return y


def heads_of(width: int, asked: int | None) -> int:
    """Asked for, or as many as leave each head 32 numbers.

    Raises:
        ParameterError: the width is no multiple of the number asked for.

    Example:
        >>> heads_of(128, None), heads_of(8, None), heads_of(768, 12)
        (4, 1, 12)
    """
    if asked is None:
        return next(n for n in range(max(width // WIDEST_HEAD, 1), 0, -1) if width % n == 0)
    if width % asked:
        came, allowed = f"heads={asked} for tokens of {width}", "each head has an equal share of a token's numbers"
        raise ParameterError(came, allowed, "use a divisor of the width, or leave out heads")
    return asked
