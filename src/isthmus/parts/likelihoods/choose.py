"""Likelihoods by name: how each is built for the data, and which values it can price."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from isthmus.core.network import Likelihood
from isthmus.core.spec import Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts.likelihoods.bernoulli import Bernoulli
from isthmus.parts.likelihoods.categorical import Categorical
from isthmus.parts.likelihoods.counts import NegativeBinomial, Poisson
from isthmus.parts.likelihoods.gaussian import Gaussian
from isthmus.parts.likelihoods.laplace import Laplace
from isthmus.parts.likelihoods.mixed import Mixed
from isthmus.parts.likelihoods.multinomial import Multinomial
from isthmus.parts.likelihoods.perceptual import Perceptual
from isthmus.parts.likelihoods.similarity import Similarity


class Domain(NamedTuple):
    """The values of x that a likelihood can price: low <= x <= high, and whole numbers only where `whole`."""

    low: float
    high: float
    whole: bool

    @property
    def is_scalable(self) -> bool:
        """Whether x may be centred and scaled: every number is allowed."""
        return self.low == -math.inf and self.high == math.inf


REALS, UNIT, COUNTS = Domain(-math.inf, math.inf, False), Domain(0.0, 1.0, False), Domain(0.0, math.inf, True)


def domain(name: str) -> Domain:
    """What x may hold under the likelihood of this name; whoever reads the data refuses the rest.

    Args:
        name: As in `likelihood`. Under "mixed" the kind of each column decides, so every number passes here.

    Raises:
        UnknownNameError: With the nearest known names.

    Example:
        >>> domain("bernoulli"), domain("gaussian").is_scalable
        (Domain(low=0.0, high=1.0, whole=False), True)
    """
    return _known(name)[0]


def likelihood(name: str, spec: Spec) -> Likelihood:
    """Build p(x | z) for the data by name.

    A learned or optimal variance (or scale) is each column's own in a table, and one for all cells elsewhere.

    Args:
        name: "gaussian", "gaussian-learned", "gaussian-optimal", "laplace", "laplace-learned", "bernoulli",
            "categorical", "poisson", "negative-binomial", "multinomial", "ssim", "perceptual", "mixed" or
            "mixed-learned".
        spec: What the data is.

    Raises:
        UnknownNameError: With the nearest known names.
        ParameterError: Where the likelihood does not fit the data: category codes priced as numbers, say.

    Example:
        >>> likelihood("poisson", Spec("image", (1, 8, 8))).params_shape
        (1, 8, 8)
    """
    build = _known(name)[1]
    _refuse_misfit(name, spec)
    return build(spec)


def _table(spec: Spec) -> bool:
    return spec.kind == "table"


def _categorical(spec: Spec) -> Likelihood:
    """Columns with vocabularies of their own, or cells that share the codes seen in training."""
    return Mixed(spec) if spec.indices("categorical") else Categorical(spec.shape, int(spec.value_range[1]) + 1)


_LIKELIHOODS: dict[str, tuple[Domain, Callable[[Spec], Likelihood]]] = {
    "bernoulli": (UNIT, lambda spec: Bernoulli(spec.shape)),
    "categorical": (COUNTS, _categorical),
    "gaussian": (REALS, lambda spec: Gaussian(spec.shape)),
    "gaussian-learned": (REALS, lambda spec: Gaussian(spec.shape, "learned", shared=not _table(spec))),
    "gaussian-optimal": (REALS, lambda spec: Gaussian(spec.shape, "optimal", shared=not _table(spec))),
    "laplace": (REALS, lambda spec: Laplace(spec.shape)),
    "laplace-learned": (REALS, lambda spec: Laplace(spec.shape, "learned", shared=not _table(spec))),
    "mixed": (REALS, Mixed),
    "mixed-learned": (REALS, lambda spec: Mixed(spec, "learned")),
    "multinomial": (COUNTS, lambda spec: Multinomial(spec.shape)),
    "negative-binomial": (COUNTS, lambda spec: NegativeBinomial(spec.shape, shared=not _table(spec))),
    "perceptual": (REALS, lambda spec: Perceptual(spec.shape)),
    "poisson": (COUNTS, lambda spec: Poisson(spec.shape)),
    "ssim": (REALS, lambda spec: Similarity(spec.shape)),
}
LIKELIHOODS = tuple(_LIKELIHOODS)


def _known(name: str) -> tuple[Domain, Callable[[Spec], Likelihood]]:
    """The entry of that name."""
    if name not in _LIKELIHOODS:
        raise UnknownNameError.among("likelihood", name, _LIKELIHOODS)
    return _LIKELIHOODS[name]


def _refuse_misfit(name: str, spec: Spec) -> None:
    """Refuse a likelihood that cannot price some of the columns, or the kind of the data."""
    if name in ("ssim", "perceptual") and spec.kind != "image":
        raise ParameterError(
            f"likelihood={name!r} for data of kind {spec.kind!r}",
            "it compares what lies around each pixel, which images alone have",
            "use likelihood='gaussian'",
        )
    if name.startswith("mixed"):
        if not spec.columns:
            raise ParameterError(
                f"likelihood={name!r} for data of kind {spec.kind!r}",
                "it prices the columns of a table, each as its kind asks",
                "use likelihood='gaussian', or 'bernoulli' for values in [0, 1]",
            )
        return
    names = [column.name for column in spec.columns if (column.kind == "categorical") != (name == "categorical")]
    if names:
        verb = "holds no categories" if name == "categorical" else "holds categories, whose codes are no numbers"
        raise ParameterError(
            f"likelihood={name!r} for the column {names[0]!r}",
            f"the column {verb}",
            "use likelihood='mixed', which prices each column as its kind asks",
        )
