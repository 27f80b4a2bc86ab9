"""The VQ-VAE: each row sends symbols of an alphabet, one for each place of an image."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.player import Player, Stage
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real, tokenized, whole
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.alphabets import spelled, token_dim
from isthmus.parts.bottlenecks.discrete import follow
from isthmus.parts.compose import autoencoder


@variant(paper="van den Oord et al. 2017, arXiv:1711.00937, eq. 3; fsq: Mentzer et al. 2024, arXiv:2309.15505")
class VQVAE(Estimator):
    r"""Autoencoder whose code is made of symbols, each one of K.

        x -> encoder -> tokens t (N, d) -> code e_k nearest to each -> z -> decoder -> params

    .. math:: L = -\log p(x|z) + \beta \textstyle\sum_n \lVert t_n - sg(e_{k_n}) \rVert^2
              + \eta \, (\text{confidence} + \text{diversity}), \quad R = N \log K

    What crosses can be counted: `tokens` gives it as whole numbers, `from_tokens` takes them back. Use it where data
    shall become words of a language, or fit into so many bits. Images and series of 16 steps and more keep their
    places, with one token each, unless `latent_dim` is given; other codes are cut into tokens. The rate is the same for
    every row, so it is in the score and not in the loss. Unless told otherwise the variance is learnt, so that beta
    weighs the same whatever the data's unit.

    The default rounds each number of a token to a few levels ("fsq"), which leaves nothing that could go unused. "vq"
    is the classic book of codes, moved by averages of the tokens that chose them; "residual" looks up in a second book
    what the first left over, and so on; "lfq" takes signs. beta is paid where there is a commitment, eta by "lfq".

    Differs from the first paper in the book, which follows averages (its appendix A.1) from k-means on, and in codes
    that begin anew where nothing chooses them.

    Args:
        quantizer: "fsq", "vq", "residual" or "lfq".
        codes: K: a product of levels up to 8 ("fsq"), a power of two ("lfq"), or any number.
        depth: Symbols of a token ("residual").
        commitment: beta, nats per squared unit of distance.
        entropy: eta, nats per nat of entropy.
        restarts: Whether codes that nothing chooses begin anew ("vq", "residual").
        rotation: Whether gradients are turned as their token was, and not passed on as they are ("vq").
        unit: Whether tokens and codes have length 1, so that only angles are compared ("vq").

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data[:200]
        >>> model = VQVAE(codes=64, epochs=2, random_state=0).fit(X)
        >>> T = model.tokens(X)
        >>> T.shape, T.dtype.name, bool(T.max() < 64)
        ((200, 12), 'int64', True)
        >>> bool((model.from_tokens(T) == model.reconstruct(X)).all())
        True
    """

    quantizer: str = "fsq"
    codes: int = 512
    depth: int = 4
    commitment: float = 0.25
    entropy: float = 0.1
    restarts: bool = True
    rotation: bool = False
    unit: bool = False

    has_symbols: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True
    batch_terms: ClassVar[tuple[str, ...]] = ("diversity",)

    def build(self, spec: Spec) -> nn.Module:
        """Encoder, tokens, quantizer, decoder."""
        real("commitment", self.commitment, zero=True)
        real("entropy", self.entropy, zero=True)
        of_a_book = {"restarts": self.restarts, "rotation": self.rotation, "unit": self.unit}
        depth = whole("depth", self.depth)
        bottleneck = spelled(spec, self.settings_, self.quantizer, self.codes, depth, **of_a_book)
        return autoencoder(spec, self.settings_, bottleneck)

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + beta commitment + eta (confidence + diversity)."""
        trace = network(batch)
        prices = {"commitment": self.commitment, "confidence": self.entropy, "diversity": self.entropy}
        return {
            "distortion": trace.distortion,
            **{name: prices[name] * term for name, term in trace.code.terms.items()},
        }

    def stages(self, network: nn.Module) -> list[Stage]:
        """One player, whose steps the codes follow."""
        return [Stage([Player("autoencoder", [network], self.objective, after_step=follow)])]

    def usual(self, spec: Spec) -> dict[str, Any]:
        """A token at each place; else as many tokens as a plain code has numbers."""
        return tokenized(self, spec, token_dim(self.quantizer, whole("codes", self.codes, least=2)))

    def may_be_wide(self) -> bool:
        """The alphabet limits what crosses."""
        return True
