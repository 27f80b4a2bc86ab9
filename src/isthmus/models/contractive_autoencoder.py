"""The contractive autoencoder: a code that pays for every move."""

from __future__ import annotations

from typing import Any

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder
from isthmus.parts.penalties import contraction


@variant(paper="Rifai, Vincent, Muller, Glorot & Bengio 2011, ICML, eq. 2")
class ContractiveAutoencoder(Estimator):
    r"""Autoencoder whose code is charged for moving when the row does.

        x -> encoder -> z -> decoder -> params

    .. math:: L = -\log p(x|z) + \lambda \lVert \partial z / \partial x \rVert_F^2

    Rebuilding asks the code to tell rows apart, the penalty asks it to stand still: what is left are the directions in
    which rows differ, so the code may be as wide as the data. Use it for codes that small changes move less than those
    of a plain member, about as little as a code of principal components. The norm is exact for encoders with at most
    one hidden layer, and estimated without bias for deeper ones.

    Differs from the paper in the code, which is linear there a sigmoid, and in the decoder's weights, which are its
    own: it could answer a small code with large weights, so compare norms in units of the code's spread.

    Args:
        weight: lambda, in nats.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = ContractiveAutoencoder(latent_dim=4, hidden_dims=(16,), random_state=0).fit(X)
        >>> sorted(model.history_[-1])[:2]
        ['contraction', 'distortion']
    """

    weight: float = 0.03

    def build(self, spec: Spec) -> nn.Module:
        """A plain autoencoder."""
        real("weight", self.weight, zero=True)
        return autoencoder(spec, self.settings_, Plain())

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + lambda |dz/dx|^2."""
        trace = network(batch)
        moved = contraction(network.encoder, trace.view, batch.generator)
        return {"distortion": trace.distortion, "contraction": self.weight * moved}

    def may_be_wide(self) -> bool:
        """The penalty limits what crosses."""
        return True
