"""Corruptions: what the encoder is shown in training instead of x, so that what is missing must be inferred.

Each is called with a batch and returns the view, a new tensor of the shape of `batch.x`; its noise comes from
`batch.generator`. A gap (NaN) stays a gap. Shares are rounded to 1/256, see `masks.byte_share`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.core.code import Batch
from isthmus.core.network import Corruption
from isthmus.core.spec import ColumnKind, Spec
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts import noise
from isthmus.parts.masks import byte_mask


@dataclass(frozen=True)
class Gaussian:
    r"""Normal noise on every number.

    .. math:: \tilde x = x + a \varepsilon, \quad \varepsilon \sim N(0, I)

    Args:
        amount: a, the standard deviation of the noise, in the units of x.
        columns: Positions of the columns that get it, or None for all cells.

    Paper:
        Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010, JMLR 11, section 3.3.

    Example:
        >>> batch = Batch(torch.zeros(2, 3), generator=torch.Generator().manual_seed(0))
        >>> Gaussian(0.5, columns=(0, 2))(batch)[:, 1]
        tensor([0., 0.])
    """

    amount: float
    columns: tuple[int, ...] | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """The noisy view."""
        if self.columns is None:
            return torch.add(batch.x, noise.normal(batch.x, batch.generator), alpha=self.amount)
        view = batch.x.clone()
        view[:, self.columns] += self.amount * noise.normal(view[:, self.columns], batch.generator)
        return view


@dataclass(frozen=True)
class Masking:
    """Cells hidden at random, each on its own.

    Args:
        amount: Share of the cells that is hidden, in [0, 1).
        fill: What the encoder sees there: NaN is a missing cell, which an `Entry` understands.

    Paper:
        Vincent, Larochelle, Bengio & Manzagol 2008, ICML, section 2.3.

    Example:
        >>> batch = Batch(torch.ones(4, 100), generator=torch.Generator().manual_seed(0))
        >>> sorted(set(Masking(0.5)(batch).flatten().tolist()))
        [0.0, 1.0]
    """

    amount: float
    fill: float = 0.0

    def __call__(self, batch: Batch) -> Tensor:
        """The view with cells hidden."""
        hidden = byte_mask(batch.x.shape, self.amount, batch.generator, batch.x.device)
        return torch.where(_known(hidden, batch), self.fill, batch.x)


@dataclass(frozen=True)
class SaltAndPepper:
    """Cells at random set to an extreme, the lowest or the highest with equal chances.

    Args:
        amount: Share of the cells that is hit, in [0, 1).
        low: The lower extreme: one number, or one for each of the columns that are hit.
        high: The upper extreme, likewise.
        columns: Positions of the columns that are hit, or None for all cells.

    Paper:
        Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010, JMLR 11, section 3.3.

    Example:
        >>> batch = Batch(torch.full((4, 100), 0.5), generator=torch.Generator().manual_seed(0))
        >>> sorted(set(SaltAndPepper(0.5)(batch).flatten().tolist()))
        [0.0, 0.5, 1.0]
    """

    amount: float
    low: float | tuple[float, ...] = 0.0
    high: float | tuple[float, ...] = 1.0
    columns: tuple[int, ...] | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """The view with cells at their extremes."""
        hit = _known(byte_mask(batch.x.shape, self.amount, batch.generator, batch.x.device), batch)
        up = byte_mask(batch.x.shape, 0.5, batch.generator, batch.x.device)
        low, high = (torch.tensor(end, dtype=batch.x.dtype, device=batch.x.device) for end in (self.low, self.high))
        if self.columns is None:
            return torch.where(hit, torch.where(up, high, low), batch.x)
        view, own = batch.x.clone(), (slice(None), self.columns)
        view[own] = torch.where(hit[own], torch.where(up[own], high, low), view[own])
        return view


@dataclass(frozen=True)
class Blocks:
    """Neighbouring cells hidden together: patches of an image or volume, runs of a series, groups of columns.

    Each axis is cut into blocks, at a place drawn for each batch, and each block of each row is hidden or shown as one,
    in all channels. A table's columns are no neighbours, so they are shuffled into groups, for each batch anew.

    Args:
        amount: Probability that a block is hidden, and so the expected share of hidden cells; in [0, 1).
        fill: What the encoder sees there: NaN is a missing cell, which an `Entry` understands.
        size: Cells along each side of a block; None for an eighth of the axis, and at least 2.

    Example:
        >>> batch = Batch(torch.ones(1, 1, 1, 8), generator=torch.Generator().manual_seed(1))
        >>> Blocks(0.5, size=4)(batch).tolist()
        [[[[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]]]
    """

    amount: float
    fill: float = 0.0
    size: int | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """The view with blocks hidden."""
        x, is_table = batch.x, batch.x.dim() == 2
        rng = noise.source(batch.generator, x.device)
        cuts = [self._cut(n, is_table, rng).to(x.device) for n in x.shape[1 if is_table else 2 :]]
        counts = [-(-(n + self._side(n) - 1) // self._side(n)) for n in map(len, cuts)]
        hidden = byte_mask((len(x), *counts), self.amount, rng, x.device)
        for axis, cut in enumerate(cuts, 1):
            hidden = hidden.index_select(axis, cut)  # a block's word becomes that of each of its cells
        hidden = hidden if is_table else hidden.unsqueeze(1)  # (B, *extent) -> (B, 1, *extent)
        return torch.where(_known(hidden, batch), self.fill, x)

    def _side(self, n: int) -> int:
        """Cells along the side of a block on an axis of n."""
        return self.size or max(2, n // 8)

    def _cut(self, n: int, shuffled: bool, rng: torch.Generator) -> Tensor:
        """The block that each of an axis' n cells belongs to, (n,)."""
        side = self._side(n)
        start = torch.randint(side, (), generator=rng, device=rng.device)
        cut = (torch.arange(n, device=rng.device) + start) // side
        return cut[torch.randperm(n, generator=rng, device=rng.device)] if shuffled else cut


def corruption(name: str, amount: float, spec: Spec) -> Corruption:
    """Build the corruption of this name for the data.

    In a table with categories, booleans or gaps, "masking" and "blocks" make cells missing, "gaussian" touches numbers
    only, and "salt-and-pepper" numbers and booleans.

    Args:
        name: "gaussian", "masking", "salt-and-pepper" or "blocks".
        amount: Standard deviation of the noise in scaled units, or the share of cells that is hit, in [0, 1).
        spec: What the data is.

    Raises:
        UnknownNameError: With the nearest known names.
        ParameterError: On an amount outside its domain, or where the corruption would touch no column at all.

    Example:
        >>> corruption("masking", 0.25, Spec("image", (1, 8, 8)))
        Masking(amount=0.25, fill=0.0)
    """
    if name not in CORRUPTIONS:
        raise UnknownNameError.among("corruption", name, CORRUPTIONS)
    _check_amount(name, amount)
    if name == "gaussian":
        return Gaussian(amount, _columns(name, spec, "numeric", "datetime"))
    if name == "salt-and-pepper":
        columns = _columns(name, spec, "numeric", "datetime", "boolean")
        low, high = _extremes(spec, columns)
        return SaltAndPepper(amount, low, high, columns)
    hide = Masking if name == "masking" else Blocks
    return hide(amount, spec.hidden_value)


CORRUPTIONS = ("blocks", "gaussian", "masking", "salt-and-pepper")


def _known(hit: Tensor, batch: Batch) -> Tensor:
    """The cells to hit without the gaps, which stay gaps."""
    return hit if batch.observed is None else hit & batch.observed


def _check_amount(name: str, amount: float) -> None:
    """Refuse a negative noise, and a share that leaves nothing."""
    top = math.inf if name == "gaussian" else 1.0
    if not 0 <= amount < top:
        what = "a standard deviation, 0 or more" if name == "gaussian" else "the share of cells that is hit, in [0, 1)"
        raise ParameterError(f"amount={amount!r} for corruption={name!r}", f"it is {what}", "use amount=0.2")


def _columns(name: str, spec: Spec, *kinds: ColumnKind) -> tuple[int, ...] | None:
    """The columns of these kinds; None where that is all there is."""
    columns = spec.indices(*kinds)
    if spec.columns and not columns:
        raise ParameterError(
            f"corruption={name!r} on a table without {' or '.join(kinds)} columns",
            "it would leave every cell as it is",
            "use corruption='masking', which hides cells of any kind",
        )
    return None if len(columns) == len(spec.columns) else columns


def _extremes(spec: Spec, columns: Sequence[int] | None) -> tuple[float | tuple[float, ...], float | tuple[float, ...]]:
    """The least and greatest x seen in training: of each of these columns, or of all cells."""
    if not spec.columns:
        return _span(*spec.value_range)
    own = [spec.columns[index] for index in (range(len(spec.columns)) if columns is None else columns)]
    spans = [_span((c.low - c.center) / c.scale, (c.high - c.center) / c.scale) for c in own]
    return tuple(low for low, _ in spans), tuple(high for _, high in spans)


def _span(low: float, high: float) -> tuple[float, float]:
    """The two ends, or 0 and 1 where training has left them open."""
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (0.0, 1.0)
