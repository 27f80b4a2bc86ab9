"""What is lost by the width of the code, with the knee."""

from __future__ import annotations

from typing import Any, Self

from isthmus.displays.display import Display
from isthmus.displays.plots import Curves
from isthmus.tasks.latent_curve import LatentCurve, latent_curve


class LatentCurveDisplay(Display):
    """What a model loses on held-out rows by the width of its code, with the width from which more gains little.

    Args:
        curve: Computed by `isthmus.latent_curve`.

    Example:
        >>> import numpy as np
        >>> from isthmus.tasks.latent_curve import LatentCurve
        >>> lost = np.array([9.0, 3.0, 2.5, 2.4])
        >>> LatentCurveDisplay(LatentCurve(np.array([1, 2, 4, 8]), lost, lost[None])).curve.knee
        2
    """

    def __init__(self, curve: LatentCurve) -> None:
        self.curve = curve

    @classmethod
    def of(cls, estimator: Any, X: Any, **options: Any) -> Self:
        """Fit a model for each width of its code; takes what `isthmus.latent_curve` takes."""
        return cls(latent_curve(estimator, X, **options))

    def picture(self) -> Curves:
        """The curve and its knee."""
        dims, lost = self.curve.dims.tolist(), self.curve.distortion.tolist()
        mark = self.curve.knee, lost[dims.index(self.curve.knee)]
        lines = {"held-out rows": (dims, lost)}
        labels = "width of the code", "distortion (nats per sample)"
        return Curves("What is lost by the width of the code", lines, *labels, mark, "knee", whole_x=True)
