"""Where rows lie in the space of codes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.displays.display import Display
from isthmus.displays.grid import Floats
from isthmus.displays.plots import Points
from isthmus.errors import InputError, ParameterError


class LatentDisplay(Display):
    """The codes of rows as points in the plane, coloured by what is known of each row.

    Args:
        xy: (n, 2).
        y: (n,) class or number of each row, or None.
        names: What the two axes are.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from isthmus import VAE
        >>> X, y = load_iris(return_X_y=True)
        >>> model = VAE(latent_dim=3, epochs=2, random_state=0).fit(X)
        >>> LatentDisplay.of(model, X, y, units=(0, 2)).names
        ('z0', 'z2')
    """

    def __init__(self, xy: Floats, y: NDArray[Any] | None, names: tuple[str, str]) -> None:
        self.xy, self.y, self.names = xy, y, names

    @classmethod
    def of(cls, estimator: Any, X: Any, y: ArrayLike | None = None, *, units: tuple[int, int] | None = None) -> Self:
        """Encode rows.

        Args:
            estimator: A fitted model.
            X: Rows like those of training.
            y: (n,) classes or numbers to colour by; None for one colour.
            units: Which two units of the code; None takes both of a code of two, and of a wider one the two
                directions in which codes vary most.

        Raises:
            InputError: y has another length than X.
            ParameterError: the code has no such units.
        """
        codes = np.asarray(estimator.transform(X), dtype=np.float64)
        labels = None if y is None else np.asarray(y)
        if labels is not None and labels.shape != (len(codes),):
            came = f"y of shape {labels.shape} for {len(codes)} rows"
            raise InputError(came, "each row has one class or number", "match them, or leave y out")
        wide = codes.shape[1]
        if any(not 0 <= unit < wide for unit in units or ()):
            raise ParameterError(f"units={units}", f"the code has the units 0 to {wide - 1}", "use two of those")
        if units is None and wide > 2:
            xy, shares = principal(codes)
            return cls(xy, labels, (f"direction 1 ({shares[0]:.0%})", f"direction 2 ({shares[1]:.0%})"))
        if units is None and wide == 1:
            return cls(np.column_stack([codes, np.arange(len(codes))]), labels, ("z0", "row"))
        first, second = units or (0, 1)
        return cls(codes[:, [first, second]], labels, (f"z{first}", f"z{second}"))

    def picture(self) -> Points:
        """The points."""
        return Points("Where rows lie in the space of codes", self.xy, self.y, *self.names)


def principal(codes: Floats) -> tuple[Floats, Floats]:
    """Codes along the two directions in which they vary most, (n, 2), and the share of the variance in each, (2,)."""
    centred = codes - codes.mean(0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    shares = spread**2 / ((spread**2).sum() or 1.0)
    return left[:, :2] * spread[:2], shares[:2]
