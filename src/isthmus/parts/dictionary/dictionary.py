"""The dictionary: an encoder that finds few latents for a row, and directions whose sum the row is said to be.

    x - b -> w -> p -> few of them on -> v -> sum of v_j d_j, + b

Parameters, for n latents, rows of D numbers and answers of T: `encoder_weight` (n, D), `encoder_bias` (n),
`decoder_weight` (n, T) with rows of length 1, `decoder_bias` (T). Where T is what rows are to become, and not the rows
themselves, nothing is taken off x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from isthmus.core.code import Batch, Code, SparseCode
from isthmus.parts.backbones.linear import rounded
from isthmus.parts.dictionary import nodes
from isthmus.parts.dictionary.codes import padded, sorted_code, starts_of, thinned
from isthmus.parts.dictionary.median import geometric_median
from isthmus.parts.dictionary.pattern import Pattern, summed
from isthmus.parts.dictionary.plan import Passage, Plan, Seen
from isthmus.parts.dictionary.selection import PASS, Entries, beside, joined, passes, remeasured, steady_passes
from isthmus.parts.dictionary.tariff import Tariff
from isthmus.parts.dictionary.trials import Trials
from isthmus.parts.likelihoods.cells import LOG_2PI
from isthmus.parts.likelihoods.gaussian import Gaussian, unit_cost
from isthmus.parts.schedules import anneal

DENSE = 0.1  # share of a batch's codes that is on, from which dense products are quicker
PLENTY, SHARE = 3.0, 0.5  # times as many latents are on where they are counted, falling to 1 over a share of the run
PATIENCE = 100  # times as many rows as a latent of average use needs to be on once, until it counts as dead


class Dictionary(nn.Module):
    """A sparse dictionary, but for the rule that says which latents are on.

    Args:
        plan: What it is to be.
    """

    begun: Tensor
    idle: Tensor
    levels = 1  # sums that are priced one by one
    pass_rows = PASS

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        features, latents, wanted = plan.features, plan.latents, plan.wanted
        answers = features if plan.targets is None else plan.targets
        self.is_tied = plan.tied
        self.encoder_weight = nn.Parameter(torch.zeros(latents, features))
        self.encoder_bias = nn.Parameter(torch.zeros(latents))
        self.decoder_bias = nn.Parameter(torch.zeros(answers))
        if not self.is_tied:
            self.decoder_weight = nn.Parameter(torch.zeros(latents, answers))
        self.register_buffer("begun", torch.zeros(()))
        self.register_buffer("idle", torch.zeros(latents))
        self.likelihood, self.tariff = Gaussian((answers,)), Tariff(wanted, fixed=0.0)
        self.latent_shape, self.is_transcoder, self.wanted = (latents,), plan.targets is not None, wanted
        self.is_plain = False  # whether products are dense, as an oracle's
        self.is_low = plan.precision == "bfloat16"  # whether training searches by products in bfloat16
        self.seen: Seen | None = None
        self.plenty = 1.0  # times as many latents are on as in the end

    def __getattr__(self, name: str) -> Any:
        """The encoder's weight, where the decoder has none of its own."""
        is_missing = name == "decoder_weight" and self.__dict__.get("is_tied", False)
        return super().__getattr__("encoder_weight" if is_missing else name)

    @property
    def shift(self) -> Tensor | None:
        """What is taken off the rows, (D,), or None."""
        return None if self.is_transcoder else self.decoder_bias

    def draw(self, generator: torch.Generator) -> None:
        """Random directions of length 1; the encoder looks for the same in the beginning where it can."""
        for weight in (self.encoder_weight, self.decoder_weight):
            weight.normal_(generator=generator).div_(weight.norm(dim=1, keepdim=True).clamp_min(1e-12))
        if not self.is_transcoder:
            self.encoder_weight.copy_(self.decoder_weight)

    # What a rule says. -----------------------------------------------------------------------------------------------

    def on(self, h: Tensor) -> Entries:
        """The latents that may be on in a pass of rows, whose pre-activations are h, (rows, n)."""
        raise TypeError(f"{type(self).__name__} is abstract: a dictionary defines on(h)")

    def settle(self, found: Entries, x: Tensor) -> Entries:
        """What is on, once all passes over the rows less their shift, (B, D), are known."""
        return found

    def strength(self, p: Tensor, latents: Tensor) -> Tensor:
        """How strongly latents are on, (N,), whose pre-activations are p."""
        return p.relu()

    def cost(self, p: Tensor, strength: Tensor, latents: Tensor) -> Tensor | None:
        """S of each entry, (N,), if what is on costs anything."""
        return None

    def gate(self, p: Tensor, pattern: Pattern, target: Tensor) -> Tensor | None:
        """What gates pay for an opinion of their own, (B,), if there are any."""
        return None

    def first(self, h: Tensor) -> None:
        """Make a beginning with the pre-activations of the first rows, (rows, n)."""

    def follow(self, seen: Seen) -> None:
        """Move what no gradient moves, once a step is taken."""

    # How it learns. --------------------------------------------------------------------------------------------------

    def forward(self, batch: Batch) -> Passage:
        """What the batch pays."""
        x, target = batch.x, self.target(batch)
        self.plenty = anneal(batch.progress, PLENTY, 1.0, SHARE) if self.training else 1.0
        if self.training and not bool(self.begun):
            self.begin(x, target)
        trials = Trials.of(self.dead(), len(x), self.wanted, target.shape[1]) if self.training else None
        pattern, found = self.search(x, trials)
        p = self.read(x, pattern, found)
        strength, cost = self.weighed(p, pattern)
        sums = self.write(strength, pattern).view(len(x), pattern.bags, -1)
        steps = sums[:, : self.levels]
        rebuilt = (steps if self.levels == 1 else steps.cumsum(1)) + self.decoder_bias
        levels = [unit_cost(target, level) for level in rebuilt.unbind(1)]
        distortion = levels[0] if self.levels == 1 else torch.stack(levels).mean(0)
        revival = None if trials is None else self.revived(target, rebuilt[:, -1], sums[:, -1], trials.rows)
        sparsity = None if cost is None else cost.new_zeros(len(x)).index_add(0, pattern.row, cost)
        return Passage(distortion, sparsity, revival, self.gate(p, pattern, target))

    def revived(self, target: Tensor, rebuilt: Tensor, tried: Tensor, rows: int) -> Tensor:
        """Half the squared error that latents on trial leave of what the others left over, (B,), in their rows."""
        left = (target - rebuilt).detach()[:rows] - tried[:rows]
        return pad(left.square().sum(1) * (0.5 * len(target) / rows), (0, len(target) - rows))

    def target(self, batch: Batch) -> Tensor:
        """What is to be rebuilt, (B, T)."""
        return batch.condition if self.is_transcoder and batch.condition is not None else batch.x

    def read(self, x: Tensor, pattern: Pattern, found: Tensor) -> Tensor:
        """The pre-activations of the entries, (N,), of which the search knows the values."""
        if self._is_dense(pattern):
            return nodes.plain_read(x, self.shift, self.encoder_weight, self.encoder_bias, pattern)
        return nodes.read(x, self.shift, self.encoder_weight, self.encoder_bias, pattern, found)

    def write(self, strength: Tensor, pattern: Pattern) -> Tensor:
        """Each bag's sum of directions, (bags, T)."""
        writes = nodes.plain_write if self._is_dense(pattern) else nodes.write
        return writes(strength, self.decoder_weight, pattern)

    def _is_dense(self, pattern: Pattern) -> bool:
        """Whether dense products are asked for, or are quicker."""
        return self.is_plain or len(pattern.latents) > DENSE * pattern.rows * pattern.width

    def weighed(self, p: Tensor, pattern: Pattern) -> tuple[Tensor, Tensor | None]:
        """Strength and cost of each entry, (N,); latents on trial are as strong as p, at no cost."""
        strength = self.strength(p, pattern.latents)
        cost = self.cost(p, strength, pattern.latents)
        on = strength.detach() > 0
        if pattern.bags > self.levels:
            tried = pattern.bag % pattern.bags == self.levels
            strength, on = torch.where(tried, p, strength), on & ~tried
            cost = None if cost is None else cost.masked_fill(tried, 0.0)
        if self.training:
            self.note(p.detach(), on, pattern)
        return strength, cost

    def note(self, p: Tensor, on: Tensor, pattern: Pattern) -> None:
        """Keep what the upkeep will ask for."""
        fired = torch.zeros_like(self.idle, dtype=torch.bool)
        fired[pattern.latents[on].long()] = True
        cut = torch.where(on, p, torch.inf).amin() if len(on) else p.new_tensor(torch.inf)
        self.seen = Seen(fired, on.sum() / pattern.rows, pattern.rows, cut.nan_to_num_(posinf=0.0))

    @torch.no_grad()
    def search(self, x: Tensor, trials: Trials | None = None) -> tuple[Pattern, Tensor]:
        """Which latents are on in which rows, and their pre-activations (N,).

        Args:
            x: Rows, (B, D).
            trials: Who is tried beside them, in a bag of their own.
        """
        centred, on, tried, start = x if self.shift is None else x - self.shift, [], [], 0
        low = self.is_low and self.training
        for h in self.passes(centred, low):
            on.append(self.on(h))
            if trials is not None:
                tried.append(trials.among(h, start))
            start += len(h)
        sets = [joined(entries) for entries in (on, tried) if entries]
        if low:
            sets = [remeasured(entries, centred, self.encoder_weight, self.encoder_bias) for entries in sets]
        found = self.settle(sets[0], centred)
        found = found if trials is None else beside(found, sets[1])
        starts = starts_of(found.counts.reshape(-1))
        return Pattern(found.latents, starts, len(self.idle), found.counts[0].numel()), found.values

    @torch.no_grad()
    def begin(self, x: Tensor, target: Tensor) -> None:
        """Put the bias where the first rows have their middle, and let the rule begin."""
        self.decoder_bias.copy_(geometric_median(target))
        if self.is_transcoder:
            self.encoder_bias.copy_(-(self.encoder_weight @ geometric_median(x)))
        centred = x if self.shift is None else x - self.shift
        self.first(next(self.passes(centred)))
        self.begun.fill_(1)

    def passes(self, centred: Tensor, low: bool = False) -> Iterator[Tensor]:
        """Pre-activations of rows less their shift, (B, D), a pass after the other, (rows, n); bfloat16 where low."""
        given: tuple[Tensor, Tensor, Tensor] = centred, self.encoder_weight, self.encoder_bias
        if not self.training:
            return steady_passes(*given, self.pass_rows)
        if low:
            given = centred.bfloat16(), self.encoder_weight.bfloat16(), self.encoder_bias.bfloat16()
        return passes(*given, self.pass_rows)

    def count(self, rows: int = 1) -> int:
        """How many latents are on in so many rows: many in the beginning, when chance decides which those are."""
        return min(round(self.wanted * self.plenty * rows), rows * len(self.idle))

    def dead(self) -> Tensor:
        """Latents that were not on for a hundred times as many rows as one should need, (m,) int64."""
        return (self.idle > PATIENCE * len(self.idle) / self.wanted).nonzero().flatten()

    # What it answers. ------------------------------------------------------------------------------------------------

    def sparse(self, x: Tensor) -> SparseCode:
        """The latents of each row that are on, (B, K), in order.

        Args:
            x: Rows, (B, D).
        """
        pattern, found = self.search(x)
        if pattern.bags > 1:
            pattern = Pattern(pattern.latents, pattern.starts[:: pattern.bags], pattern.width)
        strength = self.strength(self.read(x, pattern, found), pattern.latents)
        return sorted_code(padded(strength, pattern))

    def decode(self, z: SparseCode | Tensor) -> Tensor:
        """What codes stand for, (B, T).

        Args:
            z: A sparse code, or a dense one, (B, n).
        """
        code = z if isinstance(z, SparseCode) else thinned(z)
        pattern = Pattern.even(code.indices, code.width)
        return summed(code.values.reshape(-1), pattern, self.decoder_weight) + self.decoder_bias

    @property
    def decoder(self) -> Callable[[SparseCode | Tensor], Tensor]:
        """`decode`, by the name that it has where it is a network."""
        return self.decode

    def encode(self, batch: Batch) -> Code:
        """The code of each row, whose z is a `SparseCode`; its rate is 0."""
        return Code(self.sparse(batch.x), batch.x.new_zeros(len(batch.x)))  # type: ignore[arg-type]

    def rebuild(self, batch: Batch) -> Tensor:
        """The rows as their codes have them, (B, T)."""
        return self.decode(self.sparse(batch.x))

    def mean(self, params: Tensor) -> Tensor:
        """The expected x, which is what the decoder answers."""
        return params

    def price(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Distortion in nats and rate, which is 0, of each row, (B,) each."""
        target, rebuilt = self.target(batch), self.rebuild(batch)
        surplus = rounded(target.shape[1]) - target.shape[1]
        # With zeros beside them, so that no kernel meets a rest of a row, whose sum depends on where the row stands.
        distortion = unit_cost(pad(target, (0, surplus)), pad(rebuilt, (0, surplus))) - 0.5 * LOG_2PI * surplus
        return distortion, torch.zeros_like(distortion)

    def prices(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """The same as the only one of its draws: nothing is random."""
        yield self.price(batch)
