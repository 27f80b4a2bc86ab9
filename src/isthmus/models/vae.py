"""The variational autoencoder: each row sends a sample of its posterior, priced at the divergence from the prior."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.errors import UnknownNameError
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.bottlenecks.posteriors import FORMS
from isthmus.parts.compose import autoencoder
from isthmus.parts.priors.choose import expect


@variant(paper="Kingma & Welling 2014, arXiv:1312.6114, eq. 3")
class VAE(Estimator):
    r"""Autoencoder whose loss is minus a lower bound of log p(x).

        x -> encoder -> (mean, log_var) -> z = mean + sigma * noise -> decoder -> params

    .. math:: L = -\log p(x|z) + KL(q(z|x) \,\|\, p(z)), \quad p(z) = N(0, I)

    Use it to draw new rows, or for a score that is a bound in nats. The rate and the distortion are both summed over
    dimensions, so that their balance does not depend on the size of the data or the batch. Unless told otherwise each
    column learns its own variance, and the cells of images and series share one that follows their residuals: with a
    fixed one the balance would depend on how well the data can be rebuilt.

    What the form of the posterior gives away is `elbo_gap`, KL(q(z|x) || p(z|x)). A "full" one closes it where the
    true posterior is normal; for Z units it asks Z (Z + 3) / 2 numbers of the encoder instead of 2 Z.

    A prior that learns as well lets the codes keep the shape that rebuilds best. Its divergence has no closed form, so
    the rate is log q(z|x) - log p(z) of the draw.

    Args:
        posterior: q(z|x): "diagonal" (normal, units independent), "full" (normal, with all covariances) or "laplace"
            (units independent, with heavier tails). Under N(0, I) the rate of each is exact.
        prior: "normal" for N(0, I), or one that learns: "mixture" of ten normals, "vamp" (the posteriors of a hundred
            made-up rows) or "flow".

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = VAE(latent_dim=2, random_state=0).fit(X)
        >>> model.sample(3, random_state=0).shape
        (3, 4)
    """

    posterior: str = "diagonal"
    prior: str = "normal"

    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and spreads, Gaussian bottleneck, decoder."""
        if self.posterior not in FORMS:
            raise UnknownNameError.among("posterior", self.posterior, FORMS)
        latent_dim = self.settings_.latent_dim
        network = autoencoder(spec, self.settings_, Gaussian(latent_dim, FORMS[self.posterior]()))
        return expect(network, self.prior, spec, (latent_dim,))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + KL(q || p)."""
        trace = network(batch)
        return {"distortion": trace.distortion, "rate": trace.code.rate}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
