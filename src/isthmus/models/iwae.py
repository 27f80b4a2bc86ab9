"""The importance-weighted autoencoder: a VAE whose bound is that of several draws together."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.defaults import whole
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.gaussian import Gaussian
from isthmus.parts.compose import autoencoder
from isthmus.parts.noise import normal


@variant(paper="Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519, eq. 8; gradient: Tucker et al. 2019, eq. 8")
class IWAE(Estimator):
    r"""VAE that pays for the mean weight of several draws, a tighter bound of log p(x).

        x -> encoder -> (mean, log_var) -> z_1 ... z_K -> decoder -> params of each

    .. math:: L = -\log \tfrac1K \textstyle\sum_k w_k, \quad w_k = \frac{p(x|z_k)\, p(z_k)}{q(z_k|x)},
              \quad z_k \sim q(z|x)

    A VAE is punished for every draw that explains its row badly; here one good draw among K is enough, so the posterior
    may be wider and more units carry something. With one draw it is a VAE whose rate is drawn too.

    Scores are those of a VAE, the bound of a single draw in expectation, so that members can be compared and
    `elbo_gap` means the same for all; the bound of K draws is `log_likelihood(X, n_importance=K)`.

    The gradient to the encoder is the doubly reparameterised one (Tucker, Lawson, Gu & Maddison 2019, arXiv:1810.04152,
    eq. 8), w_k^2 in place of w_k along the path through z_k, without which it drowns in noise as K grows.

    Args:
        samples: K, draws from each row's posterior in a step; a step costs about K times one of a VAE.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = IWAE(samples=3, latent_dim=2, epochs=20, random_state=0).fit(X)
        >>> bool((model.log_likelihood(X, 50) - model.elbo(X)).mean() > 0)
        True
    """

    samples: int = 5

    has_prior: ClassVar[bool] = True
    has_density: ClassVar[bool] = True
    learns_variance: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """Encoder of means and log-variances, Gaussian bottleneck, decoder."""
        whole("samples", self.samples)
        return autoencoder(spec, self.settings_, Gaussian(self.settings_.latent_dim))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log mean_k w_k, as one term."""
        features = network.encoder(batch.x)
        mean, log_var = network.bottleneck.posterior(self._tiled(features))
        noise = normal(mean, batch.generator) if network.training else self._fixed(network.bottleneck.noise, batch)
        z = network.bottleneck.form.place(mean, log_var, noise)
        # What the encoder does to q(z | x) other than by moving z has expectation zero, and is left out.
        moved = noise + (z - z.detach()) * (-0.5 * log_var.detach()).exp()
        log_q = network.bottleneck.form.log_density(log_var.detach(), moved)
        observed = None if batch.observed is None else self._tiled(batch.observed)
        distortion = network.likelihood.distortion(self._tiled(batch.x), network.decoder(z), observed)
        log_w = (network.bottleneck.log_prior(z) - distortion - log_q).unflatten(0, (self.samples, -1))  # (K, B)
        if z.requires_grad:
            share = log_w.detach().softmax(0).reshape(-1, 1)  # (K * B, 1), each weight over the sum of its row's
            z.register_hook(lambda gradient: share * gradient)
        return {"bound": math.log(self.samples) - log_w.logsumexp(0)}

    def may_be_wide(self) -> bool:
        """The rate limits what crosses."""
        return True

    def _tiled(self, x: Tensor) -> Tensor:
        """Every draw's own copy of the rows, one batch after the other, (B, ...) -> (K * B, ...)."""
        return torch.cat([x] * self.samples)

    def _fixed(self, stored: Tensor, batch: Batch) -> Tensor:
        """The bottleneck's stored draws, the same for every row, (K * B, Z): nothing is random in evaluation."""
        chosen = torch.arange(self.samples, device=stored.device) % len(stored)
        return stored[chosen].repeat_interleave(len(batch.x), dim=0)
