"""What every display does: compute, draw on axes, become a block of a page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, Self

from isthmus.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from isthmus.report import Block

WIDTH = 7.0  # inches of a figure that nobody gave a size


class Picture(Protocol):
    """Something that can be drawn."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a figure that fits, in inches."""

    def draw(self, ax: Axes) -> None:
        """Draw on these axes."""

    def block(self) -> Block:
        """The same for a page of `isthmus.report`."""


class Display(ABC):
    """A picture of a model, computed and ready to be drawn.

    Once drawn it has `ax_` and `figure_`.
    """

    if TYPE_CHECKING:
        ax_: Axes
        figure_: Figure

    @classmethod
    @abstractmethod
    def of(cls, estimator: Any, *data: Any, **options: Any) -> Self:
        """Compute what there is to draw."""

    @abstractmethod
    def picture(self) -> Picture:
        """What is drawn."""

    @classmethod
    def from_estimator(cls, estimator: Any, *data: Any, ax: Axes | None = None, **options: Any) -> Self:
        """Compute what there is to draw, and draw it.

        Args:
            estimator: A fitted model or detector.
            *data: Rows and labels, as `of` takes them.
            ax: Where to draw; None makes a figure.
            **options: As `of` takes them.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        return cls.of(estimator, *data, **options).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw, on these axes or in a figure of its own.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as missing:
            raise MissingExtraError.of("drawing a picture", "matplotlib", "plot") from missing
        picture = self.picture()
        if ax is None:
            ax = plt.subplots(figsize=picture.size, layout="constrained")[1]
        picture.draw(ax)
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)  # type: ignore[assignment]
        return self

    def block(self) -> Block:
        """The picture for a page of `isthmus.report`."""
        return self.picture().block()
