"""Residual quantisation: what one book leaves over is looked up in the next."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.parts import noise
from isthmus.parts.bottlenecks.discrete import Quantised, Quantizer
from isthmus.parts.bottlenecks.tokens import straight_through

SHORTENED = 0.5  # of the rows of a batch, that send the first levels alone


class ResidualCodes(Quantizer):
    r"""Each token as the sum of L codes, each the nearest to what those before it left over.

    .. math:: q^{(l)} = Q_l\Big(t - \textstyle\sum_{i<l} q^{(i)}\Big), \quad q = \sum_l q^{(l)}

    In training half of the rows send only their first levels, how many is drawn evenly from 1 to L; so the first books
    learn to do without the later ones, which follow only rows that they were asked for.

    Args:
        quantizers: Q_l, coarse first; all with the same number of codes.

    Paper:
        Zeghidour et al. 2021, arXiv:2107.03312, sections III-C and III-D; half of the rows: Kumar et al. 2023,
        arXiv:2306.06546, section 3.2.

    Example:
        >>> from isthmus.parts.bottlenecks.scalar import Scalar
        >>> two = ResidualCodes([Scalar((3,)), Scalar((3,))]).eval()
        >>> two(torch.tensor([[[1.5]]]), Batch(torch.zeros(1, 1))).symbols.tolist()
        [[2, 2]]
    """

    def __init__(self, quantizers: Sequence[Quantizer]) -> None:
        super().__init__()
        self.quantizers = nn.ModuleList(quantizers)
        self.codes, self.depth = quantizers[0].codes, len(quantizers)

    @property
    def books(self) -> list[Quantizer]:
        """Q_l, coarse first."""
        return list(self.quantizers)  # type: ignore[arg-type]

    def forward(self, tokens: Tensor, batch: Batch, weight: Tensor | None = None) -> Quantised:
        """The sum of each token's codes; the gradient goes straight through."""
        sent = self._sent(tokens, batch)
        weight = batch.weight if weight is None else weight
        values, symbols, terms = torch.zeros_like(tokens), list[Tensor](), dict[str, Tensor]()
        for level, quantizer in enumerate(self.books):
            is_sent = (sent > level).to(tokens.dtype)  # (B,)
            found: Quantised = quantizer(tokens - values, batch, is_sent if weight is None else weight * is_sent)
            values = values + found.values.detach() * is_sent[:, None, None]
            symbols.append(found.symbols)
            terms = {name: terms.get(name, 0.0) + term * is_sent for name, term in found.terms.items()}
        return Quantised(straight_through(tokens, values), torch.cat(symbols, 1), terms)

    def vectors(self, symbols: Tensor) -> Tensor:
        """(B, L N) -> (B, N, d)."""
        found = [q.vectors(part) for q, part in zip(self.books, symbols.chunk(self.depth, 1), strict=True)]
        values = torch.zeros_like(found[0])
        for value in found:
            values = values + value
        return values

    def follow(self) -> None:
        """Let every book take over what the last batch showed."""
        for quantizer in self.books:
            quantizer.follow()

    def _sent(self, tokens: Tensor, batch: Batch) -> Tensor:
        """How many levels each row sends, (B,): all of them in evaluation."""
        rows = tokens[:, 0, 0]
        whole = torch.full_like(rows, self.depth)
        if not self.training:
            return whole
        few = 1 + (noise.uniform(rows, batch.generator) * self.depth).floor()
        return torch.where(noise.uniform(rows, batch.generator) < SHORTENED, few, whole)
