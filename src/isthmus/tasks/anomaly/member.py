"""A fitted model and what is read from it: what each row loses, where its code lies, and what both are worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.estimator.blocks import Blocks
from isthmus.parts.critics import Critic
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.whitening import Whitening

SCORES = ("distortion", "fusion", "latent", "mahalanobis")


@dataclass(eq=False)
class Member:
    """A model and the way its rows are read; the same row gives the same bits, whatever rows come with it.

    Args:
        model: A fitted estimator.
        score: One of `SCORES`; it says what the two terms of a row are, what is lost and what crosses.
        lost: Prices what is lost, by what training rows lose.
        crossed: The codes of training rows.
        critic: What learnt beside the model to tell rows from others; its log odds are a third term of a fusion.
    """

    model: Any
    score: str
    lost: Whitening | None = None
    crossed: Neighbours | None = None
    critic: Critic | None = None
    blocks: Blocks = field(init=False, repr=False)

    def __post_init__(self) -> None:
        network = self.model.network_
        parts = network if self.critic is None else nn.ModuleList([network, self.critic])
        self.blocks = Blocks(parts, self.model.spec_.width)

    def priced_by(self, source: Source) -> Self:
        """Learn from normal rows what the score needs, without training."""
        if self.score in ("fusion", "mahalanobis"):
            self.lost = Whitening.around_zero(self.run(source, self.residual))
        if self.score in ("fusion", "latent"):
            self.crossed = Neighbours.of(self.run(source, self.code))
        return self

    def run(self, source: Source, function: Any) -> Tensor:
        """One of the functions of a batch below, for all rows."""
        return self.blocks.run(source, function)

    def terms(self, batch: Batch) -> Tensor:
        """What is lost and what crosses, (B, 2) float64; with a critic (B, 3).

        "distortion" has the model's own distortion and rate, "mahalanobis" half the squared Mahalanobis distance of
        what is lost and the rate, both in nats; "latent" nothing and how far the code lies from others; "fusion" the
        roots of what is lost, priced with heavy tails, and of how far the code lies, and what the critic says.
        """
        if self.score == "fusion":
            both = torch.stack([self._parts(batch).sum(1), self._distance(batch)], 1).sqrt()
            return both if self.critic is None else torch.cat([both, self.critic(batch.x).cpu().double()[:, None]], 1)
        if self.score == "latent":
            distance = self._distance(batch)
            return torch.stack([torch.zeros_like(distance), distance], 1)
        distortion, rate = (cost.cpu().double() for cost in self.model.network_.price(batch))
        return torch.stack([distortion if self.lost is None else self._parts(batch).sum(1), rate], 1)

    def profile(self, batch: Batch) -> Tensor:
        """Each column's share of what is lost, in squares, (B, D)."""
        residual = self.residual(batch)
        parts = residual.square() if self.lost is None else self.lost.parts(residual)
        return parts / parts.sum(1, keepdim=True).clamp_min(torch.finfo(parts.dtype).tiny)

    def rebuilt(self, batch: Batch) -> Tensor:
        """What the model expects of each cell, (B, ...) in scaled units."""
        expected: Tensor = self.model.network_.rebuild(batch)
        return expected

    def code(self, batch: Batch) -> Tensor:
        """What crosses, (B, Z) float64."""
        z: Tensor = self.model.network_.encode(batch).z
        return z.flatten(1).cpu().double()

    def residual(self, batch: Batch) -> Tensor:
        """x - E[x] of numbers and booleans; a category's surprise sqrt(-2 log p), whose half square is its cost."""
        network, spec = self.model.network_, self.model.spec_
        residual = batch.x - self.rebuilt(batch)
        names = list(spec.indices("categorical"))
        if names:
            params = network.decoder(network.encode(batch).z)
            surprise = network.likelihood.cells(batch.x, params, batch.observed)[:, names]
            residual[:, names] = (2 * surprise.clamp_min(0)).sqrt()
        if batch.observed is not None:
            residual = torch.where(batch.observed, residual, 0.0)
        return residual.flatten(1).cpu().double()

    def __getstate__(self) -> dict[str, Any]:
        """A copy or pickle carries the model, not the blocks made from it."""
        return {name: value for name, value in vars(self).items() if name != "blocks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the blocks anew."""
        vars(self).update(state)
        self.__post_init__()

    def _parts(self, batch: Batch) -> Tensor:
        """What each column loses, (B, D)."""
        residual = self.residual(batch)
        if self.lost is None:
            return residual.square() / 2
        return self.lost.heavy_parts(residual) if self.score == "fusion" else self.lost.parts(residual)

    def _distance(self, batch: Batch) -> Tensor:
        """How far the code lies from those of training rows, (B,)."""
        return cast(Neighbours, self.crossed).distance(self.code(batch))
