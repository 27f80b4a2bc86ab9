"""The sparse autoencoder: many units to describe a row with, few of them used for any one row."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.estimator.defaults import narrow, real, whole
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.backbones.tied import from_code, tie
from isthmus.parts.bottlenecks.sparse import Sparse
from isthmus.parts.centre import can_centre, centre
from isthmus.parts.compose import autoencoder
from isthmus.parts.penalties import contributions, kl_sparsity

SPARSITIES = ("kl", "l1", "topk")
RHO = 0.05  # share of the units that "kl" wants on, where no k is given


@variant(paper="Makhzani & Frey 2014, arXiv:1312.5663 (topk); Ng 2011, CS294A notes, section 3 (kl)")
class SparseAutoencoder(Estimator):
    r"""Autoencoder with few units of its code on for any one row.

        x - b -> encoder -> gate -> z, mostly zero -> decoder -> params + b

    .. math:: L = -\log p(x|z) + \lambda S, \quad S = \begin{cases}
        0, & z \text{ the } k \text{ largest of } \max(h, 0) & \text{topk} \\
        \sum_j |z_j| \, \lVert w_j \rVert, & z = \max(h, 0) & \text{l1} \\
        \sum_j KL(k / Z \,\|\, \text{mean of } z_j \text{ over the batch}), & z = \mathrm{sigmoid}(h) & \text{kl}
        \end{cases}

    What limits the code is how many units are on, so it may be wider than the data. A unit can come to stand for
    something that a row has or has not: of photographs some of "l1" become edges, those of "topk" and "kl" hardly in as
    many epochs. Use it to see what rows are made of: `reconstruct(X, keep=k)` rebuilds from the k largest units.

    Args:
        sparsity: "topk" (exactly k units on), "l1" (a price on what each unit adds) or "kl" (a price on units that
            are on more or less often than k in Z).
        k: Units on in a row, exactly ("topk") or on average ("kl"); "auto" is the width of a narrow code, at most a
            quarter of the units ("topk"), or a twentieth of them ("kl").
        weight: lambda, in nats per unit of S.
        tied: Whether the layer out of the code has the weight of the layer into it, transposed.
        pre_bias: Whether the mean row b is taken off before the encoder and put back after the decoder; "auto" where
            all cells are numbers under a normal or Laplace likelihood. Without it units die carrying the mean.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> X = load_wine().data
        >>> model = SparseAutoencoder(latent_dim=32, k=3, random_state=0).fit(X)
        >>> int((model.transform(X) != 0).sum(axis=1).max())
        3
    """

    sparsity: str = "topk"
    k: int | str = "auto"
    weight: float = 0.1
    tied: bool = False
    pre_bias: bool | str = "auto"

    batch_terms: ClassVar[tuple[str, ...]] = ("kl",)

    def build(self, spec: Spec) -> nn.Module:
        """Encoder, sparse bottleneck, decoder; tied and centred where asked for."""
        if self.sparsity not in SPARSITIES:
            raise UnknownNameError.among("sparsity", self.sparsity, SPARSITIES)
        real("weight", self.weight, zero=True)
        settings = self.settings_
        self.k_ = self._k(spec, settings.latent_dim)
        self.pre_bias_ = can_centre(spec, settings.likelihood) if self.pre_bias == "auto" else bool(self.pre_bias)
        gate, k = ("sigmoid", None) if self.sparsity == "kl" else ("relu", self.k_ if self.sparsity == "topk" else None)
        network = autoencoder(spec, settings, Sparse(gate, k))
        if self.tied:
            tie(network.encoder, network.decoder)
        if self.pre_bias_:
            centre(network, spec, settings.likelihood)
        return network

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x | z) + lambda S."""
        trace = network(batch)
        terms = {"distortion": trace.distortion}
        if self.sparsity == "l1":
            terms["l1"] = self.weight * contributions(trace.code.z, from_code(network.decoder))
        if self.sparsity == "kl":
            terms["kl"] = self.weight * kl_sparsity(trace.code.z, self.k_ / self.latent_dim_)
        return terms

    def usual(self, spec: Spec) -> dict[str, Any]:
        """Four units for each number of a row, up to 1024."""
        return {"latent_dim": min(4 * spec.width, 1024)}

    def may_be_wide(self) -> bool:
        """The units that are off limit what crosses."""
        return True

    def _k(self, spec: Spec, units: int) -> int:
        """Asked for, or derived."""
        if self.k == "auto":
            few = round(RHO * units) if self.sparsity == "kl" else min(narrow(spec), units // 4)
            return max(1, few)
        k = whole("k", self.k)
        if k >= units:
            raise ParameterError(f"k={k} with latent_dim={units}", "fewer units are on than there are", "use k='auto'")
        return k
