"""A fitted model and what is read from it: what each row loses, where its code lies, and what both are worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isthmus.core.code import Batch, Code, written_out
from isthmus.core.source import Source
from isthmus.estimator.blocks import Blocks
from isthmus.parts.critics import Critic
from isthmus.tasks.anomaly.neighbours import Neighbours
from isthmus.tasks.anomaly.single_row import SingleRow
from isthmus.tasks.anomaly.unlikeliness import unlikeliness
from isthmus.tasks.anomaly.whitening import Whitening

DISAGREEMENT, RECONSTRUCTION = "disagreement", "reconstruction-probability"
SCORES = ("density", DISAGREEMENT, "distortion", "fusion", "latent", "mahalanobis", RECONSTRUCTION)


def scores_of(model: Any) -> tuple[str, ...]:
    """The scores that one model alone can give, which needs a posterior for one of them, and company for another.

    Args:
        model: An estimator, fitted or not.

    Example:
        >>> from isthmus import VAE, Autoencoder
        >>> set(SCORES) - set(scores_of(VAE())), set(scores_of(VAE())) - set(scores_of(Autoencoder()))
        ({'disagreement'}, {'reconstruction-probability'})
    """
    return tuple(score for score in SCORES if score != DISAGREEMENT and (score != RECONSTRUCTION or model.has_density))


@dataclass(eq=False)
class Member:
    """A model and the way its rows are read; the same row gives the same bits, whatever rows come with it.

    Args:
        model: A fitted estimator.
        score: One of `SCORES`; it says what the two terms of a row are, what is lost and what crosses.
        lost: Prices what is lost, by what training rows lose.
        crossed: The codes of training rows, or the distribution that they have.
        critic: What learnt beside the model to tell rows from others; its log odds are a third term of a fusion.
    """

    model: Any
    score: str
    lost: Whitening | None = None
    crossed: Neighbours | Whitening | None = None
    critic: Critic | None = None
    blocks: Blocks = field(init=False, repr=False)
    single: SingleRow | None = field(init=False, repr=False, default=None)
    has_single: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        network = self.model.network_
        parts = network if self.critic is None else nn.ModuleList([network, self.critic])
        self.blocks = Blocks(parts, self.model.spec_.width)
        self.has_single = self.score == "distortion"  # until a row that comes alone shows otherwise

    def priced_by(self, source: Source) -> Self:
        """Learn from normal rows what the score needs, without training."""
        if self.score in ("fusion", "mahalanobis"):
            self.lost = Whitening.around_zero(self.run(source, self.residual))
        if self.score in ("fusion", "latent"):
            self.crossed = Neighbours.of(self.run(source, self.code))
        if self.score == "density":
            codes = self.run(source, self.code)
            self.crossed = Whitening.of(codes, codes.mean(0))
        return self

    def run(self, source: Source, function: Any) -> Tensor:
        """One of the functions of a batch below, for all rows."""
        return self.blocks.run(source, function)

    def cost_of_one(self, X: NDArray[np.float32]) -> float | None:
        """The sum of the terms of one row that is ready, (1, D), by a short way; None where there is none."""
        if not self.has_single:
            return None
        single = self.single
        if single is None or single.network is not self.model.network_ or not single.is_current:
            single = self.single = SingleRow.of(self.model, self.blocks, self.terms)
            self.has_single = single is not None
        return None if single is None else single.cost(X)

    def terms(self, batch: Batch) -> Tensor:
        """What is lost and what crosses, (B, 2) float64; with a critic (B, 3).

        "distortion" has the model's own distortion and rate, "mahalanobis" half the squared Mahalanobis distance of
        what is lost and the rate, both in nats; "fusion" the roots of what is lost, priced with heavy tails, and of how
        far the code lies from others, and what the critic says. "latent" has nothing and that distance, "density"
        nothing and half the squared Mahalanobis distance of the code, "reconstruction-probability" how unlikely the row
        is and nothing. What "disagreement" has takes several members.
        """
        network = self.model.network_
        if self.score in ("distortion", "mahalanobis"):
            distortion, rate = (cost.cpu().double() for cost in network.price(batch))
            return torch.stack([distortion if self.lost is None else self._lost(self.residual(batch)), rate], 1)
        if self.score == RECONSTRUCTION:
            lost = unlikeliness([distortion.cpu().double() for distortion, _ in network.prices(batch)])
            return torch.stack([lost, torch.zeros_like(lost)], 1)
        code = network.encode(batch)  # once, though both terms may be made of it
        crossed = self._away(_flat(code))
        if self.score == "fusion":
            both = torch.stack([self._lost(self._residual(batch, code)), crossed], 1).sqrt()
            return both if self.critic is None else torch.cat([both, self.critic(batch.x).cpu().double()[:, None]], 1)
        return torch.stack([torch.zeros_like(crossed), crossed], 1)

    def profile(self, batch: Batch) -> Tensor:
        """Each column's share of what is lost, in squares, (B, D)."""
        residual = self.residual(batch)
        return in_shares(residual.square() if self.lost is None else self.lost.parts(residual))

    def rebuilt(self, batch: Batch) -> Tensor:
        """What the model expects of each cell, (B, ...) in scaled units."""
        expected: Tensor = self.model.network_.rebuild(batch)
        return expected

    def code(self, batch: Batch) -> Tensor:
        """What crosses, (B, Z) float64."""
        return _flat(self.model.network_.encode(batch))

    def residual(self, batch: Batch) -> Tensor:
        """x - E[x] of numbers and booleans; a category's surprise sqrt(-2 log p), whose half square is its cost."""
        return self._residual(batch, self.model.network_.encode(batch))

    def __getstate__(self) -> dict[str, Any]:
        """A copy or pickle carries the model, not the blocks made from it."""
        return {name: value for name, value in vars(self).items() if name not in ("blocks", "single", "has_single")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the blocks anew."""
        vars(self).update(state)
        self.__post_init__()

    def _residual(self, batch: Batch, code: Code) -> Tensor:
        """The same, where the code is known, (B, D) float64."""
        network, spec = self.model.network_, self.model.spec_
        params = network.decoder(code.z)
        residual: Tensor = batch.x - network.mean(params)
        names = list(spec.indices("categorical"))
        if names:
            surprise = network.likelihood.cells(batch.x, params, batch.observed)[:, names]
            residual[:, names] = (2 * surprise.clamp_min(0)).sqrt()
        if batch.observed is not None:
            residual = torch.where(batch.observed, residual, 0.0)
        return residual.flatten(1).cpu().double()

    def _lost(self, residual: Tensor) -> Tensor:
        """What all columns lose, (B,)."""
        lost = cast(Whitening, self.lost)
        return (lost.heavy_parts(residual) if self.score == "fusion" else lost.parts(residual)).sum(1)

    def _away(self, codes: Tensor) -> Tensor:
        """How far codes lie from those of training rows, (B,)."""
        crossed = cast(Neighbours | Whitening, self.crossed)
        return crossed.cost(codes) if isinstance(crossed, Whitening) else crossed.distance(codes)


def in_shares(parts: Tensor) -> Tensor:
    """Each part's share of the sum of its row, (n, D); zeros where nothing is to be shared."""
    return parts / parts.sum(1, keepdim=True).clamp_min(torch.finfo(parts.dtype).tiny)


def _flat(code: Code) -> Tensor:
    """A code's numbers, (B, Z) float64."""
    return written_out(code.z).flatten(1).cpu().double()
