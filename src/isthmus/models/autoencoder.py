"""The plain autoencoder: only the width of the code limits what crosses."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder


@variant(paper="Rumelhart, Hinton & Williams 1986, Nature 323, pp. 533-536")
class Autoencoder(Estimator):
    """Autoencoder whose code is narrower than its data, and free.

        x -> encoder -> z -> decoder -> params,        L = -log p(x | z)

    With linear activations, squared errors and no hidden layers the code spans the principal subspace. Use it for a
    quick look, as the detector's workhorse, or as the baseline of every other member; not to draw new rows from,
    since nothing shapes its codes.

    Args:
        allow_overcomplete: Accept a code as wide as the data, which can copy it; to see copying happen.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = Autoencoder(latent_dim=2, random_state=0).fit(X)
        >>> model.transform(X).shape, model.reconstruct(X).shape
        ((150, 2), (150, 4))
    """

    allow_overcomplete: bool = False

    trains_together: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder, plain bottleneck, decoder."""
        return autoencoder(spec, self.settings_, Plain())

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z)."""
        return {"distortion": network(batch).distortion}

    def may_be_wide(self) -> bool:
        """Only when copying was asked for."""
        return self.allow_overcomplete
