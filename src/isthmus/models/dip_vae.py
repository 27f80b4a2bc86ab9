"""The DIP-VAE: a VAE that pays where the moments of its codes are not those of the prior."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.errors import UnknownNameError
from isthmus.estimator.defaults import real
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.correlations import squared_covariances

DIAGONAL = {"i": 10.0, "ii": 1.0}  # price of a variance over that of a covariance


@variant(paper="Kumar, Sattigeri & Balakrishnan 2018, arXiv:1711.00848, eq. 6 and 7")
class DIPVAE(Estimator):
    r"""VAE that pays for covariances between its units, and for variances that are not 1.

        x -> encoder -> (mean, log_var) -> z = mean + sigma * noise -> decoder -> params

    .. math:: L = -\log p(x|z) + R + \lambda_{od} \textstyle\sum_{i \neq j} C_{ij}^2
              + \lambda_d \sum_i (C_{ii} - 1)^2, \quad
              C = \begin{cases} \mathrm{Cov}(\mu(x)) & \text{i} \\
              \mathrm{Cov}(\mu(x)) + E[\mathrm{diag}(\sigma^2(x))] & \text{ii} \end{cases}

    Kind "ii" asks that the aggregate posterior has the covariance of the prior, so samples lie where codes do; kind "i"
    asks it of the means alone, which is more than a code can give whose rate is priced. Only moments are matched:
    `BetaTCVAE` and `FactorVAE` see every dependence. Scores are those of a VAE.

    Differs from the paper in the estimate of a square, the product of two halves of the batch, so that its expectation
    does not depend on the batch's size.

    Args:
        kind: "i" or "ii".
        off_diagonal: lambda_od, >= 0.
        diagonal: lambda_d, >= 0; "auto" is 10 times the other for "i", as much as it for "ii".

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = DIPVAE(kind="i", latent_dim=3, epochs=10, random_state=0).fit(X)
        >>> model.diagonal_
        100.0
    """

    kind: str = "ii"
    off_diagonal: float = 10.0
    diagonal: float | str = "auto"

    batch_terms: ClassVar[tuple[str, ...]] = ("covariances", "variances")
    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and log-variances, Gaussian bottleneck, decoder."""
        if self.kind not in DIAGONAL:
            raise UnknownNameError.among("kind", self.kind, DIAGONAL)
        usual = DIAGONAL[self.kind] * real("off_diagonal", self.off_diagonal, zero=True)
        self.diagonal_ = usual if self.diagonal == "auto" else real("diagonal", self.diagonal, zero=True)
        return autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + R + lambda_od sum_ij C_ij^2 + lambda_d sum_i (C_ii - 1)^2."""
        trace = network(batch)
        mean, log_var = network.bottleneck.posterior(trace.features)
        off, on = squared_covariances(mean, None if self.kind == "i" else log_var.exp())
        moments = {"covariances": self.off_diagonal * off, "variances": self.diagonal_ * on}
        return {"distortion": trace.distortion, "rate": trace.code.rate, **moments}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
