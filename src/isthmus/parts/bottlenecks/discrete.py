"""The discrete bottleneck: each row sends N symbols of an alphabet that the receiver knows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from isthmus.core.code import Batch, Code, Terms
from isthmus.core.network import Bottleneck
from isthmus.parts.bottlenecks.tokens import Tokens


@dataclass(slots=True)
class Quantised:
    """What tokens became.

    Args:
        values: What the decoder receives, (B, N, d), with a way back for the gradient.
        symbols: Which of the K codes each is, (B, N) int64; of several levels coarse first, (B, L N).
        terms: Costs, (B,) each, summed over the tokens.
    """

    values: Tensor
    symbols: Tensor
    terms: Terms = field(default_factory=dict)


class Quantizer(nn.Module):
    """What turns tokens into codes and symbols into tokens: an alphabet, not a whole bottleneck.

    Attributes:
        codes: K.
        depth: L, symbols of a token.
    """

    codes: int
    depth: int = 1

    def forward(self, tokens: Tensor, batch: Batch, weight: Tensor | None = None) -> Quantised:
        """Tokens (B, N, d) as codes; what is learnt counts each row by its `weight`, (B,), or else the batch's."""
        raise TypeError(f"{type(self).__name__} is abstract: a quantizer defines forward(tokens, batch) -> Quantised")

    def vectors(self, symbols: Tensor) -> Tensor:
        """The tokens of symbols, (B, L N) -> (B, N, d), bit for bit what evaluation gives for them."""
        raise TypeError(f"{type(self).__name__} is abstract: a quantizer defines vectors(symbols)")

    def follow(self) -> None:
        """Take over what the last batch showed; called after the step of the player that owns the part."""


class Discrete(Bottleneck):
    r"""h cut into N tokens, each sent as one of K codes (or as L, one after the other).

        h (B, F) -> tokens (B, N, d) -> codes -> z (B, Z), symbols (B, L N)

    .. math:: R = L N \log K

    To a receiver who expects every symbol alike, this is what it costs, in nats; a prior of the symbols makes it less.
    Costs are summed over the tokens of a row and know nothing of other rows.

    Args:
        tokens: How h is cut.
        quantizer: What turns tokens into codes.

    Example:
        >>> import torch
        >>> from isthmus.parts.bottlenecks.scalar import Scalar
        >>> bottleneck = Discrete(Tokens(2, 2), Scalar((3, 5))).eval()
        >>> code = bottleneck(torch.tensor([[0.0, 0.0, 9.0, 9.0]]), Batch(torch.zeros(1, 4)))
        >>> code.z.tolist(), code.symbols.tolist(), round(float(code.rate), 3)
        ([[0.0, 0.0, 1.0, 1.0]], [[7, 14]], 5.416)
        >>> torch.equal(bottleneck.from_symbols(code.symbols), code.z)
        True
    """

    def __init__(self, tokens: Tokens, quantizer: Quantizer) -> None:
        super().__init__()
        self.tokens, self.quantizer = tokens, quantizer

    @property
    def alphabet(self) -> tuple[int, ...]:
        """K of each symbol of a row, (L N,)."""
        return (self.quantizer.codes,) * (self.quantizer.depth * self.tokens.count)

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """The code of each row; in bfloat16 neighbouring codes would be one, so tokens are float32."""
        found: Quantised = self.quantizer(self.tokens.split(features.float()), batch)
        nats = math.fsum(map(math.log, self.alphabet))
        rate = found.values.new_full((len(features),), nats)
        return Code(self.tokens.join(found.values), rate, found.symbols, found.terms)

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """The code z of symbols, (B, L N) -> (B, Z), bit for bit what evaluation gives for them."""
        return self.tokens.join(self.quantizer.vectors(symbols))

    def levels(self, symbols: Tensor) -> tuple[Tensor, ...]:
        """Symbols taken apart by level, coarse first, (B, N) each."""
        return symbols.chunk(self.quantizer.depth, dim=1)

    def follow(self) -> None:
        """Take over what the last batch showed."""
        self.quantizer.follow()


def follow(network: Any, batch: Batch) -> None:
    """Let the codes of a network's bottleneck follow its last batch: the `after_step` of the player that owns it."""
    network.bottleneck.follow()
