"""Curves, points and counts, drawn on the caller's axes or as a chart of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.displays.display import WIDTH
from isthmus.report.charts.distributions import bin_edges
from isthmus.report.charts.drawing import DASHES, INK, SERIES, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isthmus.report import Block

Line = tuple[ArrayLike, ArrayLike]
MOST_GROUPS = 12  # that colours and markers tell apart


@dataclass(frozen=True)
class Curves:
    """Lines over a common axis.

    Args:
        title: What they show.
        lines: Name -> (x, y), (n,) each.
        x: What x is, with its unit.
        y: What y is, with its unit.
        mark: A point to mark, or None.
        mark_name: What it is.
        base: A line to compare with, drawn dashed: (x, y), or None.
        base_name: What it is.
        whole_x: Whether x counts.
        square: Whether both axes run from 0 to 1.
    """

    title: str
    lines: Mapping[str, Line]
    x: str
    y: str
    mark: tuple[float, float] | None = None
    mark_name: str = ""
    base: Line | None = None
    base_name: str = ""
    whole_x: bool = False
    square: bool = False

    @property
    def size(self) -> tuple[float, float]:
        """Square where the axes are alike."""
        return (0.75 * WIDTH, 0.75 * WIDTH) if self.square else (WIDTH, 0.6 * WIDTH)

    def draw(self, ax: Axes) -> None:
        """Lines, the base, the mark, and their names."""
        for (name, (x, y)), colour, dash in zip(self.lines.items(), SERIES, DASHES, strict=False):
            ax.plot(x, y, color=colour, linestyle=dash, label=name)
        if self.base is not None:
            ax.plot(*self.base, color=SOFT, linestyle=":", label=self.base_name)
        if self.mark is not None:
            ax.plot(*self.mark, "o", color=INK, label=self.mark_name, zorder=5, clip_on=False)
        ax.set(xlabel=self.x, ylabel=self.y)
        if self.square:
            ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        if self.whole_x:
            ax.locator_params("x", integer=True)
        if len(self.lines) + (self.base is not None) + (self.mark is not None) > 1:
            ax.legend(frameon=False)

    def block(self) -> Block:
        """The chart of the same lines."""
        from isthmus.report import charts

        base = {self.base_name: self.base} if self.base is not None else {}
        mark = None if self.mark is None else self.mark[0]
        lines = {**self.lines, **base}
        return charts.curves(lines, title=self.title, x=self.x, y=self.y, mark=mark, mark_name=self.mark_name)


@dataclass(frozen=True)
class Points:
    """Points in the plane, coloured by group or by a number.

    Args:
        title: What they show.
        xy: (n, 2).
        groups: (n,) names or numbers, or None.
        x: What the first column is.
        y: What the second column is.
    """

    title: str
    xy: NDArray[np.float64]
    groups: NDArray[Any] | None
    x: str
    y: str

    size = (0.95 * WIDTH, 0.75 * WIDTH)

    @property
    def are_numbers(self) -> bool:
        """Whether the groups are a scale rather than names."""
        many = self.groups is not None and len(np.unique(self.groups)) > MOST_GROUPS
        return many and np.asarray(self.groups).dtype.kind in "iuf"

    def draw(self, ax: Axes) -> None:
        """Dots, hollow from the seventh group on, and what their colours mean."""
        x, y = self.xy.T
        if self.are_numbers:
            drawn = ax.scatter(x, y, s=12, c=self.groups, cmap="viridis")
            ax.figure.colorbar(drawn, ax=ax)
        else:
            for number, (name, chosen) in enumerate(self._named().items()):
                colour, hollow = SERIES[number % len(SERIES)], number >= len(SERIES)
                face = "none" if hollow else colour
                ax.scatter(x[chosen], y[chosen], s=12, facecolors=face, edgecolors=colour, linewidths=0.9, label=name)
            if self._named().keys() != {""}:
                ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0))
        ax.set(xlabel=self.x, ylabel=self.y)

    def block(self) -> Block:
        """The chart of the same points; a scale is cut into quarters."""
        from isthmus.report import charts

        groups: Sequence[object] | None = None if self.groups is None else [str(name) for name in self.groups]
        if self.are_numbers and self.groups is not None:
            ends = np.quantile(self.groups, [0, 0.25, 0.5, 0.75, 1])
            names = [f"{low:.3g} to {high:.3g}" for low, high in zip(ends[:-1], ends[1:], strict=True)]
            groups = [names[place] for place in np.searchsorted(ends[1:-1], self.groups)]
        elif groups is not None and len(set(groups)) > MOST_GROUPS:
            groups = None
        return charts.scatter(self.xy, groups, title=self.title, x=self.x, y=self.y)

    def _named(self) -> dict[str, NDArray[np.bool_]]:
        """The rows of each group; all of one where there are more than can be told apart."""
        if self.groups is None or len(np.unique(self.groups)) > MOST_GROUPS:
            return {"": np.ones(len(self.xy), bool)}
        return {str(name): self.groups == name for name in np.unique(self.groups)}


@dataclass(frozen=True)
class Counts:
    """How the values of each group are distributed.

    Args:
        title: What they show.
        groups: Name -> values, (n,).
        x: What the values are, with their unit.
        threshold: A value to mark, or None.
        log_x: Whether the value axis is logarithmic.
    """

    title: str
    groups: Mapping[str, NDArray[np.float64]]
    x: str
    threshold: float | None
    log_x: bool = False

    size = (WIDTH, 0.55 * WIDTH)

    def draw(self, ax: Axes) -> None:
        """Outlines over common bins, one edge at the threshold, and the threshold."""
        marks = [] if self.threshold is None else [self.threshold]
        edges = bin_edges(list(self.groups.values()), marks, self.log_x)
        for (name, values), colour in zip(self.groups.items(), SERIES, strict=False):
            look: dict[str, Any] = {"facecolor": (colour, 0.2), "edgecolor": colour, "label": name}
            ax.hist(values.clip(edges[0], edges[-1]), edges.tolist(), histtype="stepfilled", **look)

        if self.threshold is not None:
            ax.axvline(self.threshold, color=INK, linestyle="--", label=f"threshold {self.threshold:.4g}")
        ax.set(xlabel=self.x, ylabel="rows", xscale="log" if self.log_x else "linear")
        ax.legend(frameon=False)

    def block(self) -> Block:
        """The chart of the same values."""
        from isthmus.report import charts

        return charts.histogram(
            self.groups, title=self.title, x=self.x, threshold=self.threshold, log_values=self.log_x
        )
