"""Tables whose columns differ in kind: every column is priced as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from isthmus.core.network import Likelihood
from isthmus.core.spec import Column, Spec
from isthmus.parts import noise
from isthmus.parts.likelihoods.bernoulli import Bernoulli
from isthmus.parts.likelihoods.categorical import Categorical
from isthmus.parts.likelihoods.gaussian import Gaussian, Variance

Part: TypeAlias = Gaussian | Bernoulli | Categorical
Given: TypeAlias = tuple[Tensor, Tensor, Tensor | None]
_PLACE = {"numeric": 0, "datetime": 0, "boolean": 1, "categorical": 2}


class Mixed(Likelihood):
    r"""One likelihood per kind of column; columns are independent given the code.

    .. math:: -\log p(x|z) = -\textstyle\sum_{numeric} \log N(x_d; \mu_d, \sigma_d^2)
              - \sum_{boolean} \log \mathrm{Bern}(x_d; a_d) - \sum_{categorical} \log \mathrm{softmax}(a_d)_{x_d}

    Numbers and dates are densities in scaled units, the others probabilities; a nat is a nat in all of them.
    The columns are worked on kind by kind, categorical ones with equally many categories together.

    Args:
        spec: The table. x (B, D) holds scaled numbers, 0 or 1, and category codes; the params (B, P) are flat: means,
            then logits of booleans, then `Categorical` logits.
        variance: How the variance of the numeric columns is known, see `Gaussian`; each column has its own.

    Example:
        >>> table = Spec("table", (2,), (Column("age"), Column("sex", "categorical", categories=("f", "m"))))
        >>> mixed = Mixed(table)
        >>> mixed.params_shape, mixed.distortion(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 3))
        ((3,), tensor([1.6121]))
    """

    order: Tensor
    places: Tensor

    def __init__(self, spec: Spec, variance: Variance = "fixed") -> None:
        super().__init__()
        groups = _groups(spec.columns)
        self.kinds = nn.ModuleList(_part(spec.columns[group[0]], len(group), variance) for group in groups)
        self.widths = [len(group) for group in groups]
        self.params_widths = [part.params_shape[0] for part in self.parts]
        self.params_shape = (sum(self.params_widths),)
        order = torch.tensor([index for group in groups for index in group])
        self.register_buffer("order", order, persistent=False)  # x's columns, group by group
        self.register_buffer("places", order.argsort(), persistent=False)  # and the way back

    @property
    def parts(self) -> list[Part]:
        """The likelihood of each group of columns, in the order of the params."""
        return cast(list[Part], list(self.kinds))

    def cells(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p of each cell in nats, (B, D); 0 where it is not observed."""
        return self._in_place([part.cells(*given) for part, given in self._apart(x, params, observed)])

    def distortion(self, x: Tensor, params: Tensor, observed: Tensor | None = None) -> Tensor:
        """-log p(x | params) in nats per sample, (B,)."""
        return torch.stack([part.distortion(*given) for part, given in self._apart(x, params, observed)]).sum(0)

    def mean(self, params: Tensor) -> Tensor:
        """What is expected of each cell, (B, D): a mean, the probability of 1, the likeliest code."""
        own = params.split_with_sizes(self.params_widths, 1)
        return self._in_place([part.mean(each) for part, each in zip(self.parts, own, strict=True)])

    def sample(self, params: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of each cell, (B, D)."""
        own, rng = params.split_with_sizes(self.params_widths, 1), noise.source(generator, params.device)
        return self._in_place([part.sample(each, rng) for part, each in zip(self.parts, own, strict=True)])

    def _apart(self, x: Tensor, params: Tensor, observed: Tensor | None) -> Iterator[tuple[Part, Given]]:
        """Every part with its own columns of x, params and observed."""
        gaps = self._columns(observed) if observed is not None else [None] * len(self.parts)
        own = zip(self._columns(x), params.split_with_sizes(self.params_widths, 1), gaps, strict=True)
        return zip(self.parts, own, strict=True)

    def _columns(self, cells: Tensor) -> Sequence[Tensor]:
        """The columns (B, D) of each group."""
        return cells.index_select(1, self.order).split_with_sizes(self.widths, 1)

    def _in_place(self, groups: Sequence[Tensor]) -> Tensor:
        """Columns of the groups back in the table's order, (B, D)."""
        return torch.cat(list(groups), 1).index_select(1, self.places)


def _groups(columns: Sequence[Column]) -> list[list[int]]:
    """Positions of the columns that one likelihood prices together: numbers, booleans, then names by their count."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, column in enumerate(columns):
        groups.setdefault((_PLACE[column.kind], column.width), []).append(index)
    return [groups[key] for key in sorted(groups)]


def _part(column: Column, n: int, variance: Variance) -> Part:
    """The likelihood of `n` columns like this one."""
    if column.kind == "boolean":
        return Bernoulli((n,))
    if column.kind == "categorical":
        return Categorical((n,), column.width)
    return Gaussian((n,), variance, shared=False)
