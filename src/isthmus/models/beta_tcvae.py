"""The beta-TCVAE: a VAE that charges the correlation of its units at a price of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.correlations import total_correlation


@variant(paper="Chen, Li, Grosse & Duvenaud 2018, arXiv:1802.04942, eq. 4")
class BetaTCVAE(Estimator):
    r"""VAE whose rate is taken apart, and the total correlation in it priced at beta.

        x -> encoder -> (mean, log_var) -> z = mean + sigma * noise -> decoder -> params

    .. math:: L = -\log p(x|z) + R + (\beta - 1)\, TC, \quad TC = KL(q(z) \,\|\, \textstyle\prod_j q(z_j))

    The mean of the rate is I(x; z) + TC + sum_j KL(q(z_j) || p(z_j)). The paper prices the three at alpha, beta and
    gamma and recommends 1 for alpha and gamma, which leaves the rate and beta - 1 times TC. No critic is needed: TC is
    estimated from the posteriors of a batch. Use it where a `FactorVAE` would do and two players are one too many.
    Scores are those of a VAE.

    Args:
        beta: Price of a nat of total correlation, >= 0; 1 is a VAE.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = BetaTCVAE(beta=4.0, latent_dim=3, epochs=10, random_state=0).fit(X)
        >>> sorted(model.history_[-1])[:3]
        ['correlation', 'distortion', 'epoch']
    """

    beta: float = 6.0

    batch_terms: ClassVar[tuple[str, ...]] = ("correlation",)
    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and log-variances, Gaussian bottleneck, decoder."""
        real("beta", self.beta, zero=True)
        return autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + R + (beta - 1) TC."""
        trace = network(batch)
        mean, log_var = network.bottleneck.posterior(trace.features)
        correlation = total_correlation(trace.code.z, mean, log_var, self.settings_.rows)
        price = self.beta - 1
        return {"distortion": trace.distortion, "rate": trace.code.rate, "correlation": price * correlation}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
