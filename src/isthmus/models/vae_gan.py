"""The VAE-GAN: a critic of images whose features price what is rebuilt, and whom the decoder learns to fool."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Kind, Spec
from isthmus.estimator.defaults import real, share
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.adversarial import adaptive_weight, fooled, gate, judged
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.noise import normal
from isthmus.parts.patches import PatchCritic
from isthmus.parts.perceptual import feature_distance

GAME = "hinge"


@variant(paper="Larsen, Sonderby, Larochelle & Winther 2016, ICML, eqs. 7 and 8, algorithm 1")
class VAEGAN(Estimator):
    r"""VAE whose decoder also answers to a critic of images, in its word and in its features.

        x -> encoder -> (mean, log_var) -> z -> decoder -> params -> image -> critic -> D, features f

    .. math:: L = -\log p(x|z) + KL(q(z|x) \,\|\, N(0, I)) + g_t \big(\gamma\, d_f(x, \hat x)
              + \tfrac\lambda2 w (D(\hat x) + D(x_p))\big)

    .. math:: L_{critic} = \max(0, 1 + D(x)) + \tfrac12 \max(0, 1 - D(\hat x)) + \tfrac12 \max(0, 1 - D(x_p))

    x_p is decoded from the prior. The critic learns from the first step; the gate g opens after a share of the run, so
    that the decoder meets no critic who knows nothing yet. w makes its word pull as hard as -log p does, whatever the
    size of the images, and spectral norms keep the critic from growing steep. Images come out sharper than a VAE's, at
    some decibels of error: use it for samples to look at, and a VAE for scores.

    Differs from the paper in the pixels' -log p, which stays beside the features' (there it makes way for them), in
    the critic of patches and its hinge costs, in the encoder, which answers to the critic too, and in gate and
    weight. Scores are those of a VAE.

    Args:
        weight: lambda, how hard the critic's word pulls over how hard -log p does.
        matching: gamma, in nats for each pixel.
        start: Share of the run before the gate opens.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().images[:200].astype("uint8")
        >>> model = VAEGAN(latent_dim=4, epochs=2, random_state=0).fit(X)
        >>> model.sample(3, random_state=0).shape
        (3, 8, 8)
    """

    weight: float = 0.3
    matching: float = 0.1
    start: float = 0.3

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)
    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True
    batch_terms: ClassVar[tuple[str, ...]] = ("fool",)  # w is a mean over the batch

    def build(self, spec: Spec) -> nn.Module:
        """A VAE, and a critic of patches beside it."""
        real("weight", self.weight, zero=True)
        real("matching", self.matching, zero=True)
        share("start", self.start)
        network = autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))
        network.critic = PatchCritic(spec.shape[0])
        return network

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + KL + g_t (gamma d_f + lambda/2 w (D + D_p))."""
        trace = network(batch)
        terms = {"distortion": trace.distortion, "rate": trace.code.rate}
        if gate(batch.progress, self.start):
            critic, params = network.critic, trace.params
            ours, theirs = critic.features(batch.x), critic.features(network.mean(params))
            matched = feature_distance(ours, theirs, batch.x.shape[2:]).flatten(1).sum(1)

            def fooling(answer: Tensor) -> Tensor:
                return fooled(critic(network.mean(answer)), GAME)

            w = adaptive_weight(params, lambda a: network.likelihood.distortion(batch.x, a), fooling)
            both = fooling(params) + fooling(self.dreamt(network, trace.code.z, batch))
            terms |= {"features": self.matching * matched, "fool": 0.5 * self.weight * w * both}
        return terms

    def judge(self, network: Any, batch: Batch) -> Terms:
        """L_critic = max(0, 1 + D) + half of max(0, 1 - D) for what is rebuilt and for what is drawn."""
        with torch.no_grad():
            trace = network(batch)
            made = [network.mean(a) for a in (trace.params, self.dreamt(network, trace.code.z, batch))]
        real = network.critic(batch.x)
        costs = [judged(real, network.critic(image), GAME) for image in made]
        return {"judge": 0.5 * (costs[0] + costs[1])}

    def dreamt(self, network: Any, z: Tensor, batch: Batch) -> Tensor:
        """The decoder's answer to as many draws from the prior, (B, ...)."""
        return network.decode(normal(z, batch.generator))  # type: ignore[no-any-return]

    def stages(self, network: Any) -> list[Stage]:
        """The autoencoder and the critic, in turn at every batch."""
        own = [network.encoder, network.decoder, network.likelihood]
        critic = Player("critic", [network.critic], self.judge, after_step=lambda *_: network.critic.refine())
        return [Stage([Player("autoencoder", own, self.objective), critic])]

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
