"""The ordered autoencoder: units sorted by what they are worth, so that a code can be cut short."""

from __future__ import annotations

from typing import Any

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.ordered import Ordered
from isthmus.parts.compose import autoencoder


@variant(paper="Rippel, Gelbart & Adams 2014, ICML, section 3.1")
class OrderedAutoencoder(Estimator):
    r"""Autoencoder whose first k units are the best k (nested dropout).

        x -> encoder -> z -> the first b units, b at random -> decoder -> params

    .. math:: L = E_{b \sim U\{1, \dots, Z\}}[-\log p(x | z_1, \dots, z_b)]

    A unit counts only where all units before it do, so each learns what those before it leave open. With linear
    activations, squared errors and no hidden layers the units are the principal components in their order. Use it
    where the length of the code is to be chosen later: `reconstruct(X, keep=k)` rebuilds from the first k units.

    Differs from the paper in b, which is uniform there geometric, and in training all units at once.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = OrderedAutoencoder(latent_dim=4, random_state=0).fit(X)
        >>> errors = [((model.reconstruct(X, keep=k) - X) ** 2).mean() for k in (1, 2, 4)]
        >>> errors == sorted(errors, reverse=True)
        True
    """

    def build(self, spec: Spec) -> nn.Module:
        """Encoder, nested dropout, decoder."""
        return autoencoder(spec, self.settings_, Ordered())

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z_1, ..., z_b)."""
        return {"distortion": network(batch).distortion}
