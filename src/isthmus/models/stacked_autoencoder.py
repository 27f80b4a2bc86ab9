"""The stacked autoencoder: layers trained one by one from the data upwards, then all together."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage, nothing
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.backbones.mlp import MLP
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder
from isthmus.parts.layerwise import Pair

PRETRAINING = 0.5  # share of the epochs that the pairs have together
HIDDEN = 0.25  # share of the layer below that "denoising" hides


@variant(paper="Bengio et al. 2007, NeurIPS, section 2.3; rbm: Hinton & Salakhutdinov 2006, Science 313, pp. 504-507")
class StackedAutoencoder(Estimator):
    r"""Deep autoencoder that is trained pair by pair first (greedy layer-wise pre-training).

        x -> W1 -> h1 -> W2 -> h2 -> W3 -> z -> V3 -> V2 -> V1 -> params

    Stage i trains the pair (W_i, V_i) alone to rebuild what the layer below answers; the last stage trains them all:

    .. math:: L_1 = -\log p(x | V_1 W_1 x), \quad L_i = -\log N(h_{i-1}; V_i W_i h_{i-1}, I), \quad L = -\log p(x|z)

    A pair costs a fraction of the whole, and starts its layer where the data is; deep stacks of few epochs rebuild
    better for it, but their codes do not form better clusters or need fewer labels. The encoder and decoder are dense:
    images are flattened.

    Args:
        pretrain: "autoencoder"; "denoising", whose pairs are shown the layer below with a quarter hidden; "rbm", whose
            pairs are restricted Boltzmann machines, trained by one step of contrastive divergence (it needs
            activation="sigmoid" and data under a normal or Bernoulli likelihood); or None to train all at once.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = StackedAutoencoder(hidden_dims=(16, 8), latent_dim=3, epochs=12, random_state=0).fit(X)
        >>> [line["stage"] for line in model.history_]
        [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    """

    pretrain: str | None = "autoencoder"

    backbones: ClassVar[tuple[str, ...]] = ("mlp",)

    def build(self, spec: Spec) -> nn.Module:
        """A plain autoencoder of dense layers."""
        settings = self.settings_
        if self.pretrain not in (*PRETRAININGS, None):
            raise UnknownNameError.among("pretrain", self.pretrain, PRETRAININGS)
        fits = settings.activation == "sigmoid" and settings.likelihood.startswith(("gaussian", "bernoulli"))
        if self.pretrain == "rbm" and not (fits and spec.is_plain):
            came = f"pretrain='rbm' with activation={settings.activation!r} under likelihood={settings.likelihood!r}"
            allowed = "a machine's units are on with probability sigmoid(Wx + b), and it sees numbers or shares of 1"
            raise ParameterError(came, allowed, "use activation='sigmoid' and likelihood='gaussian', on complete rows")
        if settings.architecture != MLP(dropout=settings.architecture.dropout):
            came, allowed = f"architecture={settings.architecture!r}", "a pair is two layers with nothing between them"
            raise ParameterError(came, allowed, "use architecture=MLP() without normalization and skip connections")
        return autoencoder(spec, settings, Plain())

    def stages(self, network: Any) -> list[Stage]:
        """The pairs one after the other, then all layers together."""
        pairs = [Pair(network, i) for i in range(len(network.encoder.linears))] if self.pretrain else []
        whole = Stage([Player("autoencoder", [network], self.objective)], 1 - PRETRAINING if pairs else 1.0)
        return [*(Stage([self.player(pair)], PRETRAINING / len(pairs)) for pair in pairs), whole]

    def player(self, pair: Pair) -> Player:
        """One pair, learning as `pretrain` says."""
        objective = partial(PRETRAININGS[str(self.pretrain)], self, pair)
        mirror = pair.mirror if self.pretrain == "rbm" else nothing
        return Player(f"pair {pair.depth + 1}", [pair.up, pair.down], objective, after_step=mirror)

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z)."""
        return {"distortion": network(batch).distortion}

    def rebuild(self, pair: Pair, network: Any, batch: Batch) -> Terms:
        """L_i = -log p(layer below | pair of it)."""
        h = pair.below(batch.x)
        return {"distortion": pair.distortion(batch, h, seen=h)}

    def rebuild_hidden(self, pair: Pair, network: Any, batch: Batch) -> Terms:
        """L_i = -log p(layer below | pair of what is shown of it)."""
        h = pair.below(batch.x)
        return {"distortion": pair.distortion(batch, h, seen=pair.weaken(h, HIDDEN, batch.generator))}

    def contrast(self, pair: Pair, network: Any, batch: Batch) -> Terms:
        """L_i = F(layer below) - F(where one step of the machine takes it)."""
        real = pair.depth == 0 and self.settings_.likelihood != "bernoulli"
        return {"contrast": pair.contrast(batch, pair.below(batch.x), real)}

    def usual(self, spec: Spec) -> dict[str, Any]:
        """Dense layers for images too."""
        return {"architecture": MLP()}


PRETRAININGS = {
    "autoencoder": StackedAutoencoder.rebuild,
    "denoising": StackedAutoencoder.rebuild_hidden,
    "rbm": StackedAutoencoder.contrast,
}
