"""What each unit of a code stands for: what it adds to the data."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from isthmus.core.spec import Spec
from isthmus.displays import colours
from isthmus.displays.display import Display
from isthmus.displays.grid import Floats, Grid, Strip, differences, within
from isthmus.displays.seen import decoded, numbers
from isthmus.errors import ParameterError

ACROSS = 12


class AtomDisplay(Display):
    r"""The atoms of a code, each scaled to its own largest cell: orange where the unit adds, blue where it takes away.

    .. math:: a_k = E[x | z = e_k] - E[x | z = 0]

    Of a linear decoder, as sparse members have, these are the columns of its matrix.

    Args:
        atoms: (K, *shape), in scaled units.
        units: Which unit each belongs to.
        spec: What the data is.

    Example:
        >>> from isthmus.data import load
        >>> from isthmus import Autoencoder
        >>> images = load("digits").X
        >>> model = Autoencoder(latent_dim=16, epochs=2, random_state=0).fit(images)
        >>> AtomDisplay.of(model, images, most=10).atoms.shape
        (10, 1, 8, 8)
    """

    def __init__(self, atoms: Floats, units: list[int], spec: Spec) -> None:
        self.atoms, self.units, self.spec = atoms, units, spec

    @classmethod
    def of(cls, estimator: Any, X: Any = None, *, most: int = 48) -> Self:
        """Decode one unit at a time.

        Args:
            estimator: A fitted model.
            X: Rows: a unit then has the strength that it has in their codes where it is active, and those that vary
                most come first. None takes a strength of 1, and those with the largest atoms first.
            most: How many atoms to show.

        Raises:
            ParameterError: none at all.
        """
        if most < 1:
            raise ParameterError(f"most={most}", "a gallery shows at least one atom", "use most=48")
        wide = int(np.prod(estimator.latent_shape_))
        strength, order = np.ones(wide), None
        if X is not None:
            codes = np.asarray(estimator.transform(X), dtype=np.float64)
            active = np.maximum((codes != 0).sum(0), 1)
            strength, order = np.maximum(abs(codes).sum(0) / active, 1e-6), np.argsort(-codes.var(0), kind="stable")
        z = np.concatenate([np.zeros((1, wide)), np.diag(strength)]).astype(np.float32)
        x = numbers(decoded(estimator, torch.from_numpy(z)))
        atoms = x[1:] - x[:1]
        if order is None:
            order = np.argsort(-(atoms.reshape(wide, -1) ** 2).sum(1), kind="stable")
        return cls(atoms[order[:most]], order[:most].tolist(), estimator.spec_)

    def picture(self) -> Grid:
        """Lines of twelve; of a table one line of cells for each atom."""
        scales = abs(self.atoms).reshape(len(self.atoms), -1).max(1)
        even = self.atoms / np.where(scales > 0, scales, 1.0).reshape(-1, *(1,) * (self.atoms.ndim - 1))
        caption = "What each unit of the code adds (orange) and takes away (blue), at its own scale"
        if self.spec.kind == "table":
            cells = [column.name for column in self.spec.columns]
            lines = colours.signed(even, 1.0)[:, None, None]  # (K, 1, 1, D, 3)
            named = zip(self.units, lines, strict=True)
            return Grid(caption, [Strip(f"z{unit}", line) for unit, line in named], cells=cells)
        if self.spec.kind == "series":
            courses = within(even.mean(1)[:, None], -1, 1)  # (K, 1, t)
            return Grid(caption, self._lines(courses, 0.5), lines=["atom"])
        return Grid(caption, self._lines(differences(even, self.spec, 1.0), 1.0))

    def _lines(self, pictures: Floats, empty: float) -> list[Strip]:
        """The pictures in lines, the last one filled up."""
        left = -len(pictures) % min(ACROSS, len(pictures))
        filled = np.concatenate([pictures, np.full((left, *pictures.shape[1:]), empty)])
        lines = filled.reshape(-1, min(ACROSS, len(pictures)), *pictures.shape[1:])
        titles = [f"z{unit}" for unit in self.units]
        return [Strip("", line, titles[row * ACROSS : (row + 1) * ACROSS]) for row, line in enumerate(lines)]
