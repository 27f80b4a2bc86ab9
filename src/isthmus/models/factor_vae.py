"""The factor VAE: a VAE that pays for the correlation of its units, as a critic sees it."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.correlations import mingled
from isthmus.parts.critics import Critic


@variant(paper="Kim & Mnih 2018, arXiv:1802.05983, eq. 2 and 3")
class FactorVAE(Estimator):
    r"""VAE that pays gamma times the total correlation of its code, estimated by a critic.

        x -> encoder -> (mean, log_var) -> z -> decoder -> params
                                           z -> critic -> log q(z) / prod_j q(z_j)

    .. math:: L = -\log p(x|z) + KL(q(z|x) \,\|\, N(0, I)) + \gamma D(z), \quad
              D \text{ minimises } \ln(1 + e^{-D(z)}) + \ln(1 + e^{D(z')})

    z' are codes whose units are taken from different rows, so that D learns the log ratio of q(z) and the product of
    its marginals; the mean of D is their divergence. A beta-VAE pays for all that crosses; this one only for what its
    units say together, so that rows are rebuilt better at the same independence. Scores are those of a VAE.

    Differs from the paper in the critic, which has two hidden layers of 64 units where theirs has six of 1000, and in
    z', which is made of the same batch, not of a second one.

    Args:
        gamma: Price of a nat of total correlation, >= 0; the paper has 6 to 40 for small images.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = FactorVAE(gamma=5.0, latent_dim=3, epochs=10, random_state=0).fit(X)
        >>> [name for name in model.history_[-1] if "critic" in name]
        ['critic/loss', 'critic/cost']
    """

    gamma: float = 10.0

    batch_terms: ClassVar[tuple[str, ...]] = ("cost",)  # the critic's: each row is shown beside units of others
    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and log-variances, Gaussian bottleneck, decoder; and the critic of codes beside them."""
        real("gamma", self.gamma, zero=True)
        network = autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))
        network.critic = Critic(Spec("table", (self.settings_.latent_dim,)), "gaussian")
        return network

    def stages(self, network: Any) -> list[Stage]:
        """The model, then the critic, in each batch."""
        own = [network.encoder, network.bottleneck, network.decoder, network.likelihood]
        players = [Player("autoencoder", own, self.objective), Player("critic", [network.critic], self.judge)]
        return [Stage(players)]

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + KL(q || p) + gamma D(z)."""
        trace = network(batch)
        correlation = network.critic(trace.code.z)
        return {"distortion": trace.distortion, "rate": trace.code.rate, "correlation": self.gamma * correlation}

    def judge(self, network: Any, batch: Batch) -> Terms:
        """L = ln(1 + exp(-D(z))) + ln(1 + exp(D(z')))."""
        with torch.no_grad():
            z = network.encode(batch).z
            apart = mingled(z, batch.generator)
        return {"cost": network.critic.cost(apart, z)}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
