"""A fitted model with rows before it, and what is measured on them once for all checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from isthmus.core.code import Batch, written_out
from isthmus.core.settings import Settings
from isthmus.core.source import Source, sample, stretches, taken
from isthmus.core.spec import Spec
from isthmus.data.conditions import Conditioned
from isthmus.data.memory import TensorSource
from isthmus.estimator.blocks import Blocks
from isthmus.parts.entry import COUNTS, Entry

MOST_NEIGHBOURS = 16_384  # rows that others are compared with, which go through no network
FULL = 1.2  # nats a unit from which a priced code is limited by its width, and not by the price


class Rows:
    """Rows and what becomes of them.

    Args:
        patient: Whose network they go through.
        source: The rows, with what is told beside each where the model is conditional; of many, a part is looked at.
    """

    def __init__(self, patient: Patient, source: Source) -> None:
        self.patient, self.source, self.total = patient, source, len(source)
        where, beside = stretches(source), getattr(source, "condition", None)
        self.x = taken(source, where)
        self.told = None if beside is None else TensorSource(taken(beside, where), beside.spec)

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
        return self.made_by(self.patient.network.rebuild)

    @cached_property
    def neighbours(self) -> Tensor:
        """More rows as such numbers, (m, W), for others to be compared with."""
        return self.patient.numbers(sample(self.source, MOST_NEIGHBOURS))

    @cached_property
    def errors(self) -> Tensor:
        """Squared error of each row, (n,)."""
        return (self.numbers - self.rebuilt).square().sum(1)

    def answers(self, function: Callable[[Batch], Tensor], x: Tensor | None = None, every: int = 1) -> Tensor:
        """`function` of batches of these rows, (n, ...), with what is told beside each.

        Args:
            function: Of a batch.
            x: Other rows in their place, as many.
            every: Of how many rows one is asked for.
        """
        asked: Source = TensorSource((self.x if x is None else x)[::every], self.patient.spec)
        if self.told is not None:
            asked = Conditioned(asked, TensorSource(self.told.x[::every], self.told.spec))
        return self.patient.blocks.run(asked, function)

    def made_by(self, function: Callable[[Batch], Tensor], x: Tensor | None = None) -> Tensor:
        """`function`, which answers x with another x, as plain numbers (n, W); a missing cell stays missing."""
        x = self.x if x is None else x
        return self.patient.numbers(torch.where(x.isnan(), x, self.answers(function, x)))


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

    def numbers(self, x: Tensor) -> Tensor:
        """x (n, ...) as plain numbers, (n, W)."""
        plain: Tensor = self.entry(x.flatten(1))
        return plain.double()

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
        return self.explained(self.numbers(x), self.rows.made_by(self.network.rebuild, x))

    @cached_property
    def structure_lost(self) -> tuple[float, float]:
        """Share of what is lost that lies along one direction, and what chance makes of it.

        That is the share in the same errors shuffled column by column (Horn 1965, Psychometrika 30, pp. 179-185).
        """
        errors = self.rows.numbers - self.rows.rebuilt
        return float(along_components(errors)[0]), float(along_components(shuffled(errors))[0])

    @cached_property
    def codes(self) -> Tensor:
        """z of each row, (n, *latent_shape)."""
        return self.rows.answers(lambda batch: written_out(self.network.encode(batch).z))

    @property
    def units(self) -> int:
        """Z, how many numbers a code is."""
        return self.codes[0].numel()

    @cached_property
    def rate(self) -> float:
        """Mean rate in nats per sample."""
        rates = self.rows.answers(lambda batch: self.network.price(batch)[1])
        return float(rates.double().mean())

    @cached_property
    def kept_without_code(self) -> float:
        """Share of the variance that comes out though every row has the mean code."""
        mean = self.codes.mean(0, keepdim=True)

        def blind(batch: Batch) -> Tensor:
            """The expected x of each row from the mean code."""
            self.network.encode(batch)  # whatever goes around the code still goes
            z = mean.to(batch.x.device).expand(len(batch.x), *mean.shape[1:])
            expected: Tensor = self.network.mean(self.network.params(z, batch.condition))
            return expected

        return self.explained(self.rows.numbers, self.rows.made_by(blind))


def along_components(numbers: Tensor) -> Tensor:
    """Share of the variance along each principal component of some rows, (n, W), the largest first.

    Example:
        >>> along_components(torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        tensor([0.9000, 0.1000])
    """
    variances: Tensor = torch.linalg.svdvals(numbers - numbers.mean(0)).square()
    shares: Tensor = variances / variances.sum().clamp_min(1e-12)
    return shares


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
