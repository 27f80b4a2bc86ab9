"""Heat: how much more each pixel loses than good images lose there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from isthmus.core.code import Batch
from isthmus.core.source import Source
from isthmus.estimator.inputs import read
from isthmus.tasks.anomaly.beyond import in_numbers
from isthmus.tasks.anomaly.digests import Known, digests
from isthmus.tasks.anomaly.images.features import Places, check_levels, maps_of, usual
from isthmus.tasks.anomaly.scorer import Floats, Scorer


@dataclass(eq=False)
class Heat:
    r"""A model, and how its images are scored: pixel by pixel, and by the hottest pixel or the fusion of `Scorer`.

    .. math:: h_p = \frac{(G * l)_p - m_p}{s_p}, \qquad s(x) = \max_p h_p

    l is what each pixel loses under the model's own distortion, summed over channels, or how unusual the features at
    that place are; G a Gaussian window, m and s the mean and spread of G * l over the images of training.

    Args:
        scorer: The model with its fusion, where that is asked for.
        smooth: Deviation of G in pixels; 0 for none.
        is_peak: Whether an image is scored by its hottest pixel.
        places: What features good images have; None for what pixels lose.
        usual: m and s, (2, h, w); None where the data has no places.
    """

    scorer: Scorer
    smooth: float
    is_peak: bool
    places: Places | None = None
    usual: Any = None
    blurs: tuple[Tensor, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.blurs = _blurs(self.model.spec_.shape[1:], self.smooth)

    @property
    def model(self) -> Any:
        """The fitted model."""
        return self.scorer.model

    @property
    def known(self) -> Known | None:
        """Scores that images had before they were learnt."""
        return self.scorer.known

    @known.setter
    def known(self, known: Known | None) -> None:
        self.scorer.known = known

    def terms(self, X: Any) -> Tensor:
        """What the score of each image is made of, as if it were new: its peak, or the terms of the fusion."""
        return self._peaks(read(self.model, X)) if self.is_peak else self.scorer.terms(X)

    def settle(self, terms: Tensor) -> Floats:
        """The scores that terms of new good images make, and the scale of a fusion from them, (n,)."""
        return in_numbers(terms.numpy()) if self.is_peak else self.scorer.settle(terms)

    def learn(self, X: Any, features: bool) -> Heat:
        """Learn from the images of training what is usual at each place."""
        source = read(self.model, X)
        if features:
            check_levels(self.model)
            self.places = Places.of(self._run(source, self._maps))
        if self.model.spec_.kind == "image":
            self.usual = torch.stack(usual(self._run(source, self._blurred)))
        return self

    def heat(self, X: Any) -> NDArray[np.float32]:
        """The heat of each pixel, (n, h, w)."""
        heat: NDArray[np.float32] = self._run(read(self.model, X), self._heat).numpy()
        return heat

    def scores(self, X: Any) -> Floats:
        """Anomaly score of each image, (n,)."""
        if not self.is_peak:
            return self.scorer.scores(X)
        source = read(self.model, X)
        peaks = in_numbers(self._peaks(source).numpy())
        return peaks if self.known is None else self.known.instead(digests(source), peaks)

    def residuals(self, X: Any) -> Tensor:
        """What the model did not explain of each cell, (n, D) float64."""
        return self.scorer.residuals(X)

    def _run(self, source: Source, function: Callable[[Batch], Tensor]) -> Tensor:
        return self.scorer.members[0].run(source, function)

    def _peaks(self, source: Source) -> Tensor:
        return self._run(source, self._peak).double()

    def _peak(self, batch: Batch) -> Tensor:
        return self._heat(batch).flatten(1).amax(1)

    def _heat(self, batch: Batch) -> Tensor:
        mean, spread = self.usual
        heat: Tensor = (self._blurred(batch) - mean) / spread
        return heat

    def _blurred(self, batch: Batch) -> Tensor:
        """What pixels lose, averaged over their neighbours, (B, h, w); each image is a product of its own."""
        lost = self._lost(batch)
        rows, columns = (blur.expand(len(lost), -1, -1) for blur in self.blurs)
        return rows @ lost @ columns.mT

    def _lost(self, batch: Batch) -> Tensor:
        """What each pixel loses in nats, (B, h, w)."""
        network = self.model.network_
        if self.places is not None:
            cost = self.places.cost(self._maps(batch))[:, None].float()
            return interpolate(cost, self.model.spec_.shape[1:], mode="bilinear")[:, 0]
        params = network.decoder(network.encode(batch).z)
        cells: Tensor = network.likelihood.cells(batch.x, params, batch.observed)
        return cells.sum(1).cpu()

    def _maps(self, batch: Batch) -> Tensor:
        return maps_of(self.model.network_.encoder, batch).cpu()


@dataclass(frozen=True)
class HeatRecipe:
    """How a `Heat` is made: a fresh model each time, trained and read in one way.

    Args:
        model: Gives an unfitted model, by the number of a member, of which there is one.
        smooth: As in `Heat`.
        is_peak: As in `Heat`.
        features: Whether the encoder's features are read, and not what pixels lose.
    """

    model: Callable[[int], Any]
    smooth: float
    is_peak: bool
    features: bool

    def cooked(self, X: Any) -> Heat:
        """A `Heat` fitted on good images."""
        scorer = Scorer.priced([self.model(0).fit(X)], [X], "distortion" if self.is_peak else "fusion")
        return Heat(scorer, self.smooth, self.is_peak).learn(X, self.features)


def _blurs(size: tuple[int, ...], deviation: float) -> tuple[Tensor, ...]:
    """A Gaussian window along each axis as a matrix, (h, h) and (w, w); it reflects at the edges."""
    from scipy.ndimage import gaussian_filter

    return tuple(torch.from_numpy(gaussian_filter(np.eye(n), (deviation, 0))).float() for n in size)
