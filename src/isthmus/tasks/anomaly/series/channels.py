"""What the channels of the training series are, and later series on the same scale, in stretches without a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from isthmus.core.spec import Spec
from isthmus.data.tables import encode_table, learn_table
from isthmus.errors import ColumnError, InputError, MissingValueError, UnknownNameError
from isthmus.tasks.anomaly.series.sheets import Ints, Sheet


class Stretch(NamedTuple):
    """Rows of one entity that follow each other without a gap.

    Args:
        entity: Whose they are; None where there are no entities.
        rows: (t,) their numbers in X.
        x: (t, c) float32, each channel in units of its deviation in training.
    """

    entity: Any
    rows: Ints
    x: NDArray[np.float32]


@dataclass(frozen=True)
class Channels:
    """Each entity's channels as training had them: one scale for all time, so that a change of level stays visible.

    Args:
        specs: {entity: names, means and deviations}; the one of None where there are no entities.
        step: The usual time from row to row; None where there are no times.
    """

    specs: dict[Any, Spec]
    step: float | None

    @classmethod
    def learn(cls, sheet: Sheet) -> Self:
        """Learn them from training rows.

        Raises:
            ColumnError: a channel is no number.
            MissingValueError: a channel has a gap.
            InputError: rows out of order, or at no regular distance.
        """
        specs = {owner: _learnt(sheet.taken(rows)) for owner, rows in sheet.of_entities()}
        steps = sheet.steps()
        if sheet.times is None or not len(steps):
            return cls(specs, None)
        channels = cls(specs, float(np.median(steps)))
        channels._check_steps(sheet)
        return channels

    @property
    def are_named(self) -> bool:
        """Whether the names are the caller's own."""
        return next(iter(self.specs.values())).named

    @property
    def names(self) -> list[str]:
        """Of the channels."""
        return [column.name for column in next(iter(self.specs.values())).columns]

    def stretches(self, sheet: Sheet) -> list[Stretch]:
        """Rows on the scale of training, cut at gaps.

        Raises:
            UnknownNameError: an entity that training did not have.
            ColumnError: other channels than in training.
            MissingValueError: a gap in a channel.
            InputError: rows out of order, or at other distances than in training.
        """
        self._check_steps(sheet)
        found = list[Stretch]()
        for owner, rows in sheet.of_entities():
            if owner not in self.specs:
                known = f"{len(self.specs)}, such as {', '.join(map(repr, list(self.specs)[:6]))}"
                raise UnknownNameError(f"entity={owner!r}", f"training had {known}", "fit it with rows of this one too")
            x = encode_table(sheet.cells[rows], self.specs[owner]).numpy()
            cuts = sheet.gaps(rows, self.step)
            found += [Stretch(owner, *part) for part in zip(np.split(rows, cuts), np.split(x, cuts), strict=True)]
        return found

    def _check_steps(self, sheet: Sheet) -> None:
        """Refuse rows that come at other distances than the usual one."""
        steps = sheet.steps()
        if self.step is None or not len(steps):
            return
        off = np.abs(steps / self.step - 1) > 0.5
        if off.mean() > 0.5:
            came = (
                f"rows at distances of {np.median(steps):g} in the middle, {off.mean():.0%} of them off by half a step"
            )
            allowed = f"windows hold rows at one distance, and the usual one of training is {self.step:g}"
            raise InputError(came, allowed, "resample it first: X.resample('1min').mean() in pandas")


def _learnt(sheet: Sheet) -> Spec:
    """The channels of one entity."""
    spec = learn_table(sheet.cells)
    for column in spec.columns:
        if column.kind != "numeric":
            allowed = "channels are numbers; whose row it is and when it was say entity= and time= in the constructor"
            raise ColumnError(f"column {column.name!r} is {column.kind}", allowed, "name it there, convert or drop it")
        if column.gaps:
            allowed = "Input X contains NaN, and no window can hold a missing cell"
            fix = "interpolate it, or drop such rows: with time= a missing row ends a stretch, and nothing else"
            raise MissingValueError(f"channel {column.name!r} with missing cells", allowed, fix)
    return spec
