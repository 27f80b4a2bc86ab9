"""Vector quantisation: each token becomes the nearest of K codes, which follow the tokens that chose them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, normalize

from isthmus.core.code import Batch
from isthmus.parts import noise
from isthmus.parts.bottlenecks.discrete import Quantised, Quantizer
from isthmus.parts.bottlenecks.nearest import nearest, sums_by_code
from isthmus.parts.bottlenecks.tokens import rotated, straight_through

DECAY = 0.99  # of what the moving averages remember, per step
SMOOTHING = 1e-5  # tokens that each code has for nothing, so that none is divided by nothing
DEAD, FRESH = 0.05, 0.1  # of an even share of the tokens: a code that keeps less begins anew, with so many
ROUNDS = 10  # of k-means on the first batch


class Codebook(Quantizer):
    r"""A book of K codes in which each token is looked up; the codes are moving averages of what was found there.

    .. math:: k = \arg\min_j \lVert t - e_j \rVert, \quad
              N_k \leftarrow \gamma N_k + (1 - \gamma) n_k, \quad m_k \leftarrow \gamma m_k + (1 - \gamma) \sum t, \quad
              e_k = m_k / \tilde N_k

    with the smoothed count of Laplace. The book begins as the centres of k-means among the first batch's tokens, so
    that no code lies where no token ever comes. A code that keeps less than a twentieth of an even share begins anew
    at a token of the batch that lies far from its own code: code, sum and count together, since a code set alone would
    be overwritten by its old average in the same step.

    In training a forward pass only notes what it saw, and only where the features have a gradient, which is in the
    turn of the player that owns them; `follow`, called after that player's step, moves the book. A batch whose tokens
    are not finite moves nothing.

    Its term is the commitment, sum over tokens of ||t - sg(e_k)||^2.

    Args:
        codes: K.
        dim: d.
        restarts: Whether codes that nothing chooses begin anew.
        rotation: Whether the gradient is turned as its token was (`tokens.rotated`), or goes straight through.
        unit: Whether tokens and codes are compared by their angle: both have length 1.

    Paper:
        van den Oord et al. 2017, NeurIPS, arXiv:1711.00937, eq. 3 and appendix A.1; start and restart as in Dhariwal et
        al. 2020, arXiv:2005.00341, section 3.1, at tokens drawn as in Arthur & Vassilvitskii 2007, SODA; `unit`: Yu et
        al. 2022, ICLR, arXiv:2110.04627, section 3.2.

    Example:
        >>> book = Codebook(2, 1)
        >>> book.draw(torch.Generator().manual_seed(0))
        >>> book.embedding.copy_(torch.tensor([[-1.0], [1.0]])).shape
        torch.Size([2, 1])
        >>> found = book.eval()(torch.tensor([[[0.5], [-3.0]]]), Batch(torch.zeros(1, 2)))
        >>> found.symbols.tolist(), found.values.flatten().tolist(), found.terms["commitment"].tolist()
        ([[1, 0]], [1.0, -1.0], [4.25])
    """

    def __init__(
        self, codes: int, dim: int, *, restarts: bool = True, rotation: bool = False, unit: bool = False
    ) -> None:
        super().__init__()
        self.codes, self.restarts, self.unit = codes, restarts, unit
        self.passes = rotated if rotation else straight_through
        self.embedding: Tensor
        self.sums: Tensor
        self.counts: Tensor
        self.begun: Tensor
        self.register_buffer("embedding", torch.zeros(codes, dim))
        self.register_buffer("sums", torch.zeros(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))
        self.has_begun = False  # what `begun` says, where it need not be waited for
        self.seen: tuple[Tensor, Tensor, Tensor] | None = None  # counts, sums and tokens to begin anew at

    def draw(self, generator: torch.Generator) -> None:
        """Codes to stand there until the first batch comes."""
        self.embedding.copy_(self._measured(torch.randn(self.embedding.shape, generator=generator)))
        self._trust(torch.ones(self.codes))

    def forward(self, tokens: Tensor, batch: Batch, weight: Tensor | None = None) -> Quantised:
        """The nearest code of each token.

        Args:
            tokens: (B, N, d).
            batch: Supplies noise and the weight of each row.
            weight: Of each row among what the book follows, (B,), or None for the batch's.
        """
        tokens = self._measured(tokens)
        flat = tokens.detach().flatten(0, 1)  # (B, N, d) -> (B N, d)
        follows = self.training and tokens.requires_grad
        if follows and not self.has_begun:
            self.begin(flat, batch.generator)
        symbols = nearest(flat, self.embedding)
        codes = self.embedding[symbols].view_as(tokens)
        apart = mse_loss(tokens, codes, reduction="none").sum(-1)  # (B, N)
        if follows:
            self._note(flat, symbols, apart.detach().flatten(), batch, batch.weight if weight is None else weight)
        return Quantised(self.passes(tokens, codes), symbols.view(tokens.shape[:2]), {"commitment": apart.sum(1)})

    def vectors(self, symbols: Tensor) -> Tensor:
        """(B, N) -> (B, N, d)."""
        return self.embedding[symbols]

    @torch.no_grad()
    def begin(self, tokens: Tensor, generator: torch.Generator | None) -> None:
        """Make the book the centres of k-means among these tokens, (M, d), unless it was begun before."""
        self.has_begun = True
        if self.begun:
            return
        order = noise.uniform(tokens[:, 0], generator).argsort()
        centres = tokens[order[torch.arange(self.codes, device=tokens.device) % len(tokens)]]
        for _ in range(ROUNDS):
            counts, sums = sums_by_code(tokens, nearest(tokens, centres), self.codes)
            centres = torch.where(counts[:, None] > 0, self._measured(sums / counts[:, None].clamp_min(1)), centres)
        self.embedding.copy_(centres)
        self._trust(torch.full_like(self.counts, FRESH * len(tokens) / self.codes))
        self.begun.fill_(True)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the book by what the last forward pass noted."""
        if self.seen is None:
            return
        (new_counts, new_sums, others), self.seen = self.seen, None
        counts = DECAY * self.counts + (1 - DECAY) * new_counts
        sums = DECAY * self.sums + (1 - DECAY) * new_sums
        if self.restarts:
            share = new_counts.sum() / self.codes
            dead = counts < DEAD * share
            counts = torch.where(dead, FRESH * share, counts)
            sums = torch.where(dead[:, None], FRESH * share * others, sums)
        total = counts.sum()
        smoothed = (counts + SMOOTHING) / (total + self.codes * SMOOTHING) * total
        is_sound = sums.isfinite().all()
        for kept, moved in ((self.counts, counts), (self.sums, sums), (self.embedding, sums / smoothed[:, None])):
            kept.copy_(torch.where(is_sound, moved, kept))
        self.embedding.copy_(self._measured(self.embedding))

    def _note(self, tokens: Tensor, symbols: Tensor, apart: Tensor, batch: Batch, weight: Tensor | None) -> None:
        """Keep what the book shall follow: how often each code was chosen, by what, and tokens for those that weren't.

        A token is drawn to begin at with a chance in proportion to its weight and its squared distance from its code,
        as k-means++ does: so codes go where they are missing, and not to where most tokens are.
        """
        each = None
        if weight is not None:
            each = weight.repeat_interleave(len(tokens) // len(weight))  # (B,) -> (B N,)
            apart = apart * each
        counts, sums = sums_by_code(tokens, symbols, self.codes, each)
        ends = apart.cumsum(0)
        drawn = torch.searchsorted(ends, noise.uniform(self.counts, batch.generator) * ends[-1], right=True)
        self.seen = counts, sums, tokens[drawn.clamp_max(len(tokens) - 1)]

    def _trust(self, counts: Tensor) -> None:
        """Averages that say what the codes are, as if each had been chosen so often."""
        self.counts.copy_(counts)
        self.sums.copy_(self.embedding * self.counts[:, None])

    def _measured(self, vectors: Tensor) -> Tensor:
        """Vectors as they are compared: at length 1 where only the angle counts."""
        return normalize(vectors, dim=-1) if self.unit else vectors
