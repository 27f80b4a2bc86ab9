"""The mixture prior: a few normal distributions, each with a covariance of its own."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.parts.priors.components import Components
from isthmus.parts.priors.prior import Prior

COVARIANCES = {"full": "full", "diagonal": "diag"}  # our names, and scikit-learn's
WIDEST = 1024  # dimensions for which full covariances are kept: beyond, they are more numbers than most networks


class Mixture(Prior):
    r"""p(z) = sum_k w_k N(z; m_k, C_k).

    Args:
        shape: Of one code.
        components: K.
        covariance: "full", or "diagonal" for codes too wide for that.

    Raises:
        UnknownNameError: no covariance of that name.
        ParameterError: fewer than one component, or full covariances of very wide codes.

    Paper:
        Ghosh et al. 2020, arXiv:1903.12436, section 4: ten components fitted to the codes of a finished autoencoder.

    Example:
        >>> Mixture((2,), components=3).log_prob(torch.zeros(5, 2)).shape
        torch.Size([5])
    """

    is_closed: ClassVar[bool] = True
    has_density: ClassVar[bool] = True

    def __init__(self, shape: tuple[int, ...], components: int = 10, covariance: str = "full") -> None:
        super().__init__()
        if covariance not in COVARIANCES:
            raise UnknownNameError.among("covariance", covariance, COVARIANCES)
        if components < 1:
            raise ParameterError(f"components={components!r}", "a mixture has at least 1", "use components=10")
        width = math.prod(shape)
        if covariance == "full" and width > WIDEST:
            came, allowed = f"covariance='full' of {width} dimensions", f"it is kept for up to {WIDEST}"
            raise ParameterError(came, allowed, "use covariance='diagonal'")
        self.shape, self.covariance = shape, covariance
        self.logits = nn.Parameter(torch.zeros(components))
        self.components = Components(components, width, covariance)

    def fit(self, z: Tensor, generator: torch.Generator) -> None:
        """Fit weights, means and covariances to the codes, (n, ...), by scikit-learn's expectation-maximisation.

        Where fewer codes than components differ, as codes of symbols may, the other components get no weight.

        Raises:
            TooFewRowsError: fewer codes than components.
        """
        from sklearn.mixture import GaussianMixture

        rows, count = z.flatten(1).cpu().double().numpy(), len(self.logits)
        if len(rows) < max(count, 2):
            came = f"{len(rows)} codes for {count} components"
            raise TooFewRowsError(came, "each component needs a code to start from", "give more rows, or components=1")
        seed = int(torch.randint(2**31 - 1, (), generator=generator, device=generator.device))
        used = min(count, len(np.unique(rows, axis=0)))
        found = GaussianMixture(used, covariance_type=COVARIANCES[self.covariance], random_state=seed, max_iter=500)
        found.fit(rows)
        place = np.minimum(np.arange(count), used - 1)
        with torch.no_grad():
            self.logits.copy_(torch.from_numpy(np.log(found.weights_[place])))
            self.logits[used:] = -torch.inf
        self.components.take(torch.from_numpy(found.means_[place]), torch.from_numpy(found.precisions_cholesky_[place]))

    def log_prob(self, z: Tensor) -> Tensor:
        """log sum_k w_k N(z; m_k, C_k) in nats, (B,)."""
        return (self.components.log_prob(z.flatten(1)) + self.logits.log_softmax(0)).logsumexp(1)

    def sample(self, n: int, generator: torch.Generator, condition: Tensor | None = None) -> Tensor:
        """n codes, (n, *shape)."""
        which = torch.multinomial(self.logits.softmax(0), n, replacement=True, generator=generator)
        return self.components.sample(which, generator).view(n, *self.shape)
