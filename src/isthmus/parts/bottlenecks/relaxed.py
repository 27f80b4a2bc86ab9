"""The relaxed categorical bottleneck: in training a token is a mixture of codes that hardens, then a single code."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, softmax

from isthmus.core.code import Batch, Code
from isthmus.core.network import Bottleneck
from isthmus.parts import noise
from isthmus.parts.bottlenecks.tokens import Tokens
from isthmus.parts.schedules import anneal

TEMPERATURES = (1.0, 1 / 16)  # at the beginning of a run and from COOLED of it on
COOLED = 0.75
SHARPNESS = 5.0  # by which features count: they begin near 0, where the noise would drown them


class Relaxed(Bottleneck):
    r"""Each of N tokens drawn from a categorical posterior over K codes, by a softmax that hardens as a run goes on.

    .. math:: q = \mathrm{softmax}(5 h), \quad y = \mathrm{softmax}((\log q + g) / \tau), \quad
              t = \textstyle\sum_k y_k e_k, \quad R = \sum_n KL(q_n \,\|\, U(K)) = \sum_n \big(\log K - H(q_n)\big)

    g is Gumbel noise from the batch's generator; tau falls from 1 to 1/16 over three quarters of the run, its logarithm
    evenly. In evaluation each token is its likeliest code, sent for certain: R = N log K.

    Args:
        tokens: N tokens of d numbers.
        codes: K.

    Paper:
        Jang et al. 2017, ICLR, arXiv:1611.01144, eq. 2; the temperatures: Ramesh et al. 2021, arXiv:2102.12092,
        appendix A.2.

    Example:
        >>> bottleneck = Relaxed(Tokens(1, 2), codes=3).eval()
        >>> bottleneck.features(2)  # of which three say which of three codes, and one is idle
        4
        >>> code = bottleneck(torch.tensor([[0.0, 2.0, 1.0, 9.0]]), Batch(torch.zeros(1, 4)))
        >>> code.symbols.tolist(), torch.equal(code.z, bottleneck.from_symbols(code.symbols))
        ([[1]], True)
    """

    def __init__(self, tokens: Tokens, codes: int) -> None:
        super().__init__()
        self.tokens, self.codes = tokens, codes
        self.embedding = nn.Parameter(torch.zeros(codes, tokens.dim))

    def features(self, latent_dim: int) -> int:
        """As many for each number of a token as let the token name K codes."""
        return latent_dim * -(-self.codes // self.tokens.dim)

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """The first codes."""
        self.embedding.copy_(torch.randn(self.embedding.shape, generator=generator))

    @property
    def alphabet(self) -> tuple[int, ...]:
        """K of each symbol of a row, (N,)."""
        return (self.codes,) * self.tokens.count

    def forward(self, features: Tensor, batch: Batch) -> Code:
        """A mixture of codes in training, the likeliest code in evaluation."""
        logits = SHARPNESS * self.tokens.split(features.float())[..., : self.codes]  # (B, N, K)
        symbols, most = logits.argmax(-1), math.log(self.codes)
        if not self.training:
            rate = logits.new_full((len(logits),), self.tokens.count * most)
            return Code(self.from_symbols(symbols), rate, symbols)
        log_q = log_softmax(logits, -1)
        rate = (log_q.exp() * (log_q + most)).flatten(1).sum(1)
        gumbel = -noise.exponential(log_q, batch.generator).log()
        mixture = softmax((log_q + gumbel) / self.temperature(batch.progress), -1)
        return Code(self.tokens.join(mixture @ self.embedding), rate, symbols)

    def temperature(self, progress: float) -> float:
        """tau.

        Example:
            >>> [Relaxed(Tokens(1, 1), 2).temperature(t) for t in (0.0, 0.375, 1.0)]
            [1.0, 0.25, 0.0625]
        """
        first, last = TEMPERATURES
        return math.exp(anneal(progress, math.log(first), math.log(last), COOLED))

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """The code z of symbols, (B, N) -> (B, Z)."""
        return self.tokens.join(self.embedding[symbols])

    def levels(self, symbols: Tensor) -> tuple[Tensor, ...]:
        """The symbols themselves: there is one level."""
        return (symbols,)
