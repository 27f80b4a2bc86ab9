"""The beta-VAE: a VAE that charges the rate at another price than one."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import real, share
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.divergences import kl_of_each
from isthmus.parts.schedules import capacity, warmup

PRICES = (4.0, 100.0)  # of a nat that crosses; of a nat too many or too few where there is a capacity


@variant(paper="Higgins et al. 2017, ICLR, eq. 4; capacity: Burgess et al. 2018, arXiv:1804.03599, eq. 8")
class BetaVAE(Estimator):
    r"""VAE whose rate is priced at beta, or held at a capacity.

        x -> encoder -> (mean, log_var) -> z = mean + sigma * noise -> decoder -> params

    .. math:: L = -\log p(x|z) + \beta_t R, \quad \text{or} \quad L = -\log p(x|z) + \beta |R - C_t|,
              \quad R = \textstyle\sum_z \max(\lambda, KL(q(z_z|x) \,\|\, N(0, 1)))

    A high price keeps only the directions that pay for themselves and pulls them apart; a price below 1 lets more
    across than log p(x) calls for. Use it to trade rate against distortion, and for codes whose axes mean something.
    Scores are those of a VAE: minus distortion and plain rate.

    Differs from the papers in free bits, which count in each row, where Kingma et al. 2016 (arXiv:1606.04934, eq. 16)
    average over the batch first; so every row keeps them, and no row's price depends on its neighbours.

    Args:
        beta: Price of a nat, >= 0; "auto" is 4, and 100 beside a capacity.
        warmup: Share of the run over which beta, or the capacity, rises evenly from 0.
        capacity: C, nats that shall cross in each row, or None for as many as pay.
        free_bits: lambda, nats of each dimension below which nothing is saved.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = BetaVAE(beta=2.0, latent_dim=3, random_state=0).fit(X)
        >>> model.elbo(X).shape, model.sample(2, random_state=0).shape
        ((178,), (2, 13))
    """

    beta: float | str = "auto"
    warmup: float = 0.3
    capacity: float | None = None
    free_bits: float = 0.0

    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and log-variances, Gaussian bottleneck, decoder."""
        usual = PRICES[0] if self.capacity is None else PRICES[1]
        self.beta_ = usual if self.beta == "auto" else real("beta", self.beta, zero=True)
        share("warmup", self.warmup)
        real("free_bits", self.free_bits, zero=True)
        real("capacity", 0.0 if self.capacity is None else self.capacity, zero=True)
        return autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + beta_t R, or beta |R - C_t| in place of the latter."""
        trace = network(batch)
        each = kl_of_each(*network.bottleneck.posterior(trace.features))
        rate = each.clamp_min(self.free_bits).flatten(1).sum(1)
        if self.capacity is not None:
            target = capacity(batch.progress, self.capacity, self.warmup)
            return {"distortion": trace.distortion, "rate": self.beta_ * (rate - target).abs()}
        return {"distortion": trace.distortion, "rate": self.beta_ * warmup(batch.progress, self.warmup) * rate}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
