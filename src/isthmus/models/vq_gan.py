"""The VQ-GAN: images as symbols, priced by features that they taught, and a critic of patches who is heard later."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Kind, Spec
from isthmus.estimator.defaults import real, share, tokenized, whole
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.adversarial import adaptive_weight, fooled, gate, judged
from isthmus.parts.bottlenecks.alphabets import spelled, token_dim
from isthmus.parts.bottlenecks.discrete import follow
from isthmus.parts.compose import autoencoder
from isthmus.parts.patches import PatchCritic

GAME = "hinge"


@variant(paper="Esser, Rombach & Ommer 2021, arXiv:2012.09841, eqs. 4 to 7")
class VQGAN(Estimator):
    r"""VQ-VAE of images priced by learnt features, whose decoder also learns to fool a critic of patches.

        x -> encoder -> tokens t (N, d) -> code e_k nearest to each -> z -> decoder -> image -> critic -> D

    .. math:: L = L_{rec}(x, \hat x) + \beta \textstyle\sum_n \lVert t_n - sg(e_{k_n}) \rVert^2
              + \eta \, (\text{confidence} + \text{diversity}) + g_t \, \lambda \, w \, D(\hat x), \quad
              w = \min\Big(\frac{\lVert \partial L_{rec} / \partial \hat x \rVert}
              {\lVert \partial D / \partial \hat x \rVert + 10^{-4}}, 10^4\Big)

    .. math:: L_{critic} = \max(0, 1 + D(x)) + \max(0, 1 - D(\hat x))

    The rebuilding costs half the squared error and what a network of features sees; that network learns from the
    images first and is frozen then. The critic learns from the first step, and the gate g opens after a share of the
    run: until then the model is, bit for bit, a `VQVAE` with the same price. Spectral norms keep the critic from
    growing steep. Use it where images shall become few symbols and still look sharp; draw new ones after
    `fit_prior(X, "autoregressive")`.

    Differs from the paper in the features, which learn from these images and nobody's labels, in the squared error
    where it has the absolute one, in w, which is measured at the decoder's answer and not at its last layer, and in a
    critic that never waits. The price is no density, so scores compare rows of one model alone.

    Args:
        quantizer: "fsq", "vq", "residual" or "lfq", as in `VQVAE`.
        codes: K.
        depth: Symbols of a token ("residual").
        commitment: beta, nats per squared unit of distance.
        entropy: eta, nats per nat of entropy ("lfq").
        weight: lambda, how hard the critic's word pulls over how hard the rebuilding does.
        start: Share of the run before the gate opens.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().images[:100].astype("uint8")
        >>> model = VQGAN(codes=64, epochs=1, random_state=0).fit(X)
        >>> T = model.tokens(X)
        >>> T.shape, bool((model.from_tokens(T) == model.reconstruct(X)).all())
        ((100, 12), True)
    """

    quantizer: str = "fsq"
    codes: int = 512
    depth: int = 4
    commitment: float = 0.25
    entropy: float = 0.1
    weight: float = 0.3
    start: float = 0.3

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)
    has_symbols: ClassVar[bool] = True
    batch_terms: ClassVar[tuple[str, ...]] = ("diversity", "fool")  # w is a mean over the batch

    def build(self, spec: Spec) -> nn.Module:
        """Encoder, tokens, quantizer, decoder, and a critic of patches beside them."""
        for name in ("commitment", "entropy", "weight"):
            real(name, getattr(self, name), zero=True)
        share("start", self.start)
        bottleneck = spelled(spec, self.settings_, self.quantizer, self.codes, whole("depth", self.depth))
        network = autoencoder(spec, self.settings_, bottleneck)
        network.critic = PatchCritic(spec.shape[0])
        return network

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = L_rec + beta commitment + eta (confidence + diversity) + g_t lambda w D."""
        trace = network(batch)
        prices = {"commitment": self.commitment, "confidence": self.entropy, "diversity": self.entropy}
        terms = {"distortion": trace.distortion}
        terms |= {name: prices[name] * term for name, term in trace.code.terms.items()}
        if gate(batch.progress, self.start):

            def fooling(answer: Tensor) -> Tensor:
                return fooled(network.critic(network.mean(answer)), GAME)

            w = adaptive_weight(trace.params, lambda a: network.likelihood.distortion(batch.x, a), fooling)
            terms["fool"] = self.weight * w * fooling(trace.params)
        return terms

    def judge(self, network: Any, batch: Batch) -> Terms:
        """L_critic = max(0, 1 + D(x)) + max(0, 1 - D of what is rebuilt)."""
        with torch.no_grad():
            made = network.mean(network(batch).params)
        return {"judge": judged(network.critic(batch.x), network.critic(made), GAME)}

    def stages(self, network: Any) -> list[Stage]:
        """The autoencoder, whose steps the codes follow, and the critic, in turn at every batch."""
        own = [network.encoder, network.bottleneck, network.decoder, network.likelihood]
        autoencoder = Player("autoencoder", own, self.objective, after_step=follow)
        critic = Player("critic", [network.critic], self.judge, after_step=lambda *_: network.critic.refine())
        return [Stage([autoencoder, critic])]

    def usual(self, spec: Spec) -> dict[str, Any]:
        """A price by learnt features; a token at each place, else as many as a plain code has numbers."""
        dim = token_dim(self.quantizer, whole("codes", self.codes, least=2))
        return {"likelihood": "perceptual", **tokenized(self, spec, dim)}

    def may_be_wide(self) -> bool:
        """The alphabet limits what crosses."""
        return True
