"""The hierarchical variational autoencoder: a code in levels, each drawn given those above it."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.ladder import ladder, parsed


@variant(paper="Sønderby et al. 2016, arXiv:1602.02282, eq. 3; Child 2021, arXiv:2011.10650, section 3")
class HierarchicalVAE(Estimator):
    r"""VAE whose code has levels: what the rough ones expect of the fine ones need not be sent.

        x -> encoder, layer by layer;    z_1 -> decoder's layer -> z_2 -> next layer -> z_3 -> ... -> params

    .. math:: L = -\log p(x|z) + \textstyle\sum_l \max\big(\lambda, KL(q(z_l|z_{<l}, x) \,\|\, p(z_l|z_{<l}))\big),
              \quad p(z_1) = N(0, I)

    The top code is as long as `latent_dim`; each level below stands beside a hidden layer of the decoder, which
    predicts it, and of an image it keeps the places. `transform` gives the means of all levels, the top first, and
    `level_shapes_` takes them apart; the history has the rate of each.

    The level nearest the data is the first that pays, and those above may stay silent. Free bits let each level say
    lambda nats of every row for nothing, so the upper ones come into use. Scores are of the plain rates.

    Differs from the papers in the top prior, which is N(0, I), so that one level is the plain VAE; from the second in
    shallower blocks; and in free bits (Kingma et al. 2016, arXiv:1606.04934, eq. 16), which count in each row.

    Args:
        levels: How many, the top included; or the length of each code, the top first: "16 8x2 4" is 16 at the top, two
            codes of 8 beside the deepest hidden layer and one of 4 beside the next (of images: at each place).
        free_bits: lambda, nats of each level below which nothing is saved.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = HierarchicalVAE(levels=2, latent_dim=2, epochs=10, random_state=0).fit(X)
        >>> model.transform(X).shape, model.level_shapes_, model.sample(3, random_state=0).shape
        ((178, 4), ((2,), (2,)), (3, 13))
    """

    levels: int | str = 3
    free_bits: float = 0.0

    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder and decoder of the backbone, rungs beside the decoder's hidden layers."""
        real("free_bits", self.free_bits, zero=True)
        network = ladder(spec, self.settings_, self.levels)
        self.level_shapes_ = network.decoder.shapes
        return network

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + sum of max(lambda, KL(q_l || p_l))."""
        trace = network(batch)
        rates = {name: rate.clamp_min(self.free_bits) for name, rate in trace.code.terms.items()}
        return {"distortion": trace.distortion, **rates}

    def usual(self, spec: Spec) -> dict[str, Any]:
        """A top code as long as `levels` says."""
        return {"latent_dim": parsed(self.levels)[0][0]} if isinstance(self.levels, str) else {}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
