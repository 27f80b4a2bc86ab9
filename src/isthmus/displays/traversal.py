"""Rows that were never seen: one unit of a code moved, or the way from one row to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike

from isthmus.core.spec import Spec
from isthmus.displays.display import Display
from isthmus.displays.grid import Floats, Grid, table_of
from isthmus.displays.seen import decoded, numbers, seen
from isthmus.errors import ParameterError
from isthmus.estimator.abilities import require
from isthmus.report.numerals import numeral

USUAL = np.linspace(-2, 2, 9)  # covers what is common under a normal prior


class TraversalDisplay(Display):
    """One unit of a code below another, each moved from left to right while the others stay.

    Of series each strip has the courses for the first, middle and last value. Of tables it is a picture of cells,
    a line for each value.

    Args:
        x: What comes out, (units, values, *shape), in scaled units.
        units: Which units were moved.
        values: Where to.
        spec: What the data is.

    Example:
        >>> from isthmus.data import load
        >>> from isthmus import VAE
        >>> images = load("digits").X
        >>> model = VAE(latent_dim=3, epochs=2, random_state=0).fit(images)
        >>> TraversalDisplay.of(model, units=[2, 0], values=[-1, 1]).x.shape
        (2, 2, 1, 8, 8)
    """

    def __init__(self, x: Floats, units: Sequence[int], values: Floats, spec: Spec) -> None:
        self.x, self.units, self.values, self.spec = x, list(units), values, spec

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        units: Sequence[int] | None = None,
        values: ArrayLike = USUAL,
        most: int = 8,
    ) -> Self:
        """Move units of a code.

        Args:
            estimator: A fitted model whose code has a prior.
            X: Rows, the first of which gives the code that is moved; None begins at the middle of the prior.
            units: Which units, 0 to Z - 1; None takes those that change x most.
            values: What each takes.
            most: How many units where `units` is None.

        Raises:
            AbilityError: the code has no prior.
            ParameterError: the code has no such unit.
        """
        require(estimator, "traverse")
        wide = int(np.prod(estimator.latent_shape_))
        if any(not 0 <= unit < wide for unit in units or ()):
            raise ParameterError(f"units={list(units or ())}", f"the code has the units 0 to {wide - 1}", "use those")
        start = np.zeros((1, wide), np.float32) if X is None else estimator.transform(X)[:1].astype(np.float32)
        levels = np.asarray(values, dtype=np.float32).ravel()
        every = np.arange(wide)
        moved = np.tile(start, (wide, len(levels), 1))  # (Z, values, Z)
        moved[every, :, every] = levels
        x = numbers(decoded(estimator, torch.from_numpy(moved))).reshape(wide, len(levels), *estimator.spec_.shape)
        change = x.var(1).reshape(wide, -1).sum(1)
        chosen = list(units) if units is not None else np.argsort(-change, kind="stable")[:most].tolist()
        return cls(x[chosen], chosen, levels.astype(np.float64), estimator.spec_)

    def picture(self) -> Grid:
        """A strip for each unit."""
        columns = [numeral(value, 2) for value in self.values.tolist()]
        reach = f"\n{columns[0]} to {columns[-1]}" if self.spec.kind == "table" else ""
        names = [f"z{unit}{reach}" for unit in self.units]
        return table_of("One unit of the code moved, the others held", self.x, self.spec, names, columns)


class InterpolationDisplay(Display):
    """The way from one row to another through the space of codes, one way below another.

    Args:
        x: What comes out, (ways, steps, *shape), in scaled units.
        spec: What the data is.

    Example:
        >>> from isthmus.data import load
        >>> from isthmus import VAE
        >>> images = load("digits").X
        >>> model = VAE(latent_dim=3, epochs=2, random_state=0).fit(images)
        >>> InterpolationDisplay.of(model, images[:2], images[5:7], steps=6).x.shape
        (2, 6, 1, 8, 8)
    """

    def __init__(self, x: Floats, spec: Spec) -> None:
        self.x, self.spec = x, spec

    @classmethod
    def of(cls, estimator: Any, a: Any, b: Any, *, steps: int = 9, path: str = "linear") -> Self:
        """Go from each row of a to its row of b.

        Args:
            estimator: A fitted model whose code has a prior.
            a: Where to start: one row, or several.
            b: Where to end: as many.
            steps: Pictures on the way, both ends included.
            path: "linear" or "spherical".

        Raises:
            AbilityError: the code has no prior.
            InputError: another number of rows in a than in b.
        """
        rows = numbers(seen(estimator, estimator.interpolate(a, b, steps=steps, path=path)))
        return cls(rows.reshape(-1, steps, *estimator.spec_.shape), estimator.spec_)

    def picture(self) -> Grid:
        """A strip for each way."""
        names = [f"way {number}" for number in range(len(self.x))]
        return table_of("From one row to another, through the space of codes", self.x, self.spec, names)
