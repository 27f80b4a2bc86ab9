"""The conditional variational autoencoder: a VAE that is told y beside x, and draws x for any y asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import conditional


@variant(paper="Sohn, Lee & Yan 2015, NeurIPS, eq. 4")
class ConditionalVAE(Estimator):
    r"""VAE whose encoder and decoder are told y, so that the code holds what y leaves open.

        (x, y) -> encoder -> (mean, log_var) -> z = mean + sigma * noise,        (z, y) -> decoder -> params

    .. math:: L = -\log p(x|z, y) + KL(q(z|x, y) \,\|\, N(0, I))

    y is given to `fit` and to every verb: a label, a row of attributes, or an image (series, volume) with the places of
    x. Use it to draw rows of a class, for log p(x | y), to fill in what a picture leaves open (colour from grey), and
    to take a known cause out of the code. Scores are bounds of log p(x | y).

    Differs from the paper in the prior, which is N(0, I) whatever y is, as theirs is in its own "relaxed" form.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X, y = load_wine(return_X_y=True)
        >>> model = ConditionalVAE(latent_dim=2, epochs=20, random_state=0).fit(X, y)
        >>> model.sample(3, y=1, random_state=0).shape, model.score_samples(X, y=y).shape
        ((3, 13), (178,))
    """

    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True
    is_conditional: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder and decoder with the condition joined to what they receive, Gaussian bottleneck."""
        return conditional(spec, self.settings_, Gaussian(self.settings_.latent_dim), self.condition_.spec)

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z, y) + KL(q || p)."""
        trace = network(batch)
        return {"distortion": trace.distortion, "rate": trace.code.rate}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True
