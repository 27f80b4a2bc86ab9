"""The InfoVAE: a VAE that pays less for what crosses, and for the distance of all codes together from the prior."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.divergences import mmd
from isthmus.parts.noise import normal


@variant(paper="Zhao, Song & Ermon 2019, arXiv:1706.02262, eq. 6")
class InfoVAE(Estimator):
    r"""VAE with a lower rate price, and an MMD that holds the aggregate posterior at the prior.

        x -> encoder -> (mean, log_var) -> z = mean + sigma * noise -> decoder -> params

    .. math:: L = -\log p(x|z) + (1 - \alpha) R + (\alpha + \lambda - 1) MMD(q(z), p(z))

    The rate is I(x; z) + KL(q(z) || p(z)): a VAE pays for the first, which is what a code is for, to get the second,
    without which it cannot be sampled. Here alpha lets the first go free and lambda pays for the second. Use it where a
    strong decoder would leave the code empty. Scores are those of a VAE.

    Args:
        alpha: Share of the information that is free, 0 to 1; at 0 and lambda = 1 it is a VAE.
        weight: lambda, at least 1 - alpha. MMD has no unit and runs from 0 to some 10; where lambda times its noise in
            a batch exceeds what there is to say of a row, codes stay empty.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = InfoVAE(alpha=0.5, weight=20.0, latent_dim=3, epochs=10, random_state=0).fit(X)
        >>> model.sample(2, random_state=0).shape
        (2, 13)
    """

    alpha: float = 0.5
    weight: float = 3.0

    batch_terms: ClassVar[tuple[str, ...]] = ("mmd",)
    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and log-variances, Gaussian bottleneck, decoder."""
        alpha, weight = real("alpha", self.alpha, zero=True), real("weight", self.weight, zero=True)
        if alpha > 1 or weight < 1 - alpha:
            came = f"alpha={alpha:g} with weight={weight:g}"
            allowed = "alpha is at most 1 and weight at least 1 - alpha, else information or distance is paid for"
            raise ParameterError(came, allowed, "use alpha=0.5, weight=3.0")
        return autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + (1 - alpha) R + (alpha + lambda - 1) MMD."""
        trace = network(batch)
        terms = {"distortion": trace.distortion, "rate": (1 - self.alpha) * trace.code.rate}
        if len(batch.x) > 1:  # one code is no cloud
            mean, log_var = network.bottleneck.posterior(trace.features)
            z = network.bottleneck.form.place(mean, log_var, normal(mean, batch.generator))
            far = mmd(z, normal(z, batch.generator))
            terms["mmd"] = (self.alpha + self.weight - 1) * far
        return terms

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
