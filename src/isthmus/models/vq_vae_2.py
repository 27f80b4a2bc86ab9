"""The VQ-VAE-2: few coarse symbols for the whole of an image, many fine ones for what they leave out."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Kind, Spec
from isthmus.estimator.defaults import real, whole
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.alphabets import quantizer, token_dim
from isthmus.parts.bottlenecks.discrete import follow
from isthmus.parts.compose import levels_down, widths_of
from isthmus.parts.two_levels import places_of, two_levels


@variant(paper="Razavi, van den Oord & Vinyals 2019, arXiv:1906.00446, section 3.1")
class VQVAE2(Estimator):
    r"""VQ-VAE with two levels of tokens, the coarse one at half the places along each axis.

        x -> encoder -> h_f -> halve -> coarse tokens -> z_c
                  (h_f, z_c) -> fine tokens -> z_f;    (z_c, z_f) -> decoder -> params

    .. math:: L = -\log p(x|z) + \beta \textstyle\sum_n \lVert t_n - sg(e_{k_n}) \rVert^2
              + \eta \, (\text{confidence} + \text{diversity}), \quad R = (N_c + N_f) \log K

    The fine tokens are told what the coarse ones say, so they need not say it again. Use it for images large enough to
    have both a whole and details; a prior of the coarse symbols is then a small one. `tokens` gives the coarse symbols
    first, and `network_.bottleneck.levels(T)` takes them apart. A code has the length that its places give it.

    Args:
        quantizer: "fsq", "vq", "residual" or "lfq", as in `VQVAE`; each level has an alphabet of its own.
        codes: K of each.
        depth: Symbols of a token ("residual").
        commitment: beta, nats per squared unit of distance.
        entropy: eta, nats per nat of entropy ("lfq").

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().images[:100].astype("uint8")
        >>> model = VQVAE2(codes=64, epochs=1, random_state=0).fit(X)
        >>> T = model.tokens(X)
        >>> T.shape, model.from_tokens(T).shape  # 2 x 2 coarse and 4 x 4 fine
        ((100, 20), (100, 8, 8))
    """

    quantizer: str = "fsq"
    codes: int = 512
    depth: int = 4
    commitment: float = 0.25
    entropy: float = 0.1

    kinds: ClassVar[tuple[Kind, ...]] = ("image", "series", "volume")
    backbones: ClassVar[tuple[str, ...]] = ("conv", "residual")
    has_symbols: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True
    batch_terms: ClassVar[tuple[str, ...]] = ("diversity",)

    def build(self, spec: Spec) -> nn.Module:
        """Two encoders, two alphabets, one decoder."""
        real("commitment", self.commitment, zero=True)
        real("entropy", self.entropy, zero=True)
        dim, depth = token_dim(self.quantizer, self.codes), whole("depth", self.depth)
        return two_levels(spec, self.settings_, dim, lambda: quantizer(self.quantizer, self.codes, dim, depth))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + beta commitment + eta (confidence + diversity), over the tokens of both levels."""
        trace = network(batch)
        prices = {"commitment": self.commitment, "confidence": self.entropy, "diversity": self.entropy}
        asked = {name: prices[name] * term for name, term in trace.code.terms.items()}
        return {"distortion": trace.distortion, **asked}

    def stages(self, network: nn.Module) -> list[Stage]:
        """One player, whose steps the codes follow."""
        return [Stage([Player("autoencoder", [network], self.objective, after_step=follow)])]

    def usual(self, spec: Spec) -> dict[str, Any]:
        """Levels down to some 8 places along an axis for the fine tokens, and a code as long as the places make it."""
        dim = token_dim(self.quantizer, whole("codes", self.codes, least=2))
        asked = self.hidden_dims
        widths = widths_of(levels_down(spec)) if isinstance(asked, str) or not hasattr(asked, "__len__") else asked
        places = sum(math.prod(size) for size in places_of(spec, len(widths)))
        return {"architecture": "conv", "hidden_dims": widths, "latent_dim": dim * places}

    def may_be_wide(self) -> bool:
        """The alphabet limits what crosses."""
        return True
