"""What stands before a flat encoder: gaps filled, names one-hot, counts on a log scale."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from isthmus.core.spec import Spec

COUNTS = ("poisson", "negative-binomial", "multinomial")  # likelihoods whose x spans orders of magnitude


class Entry(nn.Module):
    """A table's row as plain numbers: (B, D) with NaN where missing -> (B, width) without any.

        numbers, dates   x, or 0 (the scaled mean) where missing
        booleans         -1 or 1, or 0 where missing
        categories       one-hot, or all zeros where missing
        missing          1 where the cell is missing, one column for each that had gaps in training

    Args:
        spec: The table.
        flags: Whether the columns of the last line are there.
        log: Whether numbers are counts, which enter as log(1 + x).

    Category codes are taken as they come: whoever reads the data refuses those outside the vocabulary.

    Example:
        >>> from isthmus.core.spec import Column
        >>> table = Spec("table", (2,), (Column("age", gaps=True), Column("sex", "categorical", categories=("f", "m"))))
        >>> entry = Entry(table)
        >>> entry.width, entry(torch.tensor([[0.5, 1.0], [torch.nan, 0.0]])).tolist()
        (4, [[0.5, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    """

    numbers: Tensor
    booleans: Tensor
    names: Tensor
    starts: Tensor
    flagged: Tensor

    def __init__(self, spec: Spec, flags: bool = True, log: bool = False) -> None:
        super().__init__()
        columns, names = spec.columns, spec.indices("categorical")
        sizes = [columns[index].width for index in names]
        gaps = [index for index, column in enumerate(columns) if column.gaps and flags]
        self._keep("numbers", spec.indices("numeric", "datetime") if columns else range(spec.n_features))
        self._keep("booleans", spec.indices("boolean"))
        self._keep("names", names)
        self._keep("starts", [sum(sizes[:i]) for i in range(len(sizes))])  # of each name among the one-hot columns
        self._keep("flagged", gaps)
        self.one_hot, self.log = sum(sizes), log
        self.width = len(self.numbers) + len(self.booleans) + self.one_hot + len(gaps)

    def forward(self, view: Tensor) -> Tensor:
        """(B, D) -> (B, width)."""
        missing = view.isnan()
        x = torch.where(missing, 0.0, view)
        numbers = x.index_select(1, self.numbers)
        blocks = [numbers.clamp_min(0).log1p() if self.log else numbers]
        if len(self.booleans):
            signs = torch.where(missing, 0.0, 2 * x - 1)
            blocks.append(signs.index_select(1, self.booleans))
        if self.one_hot:
            blocks.append(self._one_hot(x, missing))
        if len(self.flagged):
            blocks.append(missing.index_select(1, self.flagged).to(x.dtype))
        return torch.cat(blocks, 1)

    def _one_hot(self, x: Tensor, missing: Tensor) -> Tensor:
        """All categorical columns at once, (B, sum of their categories)."""
        known = (~missing).index_select(1, self.names).to(x.dtype)
        places = x.index_select(1, self.names).long() + self.starts
        return x.new_zeros(len(x), self.one_hot).scatter_(1, places, known)

    def _keep(self, name: str, positions: Iterable[int]) -> None:
        """Hold positions as a tensor that moves with the module and is not saved: the spec has them."""
        self.register_buffer(name, torch.tensor(list(positions), dtype=torch.long), persistent=False)


def flat_entry(spec: Spec, likelihood: str) -> tuple[nn.Module | None, int]:
    """What a flat encoder needs before its first layer, and how many numbers come out of it.

    Args:
        spec: What the data is.
        likelihood: Its name; counts enter on a log scale.

    Returns:
        A module (B, *spec.shape) -> (B, width), or None where x can be taken as it is; and the width.

    Example:
        >>> flat_entry(Spec("table", (30,)), "gaussian"), flat_entry(Spec("image", (1, 8, 8)), "bernoulli")
        ((None, 30), (Flatten(start_dim=1, end_dim=-1), 64))
    """
    flat = None if spec.kind == "table" else nn.Flatten()
    if spec.is_plain and likelihood not in COUNTS:
        return flat, spec.n_features
    entry = Entry(spec, log=likelihood in COUNTS)
    return nn.Sequential(flat, entry) if flat else entry, entry.width
