"""The denoising autoencoder: shown a corrupted row, it must answer with the whole one."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.bottlenecks.plain import Plain
from isthmus.parts.compose import autoencoder
from isthmus.parts.corruptions import corruption


@variant(paper="Vincent et al. 2008, ICML, section 2.3")
class DenoisingAutoencoder(Estimator):
    """Autoencoder that learns to undo a corruption.

        x -> corrupt -> view -> encoder -> z -> decoder -> params,        L = -log p(x | z(view))

    What cannot be copied must be inferred, so its code may be as wide as the data. Use it to denoise, to fill gaps
    (corruption="masking"), or for codes that shrug off noise. A filter such as non-local means may take light noise
    off pictures better.

    Args:
        corruption: "gaussian", "masking", "salt-and-pepper" or "blocks".
        amount: Standard deviation of the noise in scaled units, or share of the cells that is hit.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> model = DenoisingAutoencoder(corruption="masking", amount=0.25, latent_dim=2, random_state=0).fit(X)
        >>> known = X < 6
        >>> bool(abs(model.fill(X, known) - X)[known].max() < 1e-5)
        True
    """

    corruption: str = "gaussian"
    amount: float = 0.2

    trains_together: ClassVar[bool] = True
    is_corrupted: ClassVar[bool] = True

    def build(self, spec: Spec) -> nn.Module:
        """A plain autoencoder behind a corruption."""
        return autoencoder(spec, self.settings_, Plain(), corruption(self.corruption, self.amount, spec))

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z(view))."""
        return {"distortion": network(batch).distortion}

    def may_be_wide(self) -> bool:
        """The corruption limits what crosses."""
        return True
