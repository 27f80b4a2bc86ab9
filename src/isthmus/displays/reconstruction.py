"""What goes in, what comes out, and the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from isthmus.core.spec import Spec
from isthmus.displays import colours
from isthmus.displays.display import Display
from isthmus.displays.grid import Floats, Grid, Strip, differences, looks, within
from isthmus.displays.seen import numbers, rebuilt, spread

if TYPE_CHECKING:
    from isthmus.report import Block

CAPTION = "What goes in, what comes out, and the difference: blue where too little came out, orange where too much"


class ReconstructionDisplay(Display):
    """Originals above what comes out for them, above the residual: blue where too little came out, orange too much.

    Images and volumes stand side by side. Of series the upper strip has each course and what came out for it, the
    lower one the residual on a scale of its own. The rows of a table lie below each other, a cell for each column.

    Args:
        x: Originals in scaled units, (n, *shape).
        rebuilt: What came out, (n, *shape).
        spec: What the data is.
        names: What each row is called.

    Example:
        >>> from isthmus.data import load
        >>> from isthmus import Autoencoder
        >>> images = load("digits").X
        >>> model = Autoencoder(latent_dim=4, epochs=2, random_state=0).fit(images)
        >>> ReconstructionDisplay.of(model, images, rows=5).rebuilt.shape
        (5, 1, 8, 8)
    """

    def __init__(self, x: Floats, rebuilt: Floats, spec: Spec, names: list[str]) -> None:
        self.x, self.rebuilt, self.spec, self.names = x, rebuilt, spec, names

    @classmethod
    def of(cls, estimator: Any, X: Any, *, rows: int = 8) -> Self:
        """Let a few rows go through a model.

        Args:
            estimator: A fitted model.
            X: Rows like those of training.
            rows: How many to show, evenly from first to last.

        Raises:
            ParameterError: no rows.
        """
        x, chosen = spread(estimator, X, rows)
        return cls(numbers(x), numbers(rebuilt(estimator, x)), estimator.spec_, [f"row {row}" for row in chosen])

    @property
    def residual(self) -> Floats:
        """What came out less what went in, (n, *shape)."""
        return self.rebuilt - self.x

    def picture(self) -> Grid:
        """Three strips; of series two."""
        limit = colours.limit_of(self.residual)
        last = f"residual\n(±{limit:.2g})"
        if self.spec.kind == "series":
            return self._courses(last, limit)
        is_table, both = self.spec.kind == "table", np.concatenate([self.x, self.rebuilt])
        original, answer = np.split(looks(both, self.spec), 2, axis=1 if is_table else 0)
        scale = f"\n(±{colours.limit_of(both):.2g})" if is_table else ""
        strips = [Strip(f"original{scale}", original), Strip(f"reconstruction{scale}", answer)]
        strips.append(Strip(last, differences(self.residual, self.spec, limit)))
        if is_table:
            return Grid(CAPTION, strips, cells=[column.name for column in self.spec.columns])
        return Grid(CAPTION, strips, self.names)

    def block(self) -> Block:
        """The pictures one by one; of a table its first row in numbers."""
        if self.spec.kind != "table":
            return super().block()
        from isthmus.report import Table

        columns = [column.name for column in self.spec.columns]
        cells = zip(columns, self.x[0].tolist(), self.rebuilt[0].tolist(), self.residual[0].tolist(), strict=True)
        heads = ["column", "original", "reconstruction", "residual"]
        return Table(heads, [list(row) for row in cells], f"What goes in and what comes out, {self.names[0]}, scaled")

    def _courses(self, last: str, limit: float) -> Grid:
        """Series, whose channels are averaged: original and answer in one picture, the residual below."""
        pair = np.stack([self.x.mean(1), self.rebuilt.mean(1)], axis=1)  # (n, 2, t)
        residual = self.residual.mean(1)[:, None].clip(-limit, limit)  # (n, 1, t)
        upper = within(pair, float(np.nanmin(pair)), float(np.nanmax(pair)))
        strips = [Strip("course", upper), Strip(last, within(residual, -limit, limit))]
        return Grid(CAPTION, strips, self.names, lines=["original", "reconstruction"])
