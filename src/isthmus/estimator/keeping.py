"""Codes cut short: rows rebuilt from the units that matter most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from isthmus.core.code import Batch
from isthmus.errors import AbilityError, ParameterError


@dataclass(frozen=True)
class Cut:
    """The expected x of each row from `keep` units of its code: a function of a batch, equal to its equals.

    Args:
        network: Its bottleneck says which units those are.
        keep: How many.
    """

    network: Any
    keep: int

    def __call__(self, batch: Batch) -> Tensor:
        """(B, ...)."""
        z = self.network.bottleneck.keep(self.network.encode(batch).z, self.keep)
        return self.network.mean(self.network.decoder(z))  # type: ignore[no-any-return]


def cut(estimator: Any, keep: Any) -> Cut:
    """What rebuilds rows from `keep` units.

    Raises:
        AbilityError: no unit of the code comes before another.
        ParameterError: the code has fewer units.
    """
    if not hasattr(getattr(estimator.network_, "bottleneck", None), "keep"):
        came, allowed = f"{type(estimator).__name__}.reconstruct(keep={keep!r})", "no unit of its code matters more"
        raise AbilityError(came, allowed, "use SparseAutoencoder, which keeps the largest, or OrderedAutoencoder")
    units = estimator.latent_dim_
    if isinstance(keep, bool) or not hasattr(keep, "__index__") or not 0 <= keep <= units:
        raise ParameterError(f"keep={keep!r}", f"a whole number of the code's {units} units", f"use keep={units}")
    return Cut(estimator.network_, int(keep))
