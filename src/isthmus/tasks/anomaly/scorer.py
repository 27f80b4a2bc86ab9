"""A fitted model and what is read from it: each row's anomaly score, and what each column has to do with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.estimator.blocks import Blocks
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.whitening import Whitening

SCORES = ("distortion", "mahalanobis")


@dataclass(eq=False)
class Scorer:
    """A model and the way its rows are scored; the same row gives the same bits, whatever rows come with it.

    Args:
        model: A fitted estimator.
        whitening: What the residuals of its training rows do together; None scores by the model's own cost.
    """

    model: Any
    whitening: Whitening | None = None
    blocks: Blocks = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.blocks = Blocks(self.model.network_, self.model.spec_.width)

    @classmethod
    def fitted(cls, model: Any, X: Any, score: str) -> Scorer:
        """Train the model on normal rows, and learn from them what the score needs.

        Whitening comes from the training rows, so the calibration rows are as new to it as any later row.

        Args:
            model: An unfitted estimator.
            X: Normal rows.
            score: One of `SCORES`.
        """
        scorer = cls(model.fit(X))
        if score == "mahalanobis":
            scorer.whitening = Whitening.of(scorer.residuals(X))
        return scorer

    def scores(self, X: Any) -> NDArray[np.float64]:
        """Anomaly score of each row, (n,): the model's own cost, or its rate and the whitened residual's cost."""
        if self.whitening is None:
            cost: NDArray[np.float64] = self.model.anomaly_score(X)
            return cost
        return self.blocks.run(read(self.model, X), self._whitened).numpy()

    def residuals(self, X: Any) -> Tensor:
        """What the model did not explain of each cell, (n, D) float64 on the CPU; 0 where a cell is missing."""
        return self.blocks.run(read(self.model, X), self._residuals)

    def expected(self, X: Any) -> Tensor:
        """What the model expects of each cell, (n, ...) in scaled units."""
        return self.blocks.run(read(self.model, X), self._rebuilt)

    def shares(self, X: Any) -> Tensor:
        """Each column's share of what a row's residual costs, (n, D); the shares of a row add up to 1."""
        parts = self.blocks.run(read(self.model, X), self._parts)
        return parts / parts.sum(1, keepdim=True).clamp_min(torch.finfo(parts.dtype).tiny)

    def __getstate__(self) -> dict[str, Any]:
        """A copy or pickle carries the model, not the blocks made from it."""
        return {"model": self.model, "whitening": self.whitening}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the blocks anew."""
        self.__init__(**state)  # type: ignore[misc]

    def _rebuilt(self, batch: Batch) -> Tensor:
        expected: Tensor = self.model.network_.rebuild(batch)
        return expected

    def _residuals(self, batch: Batch) -> Tensor:
        """x - E[x] of numbers and booleans; a category's surprise sqrt(-2 log p), whose square costs the same."""
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

    def _parts(self, batch: Batch) -> Tensor:
        residual = self._residuals(batch)
        return residual.square() / 2 if self.whitening is None else self.whitening.parts(residual)

    def _whitened(self, batch: Batch) -> Tensor:
        rate: Tensor = self.model.network_.encode(batch).rate
        return self._parts(batch).sum(1) + rate.cpu().double()
