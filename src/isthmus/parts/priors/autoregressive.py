"""The autoregressive prior: each symbol guessed from those before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from isthmus.core.code import Batch, Terms
from isthmus.errors import ParameterError
from isthmus.parts.backbones.linear import Linear
from isthmus.parts.priors.prior import Prior
from isthmus.parts.priors.telling import Classes, Table


class CausalBlock(nn.Module):
    """Attention to the places before, then a layer for each place, both beside the way straight through.

    Args:
        width: F.
        heads: Of the attention; they share the width.

    Paper:
        Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = Linear(width, 3 * width), Linear(width, width)
        self.think = nn.Sequential(Linear(width, 4 * width), nn.GELU(), Linear(4 * width, width))

    def forward(self, h: Tensor) -> Tensor:
        """(B, N, F) -> (B, N, F)."""
        ask, key, value = (
            self.ask(self.before(h)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (3, B, heads, N, f)
        seen = functional.scaled_dot_product_attention(ask, key, value, is_causal=True)
        h = h + self.answer(seen.transpose(1, 2).flatten(2))
        thought: Tensor = h + self.think(self.between(h))
        return thought


class Autoregressive(Prior):
    r"""log p(s) = sum_n log p(s_n | s_1 ... s_{n-1}, class), by a decoder-only transformer.

    The class, or "any class", stands before the first symbol.

    Args:
        places: N, symbols in a code.
        codes: K, what a symbol may be: 0 to K - 1; or a K for each place.
        classes: How many classes it may be told, 0 for none.
        width: Of the transformer.
        blocks: Of the transformer.
        heads: Of its attention.
        temperature: Of the draws: below 1 likely symbols become likelier.
        top_k: How many of the likeliest symbols each draw is among; None for all.

    Raises:
        ParameterError: a number outside its domain.

    Paper:
        van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, section 3.3 (a prior over symbols); Esser, Rombach &
        Ommer 2021, arXiv:2012.09841, section 3.2 (by a transformer).

    Example:
        >>> prior = Autoregressive(places=4, codes=8)
        >>> prior.log_prob(torch.zeros(2, 4, dtype=torch.int64)).shape
        torch.Size([2])
    """

    has_density: ClassVar[bool] = True
    of_symbols: ClassVar[bool] = True

    def __init__(
        self,
        places: int,
        codes: int | Sequence[int],
        classes: int = 0,
        *,
        width: int = 64,
        blocks: int = 2,
        heads: int = 4,
        temperature: float = 1.0,
        top_k: int | None = None,
    ) -> None:
        super().__init__()
        if blocks < 1 or heads < 1 or width < 1 or width % heads:
            came = f"width={width!r}, blocks={blocks!r}, heads={heads!r}"
            raise ParameterError(
                came, "at least 1 each, and heads that share the width evenly", "use width=64, heads=4"
            )
        if temperature <= 0 or (top_k is not None and top_k < 1):
            came = f"temperature={temperature!r}, top_k={top_k!r}"
            raise ParameterError(came, "a temperature above 0, and 1 symbol at least to draw among", "leave both out")
        alphabet = torch.tensor([codes] * places if isinstance(codes, int) else list(codes))
        self.places, self.codes, self.temperature, self.top_k = places, int(alphabet.max()), temperature, top_k
        self.allowed: Tensor
        self.register_buffer("allowed", torch.arange(self.codes) < alphabet[:, None], persistent=False)  # (N, K)
        self.symbols, self.positions = Table(self.codes, width), Table(places, width)
        self.classes = Classes(classes, width)
        self.blocks = nn.Sequential(*[CausalBlock(width, heads) for _ in range(blocks)])
        self.norm, self.guess = nn.LayerNorm(width), Linear(width, self.codes)

    def objective(self, batch: Batch) -> Terms:
        """L = -log p(s | class), with some rows told no class."""
        numbers = self.classes.numbers(len(batch.x), batch.condition, batch.x.device)
        return {"prior": -self._log_prob(batch.x.long(), self.classes.hide(numbers, batch.generator))}

    def log_prob(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """log p(s) in nats, (B,), of symbols (B, N); given the class of each, (B,), if any."""
        return self._log_prob(z.long(), self.classes.numbers(len(z), condition, z.device))

    def logits(self, symbols: Tensor, numbers: Tensor) -> Tensor:
        """What comes next after the class and each symbol so far, (B, n) -> (B, n + 1, K), n < N."""
        told = torch.cat([self.classes(numbers)[:, None], self.symbols(symbols)], dim=1)
        h = self.blocks(told + self.positions.weight[: told.shape[1]])
        guesses: Tensor = self.guess(self.norm(h))
        return guesses.masked_fill(~self.allowed[: told.shape[1]], -torch.inf)

    def sample(
        self,
        n: int,
        generator: torch.Generator,
        condition: Tensor | None = None,
        *,
        known: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """n codes of symbols, (n, N) int64.

        Args:
            n: How many.
            generator: Where the randomness comes from.
            condition: The class of each, (n,).
            known: Symbols to keep, (n, N) ...
            mask: ... where this is True, (n, N).
        """
        numbers = self.classes.numbers(n, condition, generator.device)
        symbols = torch.zeros(n, 0, dtype=torch.int64, device=generator.device)
        for place in range(self.places):
            drawn = self._drawn(self.logits(symbols, numbers)[:, -1], generator)
            if known is not None and mask is not None:
                drawn = torch.where(mask[:, place], known[:, place], drawn)
            symbols = torch.cat([symbols, drawn[:, None]], dim=1)
        return symbols

    def around(self, z: Tensor, spread: float, generator: torch.Generator) -> Tensor:
        """The same codes with a share `spread` of their symbols drawn anew, each after those before it."""
        keep = torch.rand(z.shape, generator=generator, device=generator.device) >= spread
        return self.sample(len(z), generator, known=z.long(), mask=keep)

    def _log_prob(self, symbols: Tensor, numbers: Tensor) -> Tensor:
        chances = self.logits(symbols[:, :-1], numbers).log_softmax(2)
        return chances.gather(2, symbols[:, :, None]).sum((1, 2))

    def _drawn(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """One symbol for each row, (n, K) -> (n,)."""
        if self.top_k is not None:
            least = logits.topk(min(self.top_k, self.codes), dim=1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        chances = (logits / self.temperature).softmax(1)
        return torch.multinomial(chances, 1, generator=generator)[:, 0]
