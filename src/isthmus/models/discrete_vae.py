"""The discrete VAE: each token's posterior is over K codes, relaxed in training so that it has gradients."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real, share, tokenized, whole
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.alphabets import book_dim
from isthmus.parts.bottlenecks.relaxed import Relaxed
from isthmus.parts.bottlenecks.tokens import tokens_of
from isthmus.parts.compose import autoencoder
from isthmus.parts.schedules import warmup


@variant(paper="Jang et al. 2017, arXiv:1611.01144, eq. 2; Ramesh et al. 2021, arXiv:2102.12092, section 2.1")
class DiscreteVAE(Estimator):
    r"""VAE whose posterior is over K codes for each token, not over numbers.

        x -> encoder -> q (N, K) -> mixture of codes, ever harder -> z -> decoder -> params

    .. math:: L = -\log p(x|z) + \beta_t \textstyle\sum_n KL(q_n \,\|\, U(K))

    The mixture's temperature falls with progress, so that what the decoder sees becomes single codes; in evaluation
    they are, and a row costs N log K. Use it where a book of codes shall be learnt by gradients alone, and for a
    posterior that says how sure each symbol is. Unless told otherwise the variance is learnt, so that a nat of rate is
    worth a nat of distortion. Images and series of 16 steps and more keep their places, with one token each, unless
    `latent_dim` is given.

    A receiver of single symbols pays log K for each, however sure of it the posterior was; so the price of the training
    is a low one, that keeps codes alive, and no part of a bound. Differs from Ramesh et al. there, whose beta rises to
    6.6 of other units, and in their logit-Laplace likelihood.

    Args:
        codes: K.
        beta: Price of a nat, >= 0.
        warmup: Share of the run over which beta rises evenly from 0.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data[:200]
        >>> model = DiscreteVAE(codes=32, epochs=2, random_state=0).fit(X)
        >>> model.tokens(X).shape, bool((model.from_tokens(model.tokens(X)) == model.reconstruct(X)).all())
        ((200, 12), True)
    """

    codes: int = 512
    beta: float = 0.1
    warmup: float = 0.3

    has_symbols: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of logits, relaxed bottleneck, decoder."""
        real("beta", self.beta, zero=True)
        share("warmup", self.warmup)
        settings = self.settings_
        shape = settings.architecture.code_shape(spec, settings.hidden_dims)
        tokens = tokens_of(settings.latent_dim, shape, shape[0] if shape else book_dim(settings.latent_dim))
        return autoencoder(spec, settings, Relaxed(tokens, whole("codes", self.codes, least=2)))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + beta_t KL(q || U)."""
        trace = network(batch)
        beta = self.beta * warmup(batch.progress, self.warmup)
        return {"distortion": trace.distortion, "rate": beta * trace.code.rate}

    def usual(self, spec: Spec) -> dict[str, Any]:
        """A token at each place; else as many tokens as a plain code has numbers."""
        return tokenized(self, spec, book_dim())

    def may_be_wide(self) -> bool:
        """The alphabet limits what crosses."""
        return True
