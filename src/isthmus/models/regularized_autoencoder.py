"""The regularized autoencoder: codes kept short and a decoder kept smooth, in place of a VAE's noise."""

from __future__ import annotations

from typing import Any

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.errors import UnknownNameError
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder
from isthmus.parts.penalties import contraction, weight_decay

PENALTIES = {"l2": 1e-3, "gradient": 1e-2}  # and what each is priced at


@variant(paper="Ghosh, Sajjadi, Vergari, Black & Schoelkopf 2020, ICLR, eqs. 5, 7 and 11")
class RegularizedAutoencoder(Estimator):
    r"""Autoencoder with short codes and a smooth decoder, whose prior is found afterwards.

        x -> encoder -> z -> decoder -> params

    .. math:: L = -\log p(x|z) + \tfrac\beta2 \lVert z \rVert^2 + \lambda R, \quad
              R = \tfrac12 \lVert W_{dec} \rVert^2 \text{ or } \lVert \partial a / \partial z \rVert_F^2

    a is the decoder's answer. Noise makes a VAE's decoder smooth; here a penalty does, and what is rebuilt stays
    sharp. No prior shapes the codes: fit one to them before drawing new rows.

    Differs from the paper in squared errors that count half, as -log p of a normal distribution does.

    Args:
        penalty: "l2", on the decoder's weights, or "gradient", on how far its answer moves with the code (estimated
            without bias where it has more than one hidden layer).
        beta: Price of a code's squared length.
        weight: lambda; "auto" is 1e-3 for "l2" and 1e-2 for "gradient".

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = RegularizedAutoencoder(latent_dim=2, epochs=10, random_state=0).fit(X)
        >>> sorted(model.history_[-1])[:2]
        ['distortion', 'epoch']
    """

    penalty: str = "l2"
    beta: float = 1e-2
    weight: float | str = "auto"

    def build(self, spec: Spec) -> nn.Module:
        """A plain autoencoder."""
        if self.penalty not in PENALTIES:
            raise UnknownNameError.among("penalty", self.penalty, PENALTIES)
        real("beta", self.beta, zero=True)
        self.weight_ = PENALTIES[self.penalty] if self.weight == "auto" else real("weight", self.weight, zero=True)
        return autoencoder(spec, self.settings_, Plain())

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + beta/2 |z|^2 + lambda R."""
        trace = network(batch)
        z = trace.code.z
        if self.penalty == "l2":
            smooth = weight_decay(network.decoder, len(z))
        else:
            smooth = contraction(network.decoder, z, batch.generator)
        length = 0.5 * self.beta * z.flatten(1).square().sum(1)
        return {"distortion": trace.distortion, "length": length, self.penalty: self.weight_ * smooth}
