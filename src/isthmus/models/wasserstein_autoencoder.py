"""The Wasserstein autoencoder: all codes together are charged for their distance from the prior."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Spec
from isthmus.errors import UnknownNameError
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.adversarial import fooled, judged
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder, with_critic
from isthmus.parts.divergences import mmd
from isthmus.parts.noise import normal

DIVERGENCES = {"mmd": 10.0, "gan": 0.1}  # and what each is priced at


@variant(paper="Tolstikhin, Bousquet, Gelly & Schoelkopf 2018, ICLR, algorithms 1 and 2")
class WassersteinAutoencoder(Estimator):
    r"""Autoencoder whose codes, all together, are priced at a divergence from N(0, I).

        x -> encoder -> z -> decoder -> params

    .. math:: L = -\log p(x|z) + \lambda\, MMD(z, z'), \quad \text{or} \quad
              L = -\log p(x|z) + \lambda D(z), \quad z' \sim N(0, I)

    .. math:: L_{critic} = \ln(1 + e^{D(z')}) + \ln(1 + e^{-D(z)})

    A VAE pulls each row's posterior to the prior, this the mean of all; so codes of different rows need not overlap,
    and what is rebuilt stays sharp. MMD needs no second network and trains quietly; a critic finds finer differences.
    Use it to draw new rows.

    Differs from the paper in squared errors that count half, as -log p of a normal distribution does, so a weight of
    the paper's counts half here; in an encoder that is never random; and for "gan" in the encoder's cost, which is the
    critic's estimate of KL(q(z) || p(z)), where the paper takes the log of its doubt.

    Args:
        divergence: "mmd", a statistic of the batch, or "gan".
        weight: lambda; "auto" is 10 for "mmd" and 0.1 for "gan".

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = WassersteinAutoencoder(latent_dim=2, epochs=10, random_state=0).fit(X)
        >>> model.sample(3, random_state=0).shape
        (3, 4)
    """

    divergence: str = "mmd"
    weight: float | str = "auto"

    has_prior: ClassVar[bool] = True
    batch_terms: ClassVar[tuple[str, ...]] = ("mmd",)

    def build(self, spec: Spec) -> nn.Module:
        """A plain autoencoder, and for "gan" a critic of its codes."""
        if self.divergence not in DIVERGENCES:
            raise UnknownNameError.among("divergence", self.divergence, DIVERGENCES)
        usual = DIVERGENCES[self.divergence]
        self.weight_ = usual if self.weight == "auto" else real("weight", self.weight, zero=True)
        network = autoencoder(spec, self.settings_, Plain())
        return with_critic(network, self.settings_.latent_dim) if self.divergence == "gan" else network

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + lambda MMD(z, z'), or lambda D(z) in place of the latter."""
        trace = network(batch)
        z = trace.code.z.flatten(1)
        if self.divergence == "gan":
            return {"distortion": trace.distortion, "fool": self.weight_ * fooled(network.critic(z), "ratio")}
        return {"distortion": trace.distortion, "mmd": self.weight_ * mmd(z, normal(z, batch.generator))}

    def judge(self, network: Any, batch: Batch) -> Terms:
        """L_critic = ln(1 + exp D(z')) + ln(1 + exp -D(z))."""
        z = network.encode(batch).z.flatten(1)
        return {"judge": judged(network.critic(normal(z, batch.generator)), network.critic(z))}

    def stages(self, network: Any) -> list[Stage]:
        """One player, or with a critic two."""
        own = [network.encoder, network.decoder, network.likelihood]
        players = [Player("autoencoder", own, self.objective)]
        if self.divergence == "gan":
            players.append(Player("critic", [network.critic], self.judge))
        return [Stage(players)]
