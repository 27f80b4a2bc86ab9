"""The adversarial autoencoder: a critic of codes makes all codes together look like draws from the prior."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn
from torch.nn.functional import cross_entropy

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import narrow, real
from isthmus.estimator.face import Estimator
from isthmus.estimator.labelled import Labelled
from isthmus.estimator.registry import variant
from isthmus.parts.adversarial import fooled, judged
from isthmus.parts.bottlenecks.classed import Classed
from isthmus.parts.compose import autoencoder, with_critic
from isthmus.parts.noise import normal


@variant(paper="Makhzani, Shlens, Jaitly, Goodfellow & Frey 2016, arXiv:1511.05644, sections 2 and 5")
class AdversarialAutoencoder(Labelled, Estimator):
    r"""Autoencoder whose codes, all together, a critic cannot tell from draws of N(0, I).

        x -> encoder -> z -> decoder -> params,        z or draws from the prior -> critic -> D

    .. math:: L = -\log p(x|z) + \lambda D(z) + \frac{\alpha}{s} [y \text{ known}] (-\log p(y|x)), \quad
              D(z) \approx \ln \frac{q(z)}{p(z)}

    .. math:: L_{critic} = \ln(1 + e^{D(z')}) + \ln(1 + e^{-D(z)}), \quad z' \sim p(z)

    Each row's code stays sharp, unlike a VAE's. Given labels, some of them unknown (-1, None or NaN), the first K
    numbers of the code are the probabilities of the classes, whose prior is one class at random, and the rest is
    style; `predict` reads them. So unlabelled rows teach what a class looks like. s is the share of the rows with a
    label, so that few labels weigh as much in all as many. Use it to draw new rows, or where few rows have labels.

    Differs from the paper in the encoder's cost, which is the critic's estimate of KL(q(z) || p(z)) in nats, where the
    paper takes the log of its doubt: codes come nearer to the prior for it. And in one critic for classes and style
    together, and costs that are paid in one step, where the paper takes three in turn.

    Args:
        weight: lambda, the price of a nat of KL(q(z) || p(z)).
        label_weight: alpha, the price of a nat that known labels are missed by on average.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X, y = load_wine(return_X_y=True)
        >>> y[10:] = -1
        >>> model = AdversarialAutoencoder(latent_dim=5, epochs=5, random_state=0).fit(X, y)
        >>> model.classes_, model.predict(X).shape, model.sample(2, random_state=0).shape
        (array([0]), (178,), (2, 13))
    """

    weight: float = 0.1
    label_weight: float = 10.0

    has_prior: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder, plain or classed bottleneck, decoder; a critic of codes beside them."""
        real("weight", self.weight, zero=True)
        real("label_weight", self.label_weight, zero=True)
        return with_critic(autoencoder(spec, self.settings_, self.bottleneck()), self.settings_.latent_dim)

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + lambda D(z), and alpha / s times -log p(y | x) where y is known."""
        trace = network(batch)
        fool = self.weight * fooled(network.critic(trace.code.z.flatten(1)), "ratio")
        terms = {"distortion": trace.distortion, "fool": fool}
        if isinstance(network.bottleneck, Classed) and batch.condition is not None:
            logits, known = network.bottleneck.logits(trace.features), batch.condition >= 0
            missed = cross_entropy(logits, batch.condition.clamp_min(0), reduction="none")
            terms["label"] = self.label_weight / self.label_share_ * known * missed
        return terms

    def judge(self, network: Any, batch: Batch) -> Terms:
        """L_critic = ln(1 + exp D(z')) + ln(1 + exp -D(z))."""
        z = network.encode(batch).z
        drawn = network.bottleneck.from_normal(normal(z, batch.generator))
        return {"judge": judged(network.critic(drawn.flatten(1)), network.critic(z.flatten(1)))}

    def stages(self, network: Any) -> list[Stage]:
        """The autoencoder and the critic, in turn at every batch."""
        own = [network.encoder, network.decoder, network.likelihood]
        return [Stage([Player("autoencoder", own, self.objective), Player("critic", [network.critic], self.judge)])]

    def usual(self, spec: Spec) -> dict[str, Any]:
        """A code with room for the classes beside the usual one."""
        return {"latent_dim": narrow(spec) + self.n_classes} if self.n_classes else {}

    def may_be_wide(self) -> bool:
        """Probabilities of classes copy nothing."""
        return self.n_classes > 0
