"""A fitted model with rows before it, and what is measured on them once for all checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch, written_out
from isthmus.core.settings import Settings
from isthmus.core.source import Source, sample
from isthmus.core.spec import Spec
from isthmus.data.memory import TensorSource
from isthmus.estimator.blocks import Blocks
from isthmus.parts.entry import COUNTS, Entry

MOST_NEIGHBOURS = 16_384  # rows that others are compared with, which go through no network


class Rows:
    """Rows and what becomes of them.

    Args:
        patient: Whose network they go through.
        source: The rows; of many, a part is looked at.
    """

    def __init__(self, patient: Patient, source: Source) -> None:
        self.patient, self.source, self.total = patient, source, len(source)
        self.x = sample(source)

    def __len__(self) -> int:
        """How many are looked at."""
        return len(self.x)

    @cached_property
    def numbers(self) -> Tensor:
        """x as plain numbers, (n, W): categories one-hot, counts on a log scale, 0 where a cell is missing."""
        return self.patient.numbers(self.x)

    @cached_property
    def rebuilt(self) -> Tensor:
        """What comes out, as the same numbers, (n, W)."""
        return self.patient.rebuilt(self.x, self.patient.network.rebuild)

    @cached_property
    def neighbours(self) -> Tensor:
        """More rows as such numbers, (m, W), for others to be compared with."""
        return self.patient.numbers(sample(self.source, MOST_NEIGHBOURS))

    @cached_property
    def errors(self) -> Tensor:
        """Squared error of each row, (n,)."""
        return (self.numbers - self.rebuilt).square().sum(1)


class Patient:
    """A fitted model, rows like those that it was fitted on, and rows that it has not seen.

    Args:
        model: A fitted member of the family.
        source: Rows.
        held_out: Rows that it was not fitted on, or None.
    """

    def __init__(self, model: Any, source: Source, held_out: Source | None) -> None:
        self.model, self.network = model, model.network_
        self.spec: Spec = model.spec_
        self.settings: Settings = model.settings_
        self.blocks = Blocks(self.network, self.spec.width, exact=False)
        is_count = self.settings.likelihood in COUNTS
        self.entry = Entry(self.spec, flags=False, log=is_count)
        self.rows = Rows(self, source)
        self.held_out = None if held_out is None else Rows(self, held_out)

    def run(self, x: Tensor, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function` of batches of x, (n, ...)."""
        return self.blocks.run(TensorSource(x, self.spec), function)

    def numbers(self, x: Tensor) -> Tensor:
        """x (n, ...) as plain numbers, (n, W)."""
        plain: Tensor = self.entry(x.flatten(1))
        return plain.double()

    def rebuilt(self, x: Tensor, function: Callable[[Batch], Tensor]) -> Tensor:
        """`function`, which answers x with another x, as plain numbers (n, W); a missing cell stays missing."""
        return self.numbers(torch.where(x.isnan(), x, self.run(x, function)))

    def explained(self, numbers: Tensor, rebuilt: Tensor) -> float:
        r"""Share of the variance that comes out again; 0 of none.

        .. math:: 1 - \textstyle\sum_n \lVert x_n - \hat x_n \rVert^2 / \sum_n \lVert x_n - \bar x \rVert^2

        Args:
            numbers: Rows, (n, W).
            rebuilt: What came out for them, (n, W).
        """
        spread = float((numbers - numbers.mean(0)).square().sum())
        return 1 - float((numbers - rebuilt).square().sum()) / spread if spread else 0.0

    @cached_property
    def kept(self) -> float:
        """Share of the rows' variance that comes out again."""
        return self.explained(self.rows.numbers, self.rows.rebuilt)

    @cached_property
    def kept_of_shuffled(self) -> float:
        """The same for rows whose columns were shuffled against each other: the columns alike, their structure gone."""
        x = shuffled(self.rows.x)
        return self.explained(self.numbers(x), self.rebuilt(x, self.network.rebuild))

    @cached_property
    def codes(self) -> Tensor:
        """z of each row, (n, *latent_shape)."""
        return self.run(self.rows.x, lambda batch: written_out(self.network.encode(batch).z))

    @property
    def units(self) -> int:
        """Z, how many numbers a code is."""
        return self.codes[0].numel()

    @cached_property
    def rate(self) -> float:
        """Mean rate in nats per sample."""
        rates = self.run(self.rows.x, lambda batch: self.network.price(batch)[1])
        return float(rates.double().mean())

    @cached_property
    def kept_without_code(self) -> float:
        """Share of the variance that comes out though every row has the mean code."""
        mean = self.codes.mean(0, keepdim=True)

        def blind(batch: Batch) -> Tensor:
            """The expected x of each row from the mean code."""
            self.network.encode(batch)  # whatever goes around the code still goes
            z = mean.to(batch.x.device).expand(len(batch.x), *mean.shape[1:])
            expected: Tensor = self.network.mean(self.network.decoder(z))
            return expected

        return self.explained(self.rows.numbers, self.rebuilt(self.rows.x, blind))


def shuffled(x: Tensor) -> Tensor:
    """x with the rows of each cell in an order of its own, the same at every call.

    Example:
        >>> x = torch.arange(6.0).view(3, 2)
        >>> torch.equal(shuffled(x).sort(0).values, x)
        True
    """
    generator = torch.Generator().manual_seed(0)
    flat = x.flatten(1)
    order = torch.rand(flat.shape, generator=generator).argsort(0)
    return flat.gather(0, order).view_as(x)
