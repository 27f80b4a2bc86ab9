"""Lookup-free quantisation: each number of a token becomes its sign, and the signs are the bits of its symbol."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, logsigmoid

from isthmus.core.code import Batch
from isthmus.errors import ParameterError
from isthmus.parts.bottlenecks.discrete import Quantised, Quantizer
from isthmus.parts.bottlenecks.tokens import straight_through


def bits_for(codes: int) -> int:
    """log2 of the number of codes.

    Raises:
        ParameterError: that is no whole number.

    Example:
        >>> bits_for(512)
        9
    """
    bits = max(codes, 2).bit_length() - 1
    if codes != 2**bits:
        allowed = "codes of signs are all combinations of bits, so their number is a power of 2"
        raise ParameterError(f"codes={codes}", allowed, f"use codes={2**bits}")
    return bits


class Binary(Quantizer):
    r"""q = sign(t) of each of the b numbers of a token, K = 2^b; bit j of the symbol says whether t_j > 0.

    With p = sigmoid(4 t), the chance of a bit when codes are as likely as they are near (softmax of -||t - q||^2), its
    terms are, in nats and summed over tokens and bits,

    .. math:: \text{commitment} = \lVert t - q \rVert^2, \quad \text{confidence} = H(p), \quad
              \text{diversity} = \log 2 - H(E_{\text{batch}}[p])

    Confidence makes each token choose, diversity makes the choices differ; the latter is a statistic of the batch.

    Differs from the paper in the diversity, which here is that of each bit, where the paper's is that of whole codes:
    K numbers for each token would be needed for it. As in BSQ (Zhao et al. 2024, arXiv:2406.07548).

    Args:
        bits: b.

    Paper:
        Yu et al. 2024, ICLR, arXiv:2310.05737, section 3.2.

    Example:
        >>> found = Binary(3).eval()(torch.tensor([[[0.5, -2.0, 1.0]]]), Batch(torch.zeros(1, 3)))
        >>> found.symbols.tolist(), found.values.tolist()
        ([[5]], [[[1.0, -1.0, 1.0]]])
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.codes = 2**bits
        self.places: Tensor
        self.register_buffer("places", torch.arange(bits), persistent=False)

    def forward(self, tokens: Tensor, batch: Batch, weight: Tensor | None = None) -> Quantised:
        """The sign of each number; the gradient goes straight through."""
        bits = (tokens.detach() > 0).long()
        signs = self._values(bits)
        chance = torch.sigmoid(4 * tokens)
        # H(p) = -p log p - (1 - p) log(1 - p) in a form that saturated bits do not spoil.
        entropy = -(chance * logsigmoid(4 * tokens) + (1 - chance) * logsigmoid(-4 * tokens))
        mean = chance.mean((0, 1))  # (B, N, b) -> (b,)
        missing = tokens.shape[1] * (math.log(2) - binary_cross_entropy(mean, mean, reduction="none")).sum()
        terms = {
            "commitment": (tokens - signs).square().flatten(1).sum(1),
            "confidence": entropy.flatten(1).sum(1),
            "diversity": missing.expand(len(tokens)),
        }
        return Quantised(straight_through(tokens, signs), (bits << self.places).sum(-1), terms)

    def vectors(self, symbols: Tensor) -> Tensor:
        """(B, N) -> (B, N, b)."""
        return self._values(symbols[..., None] >> self.places & 1)

    def _values(self, bits: Tensor) -> Tensor:
        """0 and 1 as -1 and 1."""
        return 2.0 * bits - 1
