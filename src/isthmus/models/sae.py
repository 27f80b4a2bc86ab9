"""The sparse dictionary: rows as sums of few of many directions, each of which may mean something."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Kind, Spec
from isthmus.errors import ParameterError
from isthmus.estimator.defaults import real, whole
from isthmus.estimator.exchange import Exchanges
from isthmus.estimator.face import Estimator
from isthmus.estimator.inspected import Inspected
from isthmus.estimator.registry import variant
from isthmus.estimator.sparse_codes import checked_levels, sparsity_of
from isthmus.estimator.sparse_verbs import Decomposes
from isthmus.parts.dictionary.choose import ACTIVATIONS, dictionary
from isthmus.parts.dictionary.plan import Plan
from isthmus.parts.dictionary.upkeep import keep, project
from isthmus.parts.schedules import warmup

WARMUP = 0.05  # share of the run over which the price of sparsity rises


@variant(paper="Gao et al. 2024, arXiv:2406.04093, eq. 1 (topk); each other activation names its own")
class SAE(Decomposes, Exchanges, Inspected, Estimator):
    r"""Sparse dictionary: each row a sum of few of many directions.

        x - b -> encoder -> p -> few of them on -> v -> sum of v_j d_j + b

    .. math:: L = -\log p(x|z) + \lambda S + \alpha A + G

    S is what the latents that are on cost ("relu", "jumprelu", "gated"), A half the squared error that latents which
    are never on leave of what the others left over, G what gates pay for an opinion of their own ("gated").

    Use it to take apart what a network has in its activations, or rows of numbers, into directions that may mean
    something. All columns share one scale, so that directions keep their angles. No dense code is ever written down:
    a step costs the product with the encoder, and a little for each latent that is on. With precision="bfloat16"
    training looks for latents by a product in bfloat16, which is quicker where the processor has units for it and
    slower where it has none; how strong they are, all gradients, codes and scores are of float32 as ever.

    Args:
        n_latents: n; "auto" is eight for each column.
        activation: What is on: "topk" (the k largest of a row), "batch-topk" (k a row on average, the largest of a
            batch; later all above a threshold), "matryoshka" (the same in nested levels, so that a latent for what is
            common is not taken apart), "relu", "jumprelu" (above a threshold that is learnt), "gated".
        k: Latents that are on in a row ("topk", "batch-topk", "matryoshka").
        l0: The same for every activation; those that pay have their price moved until so many are on on average. With
            neither it is a sixteenth of the latents, at most 32.
        weight: lambda, in nats per unit of S, in place of l0.
        tied: Whether the encoder looks for the decoder's own directions.
        revival: alpha.
        levels: Shares of the latents at the end of each level, rising to 1 ("matryoshka").

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data
        >>> model = SAE(n_latents=128, k=8, epochs=5, random_state=0).fit(X)
        >>> Z = model.transform(X)
        >>> Z.format, Z.shape, int((Z != 0).sum(axis=1).max()), model.components_.shape
        ('csr', (1797, 128), 8, (128, 64))
    """

    n_latents: int | str = "auto"
    activation: str = "topk"
    k: int | None = None
    l0: float | None = None
    weight: float | None = None
    tied: bool = False
    revival: float = 0.03125
    levels: tuple[float, ...] = (0.03125, 0.0625, 0.125, 0.25, 1.0)

    latent_dim: ClassVar[str] = "auto"  # type: ignore[misc]  # its own field is n_latents
    hidden_dims: ClassVar[tuple[int, ...]] = ()  # type: ignore[misc]
    architecture: ClassVar[str] = "mlp"  # type: ignore[misc]
    likelihood: ClassVar[str] = "gaussian"  # type: ignore[misc]
    kinds: ClassVar[tuple[Kind, ...]] = ("table",)
    backbones: ClassVar[tuple[str, ...]] = ("mlp",)
    activations: ClassVar[tuple[str, ...]] = ACTIVATIONS
    table_scaling: ClassVar[str] = "length"
    numbers_only: ClassVar[bool] = True
    has_sparse_code: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """The dictionary of the activation."""
        latents = self.settings_.latent_dim
        self.l0_ = sparsity_of(self, latents)
        real("revival", self.revival, zero=True)
        answers = self.answers_.n_features if hasattr(self, "answers_") else None
        if self.tied and answers is not None:
            came, allowed = "tied=True with y", "the encoder looks for directions of X, the decoder adds up those of y"
            raise ParameterError(came, allowed, "use tied=False")
        plan = Plan(spec.n_features, latents, self.l0_, answers, self.tied, self.settings_.precision)
        return dictionary(self.activation, plan, self.weight, checked_levels(self.levels))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + lambda S + alpha A + G."""
        passage = network(batch)
        price = network.tariff() * warmup(batch.progress, WARMUP)
        prices = {"distortion": 1.0, "sparsity": price, "revival": self.revival, "gate": 1.0}
        paid = {name: getattr(passage, name) for name in prices}
        return {name: prices[name] * term for name, term in paid.items() if term is not None}

    def stages(self, network: nn.Module) -> list[Stage]:
        """One player, whose directions keep their length."""
        return [Stage([Player("autoencoder", [network], self.objective, project, keep)])]

    def usual(self, spec: Spec) -> dict[str, Any]:
        """Eight latents for each column; larger batches than others have, and smaller steps the wider it is."""
        latents = min(8 * spec.width, 16384) if self.n_latents == "auto" else whole("n_latents", self.n_latents)
        return {"latent_dim": latents, "batches": (32, 1024), "learning_rate": min(0.02, 2.5 / latents)}

    def may_be_wide(self) -> bool:
        """The latents that are on limit what crosses."""
        return True
