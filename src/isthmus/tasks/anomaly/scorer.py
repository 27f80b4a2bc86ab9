"""A fitted model and what is read from it: each row's anomaly score, and what each column has to do with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.data.memory import TensorSource
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.digests import Known, digests
from isthmus.tasks.anomaly.whitening import Whitening

SCORES = ("distortion", "fusion", "mahalanobis")
STEPS = 10  # of concentration, at most
NORMAL = 1.4826  # spread of a normal variable in units of its median distance from the mean
TINY = 1e-12


@dataclass(eq=False)
class Scorer:
    """A model and the way its rows are scored; the same row gives the same bits, whatever rows come with it.

    Args:
        model: A fitted estimator.
        lost: Prices what a row loses, by what training rows lose; None takes the model's own price.
        crossed: Prices what crosses, the code, by what crosses for training rows; None takes the model's own rate.
        known: Scores that training rows had from models that had not seen them. They keep those: what a model has
            learnt looks normal to it, whatever it is.
    """

    model: Any
    lost: Whitening | None = None
    crossed: Whitening | None = None
    known: Known | None = None
    blocks: Blocks = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.blocks = Blocks(self.model.network_, self.model.spec_.width)

    @classmethod
    def fitted(cls, model: Any, X: Any, score: str) -> Scorer:
        """Train the model on normal rows, and learn from the same rows what the score needs.

        So the calibration rows are as new to the score as any later row, and what they promise is exact.

        Args:
            model: An unfitted estimator.
            X: Normal rows.
            score: One of `SCORES`.
        """
        return cls(model.fit(X)).priced_by(X, score)

    def priced_by(self, X: Any, score: str) -> Self:
        """Learn from normal rows what the score needs, without training.

        Args:
            X: Normal rows.
            score: One of `SCORES`.
        """
        if score != "distortion":
            self.lost = _lost(self.residuals(X))
        if score == "fusion":
            self.crossed = _crossed(self._run(X, self._code))
        return self

    def concentrated(self, X: Any, core: float) -> Self:
        """Learn what the fusion needs from the rows that cost least, again and again, until those stay the same.

        So a few anomalies among the training rows do not pass for a spread that rows have. The first rows are chosen
        by medians, which a few do not move. A column keeps a third of the spread that it has in all rows: one that is
        constant but for a few of them would make each of those an anomaly.

        Args:
            X: The rows that the scorer was fitted on.
            core: The share of them to learn from.

        Paper:
            Rousseeuw & Van Driessen 1999, Technometrics 41, pp. 212-223, section 3.1 (C-steps).
        """
        residuals, codes = self.residuals(X), self._run(X, self._code)
        floors = residuals.square().mean(0).sqrt() / 3, codes.std(0, correction=0) / 3
        cost = _by_median(residuals, floors[0]) + _by_median(codes - codes.median(0).values, floors[1])
        before = torch.empty(0, dtype=torch.int64)
        for _ in range(STEPS):
            least = cost.argsort(stable=True)[: math.ceil(core * len(cost))].sort().values
            if torch.equal(least, before):
                break
            before = least
            self.lost, self.crossed = _lost(residuals[least], floors[0]), _crossed(codes[least], floors[1])
            cost = self.lost.cost(residuals) + self.crossed.cost(codes)
        return self

    def scores(self, X: Any) -> NDArray[np.float64]:
        """Anomaly score of each row in nats, (n,): what it loses and what its crossing costs."""
        source = self._read(X)
        cost = self.blocks.run(source, self._priced if self.lost is None else self._cost).double().numpy()
        return cost if self.known is None else self.known.instead(digests(source), cost)

    def residuals(self, X: Any) -> Tensor:
        """What the model did not explain of each cell, (n, D) float64; 0 where a cell is missing."""
        return self._run(X, self._residual)

    def expected(self, X: Any) -> Tensor:
        """What the model expects of each cell, (n, ...) in scaled units."""
        return self._run(X, self._rebuilt)

    def shares(self, X: Any) -> Tensor:
        """Each column's share of a row's cost, (n, D); what they leave of 1 is the code's."""
        return self._run(X, self._share)

    def __getstate__(self) -> dict[str, Any]:
        """A copy or pickle carries the model, not the blocks made from it."""
        return {name: value for name, value in vars(self).items() if name != "blocks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the blocks anew."""
        vars(self).update(state)
        self.__post_init__()

    def _run(self, X: Any, function: Any) -> Tensor:
        return self.blocks.run(self._read(X), function)

    def _read(self, X: Any) -> Source:
        """Rows as the model reads them; a source was read before."""
        source: Source = X if isinstance(X, TensorSource) else read(self.model, X)
        return source

    def _rebuilt(self, batch: Batch) -> Tensor:
        expected: Tensor = self.model.network_.rebuild(batch)
        return expected

    def _code(self, batch: Batch) -> Tensor:
        z: Tensor = self.model.network_.encode(batch).z
        return z.flatten(1).cpu().double()

    def _residual(self, batch: Batch) -> Tensor:
        """x - E[x] of numbers and booleans; a category's surprise sqrt(-2 log p), whose half square is its cost."""
        network, spec = self.model.network_, self.model.spec_
        residual = batch.x - self._rebuilt(batch)
        names = list(spec.indices("categorical"))
        if names:
            params = network.decoder(network.encode(batch).z)
            surprise = network.likelihood.cells(batch.x, params, batch.observed)[:, names]
            residual[:, names] = (2 * surprise.clamp_min(0)).sqrt()
        if batch.observed is not None:
            residual = torch.where(batch.observed, residual, 0.0)
        return residual.flatten(1).cpu().double()

    def _priced(self, batch: Batch) -> Tensor:
        """The model's own cost, (B,): its distortion and rate."""
        distortion, rate = self.model.network_.price(batch)
        cost: Tensor = distortion + rate
        return cost

    def _parts(self, batch: Batch) -> Tensor:
        """What each column loses, (B, D) nats."""
        residual = self._residual(batch)
        return residual.square() / 2 if self.lost is None else self.lost.parts(residual)

    def _crossing(self, batch: Batch) -> Tensor:
        """What the code costs, (B,) nats."""
        if self.crossed is not None:
            return self.crossed.cost(self._code(batch))
        rate: Tensor = self.model.network_.price(batch)[1]
        return rate.cpu().double()

    def _cost(self, batch: Batch) -> Tensor:
        return self._parts(batch).sum(1) + self._crossing(batch)

    def _share(self, batch: Batch) -> Tensor:
        parts = self._parts(batch)
        whole = parts.sum(1) + self._crossing(batch).clamp_min(0)
        return parts / whole.clamp_min(torch.finfo(parts.dtype).tiny)[:, None]


def _lost(residuals: Tensor, least: Tensor | None = None) -> Whitening:
    """The price of what rows lose, (n, D): a model that loses nothing leaves 0."""
    return Whitening.of(residuals, torch.zeros(residuals.shape[1], dtype=torch.float64), least)


def _crossed(codes: Tensor, least: Tensor | None = None) -> Whitening:
    """The price of what crosses for rows, (n, Z)."""
    return Whitening.of(codes, codes.mean(0), least)


def _by_median(rows: Tensor, least: Tensor) -> Tensor:
    """A first cost that a few rows do not move, (B,): each column by its median distance from 0, none by others."""
    scale = torch.maximum(NORMAL * rows.abs().median(0).values, least)
    return (rows / scale.clamp_min(TINY)).square().sum(1) / 2
