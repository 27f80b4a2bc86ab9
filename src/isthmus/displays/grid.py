"""A grid of small pictures: strips below each other, drawn on one pair of axes or handed to a page one by one.

What a picture is follows from the kind of data. An image is itself, a volume its slices side by side, a series its
course; the rows of a table become one picture together, a cell for each number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.spec import Spec
from isthmus.displays import colours
from isthmus.displays.display import WIDTH
from isthmus.report.charts.drawing import RULE, SERIES, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isthmus.report import Block

Floats = NDArray[np.float64]

SLICES = 8  # of a volume
GAP = 0.08  # between pictures, as a share of their shorter edge
COURSE = 1.6  # width of the box of a course, whose height is 1; more where a strip has room
ACROSS = 8.0  # width of a strip of courses
TITLE = 0.22  # height of a title, as a share of a picture's
MOST_NAMES = 40  # that fit side by side


@dataclass(frozen=True)
class Strip:
    """Pictures side by side.

    Args:
        name: What they are.
        pictures: (n, h, w, 3) in [0, 1]; of series the courses that are drawn in each picture, (n, lines, t) in [0, 1].
        titles: What is said above each of them; none to say nothing.
    """

    name: str
    pictures: Floats
    titles: Sequence[str] = ()


@dataclass(frozen=True)
class Grid:
    """Strips of as many pictures each.

    Args:
        caption: What they show.
        strips: From top to bottom.
        columns: What is said above each picture; none to say nothing.
        cells: Names of a picture's own columns, where its cells are those of a table.
        lines: Names of the courses in a picture, where it has such.
    """

    caption: str
    strips: Sequence[Strip]
    columns: Sequence[str] = ()
    cells: Sequence[str] = ()
    lines: Sequence[str] = ()

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a figure with the shape of the grid and room for names, in inches."""
        height, width = self._picture()
        across = len(self.strips[0].pictures) * (width + self._gap())
        down = len(self.strips) * (height + self._gap(True))
        tall = max(0.16 * down, 2.0) + 1.4 if self.cells else WIDTH * down / across + 0.4
        return WIDTH + 1.0, min(max(tall, 1.5), 14.0)

    def draw(self, ax: Axes) -> None:
        """Draw everything on these axes, whose own frame and ticks go."""
        height, width = self._picture()
        count = len(self.strips[0].pictures)
        tops, lefts = np.arange(len(self.strips)) * (height + self._gap(True)), np.arange(count) * (width + self._gap())
        for strip, top in zip(self.strips, tops, strict=True):
            for picture, left in zip(strip.pictures, lefts, strict=True):
                if self.lines:
                    _draw_courses(ax, picture, left, top, width)
                else:
                    ax.imshow(picture, extent=(left, left + width, top + height, top), interpolation="nearest")
            for title, left in zip(strip.titles, lefts, strict=False):
                ax.text(left + width / 2, top - 0.03 * height, title, size="x-small", ha="center", va="bottom")
        ax.set(xlim=(0, lefts[-1] + width), ylim=(tops[-1] + height, 0), aspect="auto" if self.cells else "equal")
        ax.set_yticks(tops + height / 2, [strip.name for strip in self.strips])
        if self.cells:
            ax.set_xticks(*_named(self.cells, np.arange(len(self.cells)) + 0.5), rotation=90)
        else:
            ax.set_xticks(*_named(self.columns, lefts + width / 2))
            ax.xaxis.set_ticks_position("top")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        if self.lines:
            handles = ax.lines[1 : 1 + len(self.lines)]  # the first line is the floor of the first picture
            ax.legend(handles, self.lines, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, frameon=False)

    def block(self) -> Block:
        """The pictures in rows, or with a title each one by one; of courses the first as a chart."""
        from isthmus.report import Gallery, Images, charts

        if self.lines:
            first = self.strips[0].pictures[0]  # (lines, t)
            series = {name: (np.arange(first.shape[1]), line) for name, line in zip(self.lines, first, strict=True)}
            caption = "Scaled to the range of what is shown."
            return charts.curves(series, title=self.caption, x="time", y="x", caption=caption)
        if not any(strip.titles for strip in self.strips):
            rows = [(" ".join(strip.name.split()), list(strip.pictures)) for strip in self.strips]
            return Gallery(rows, self.caption, self.columns)
        titled = ((strip.pictures[place], title) for strip in self.strips for place, title in enumerate(strip.titles))
        return Images(list(titled), self.caption)

    def _picture(self) -> tuple[float, float]:
        """Height and width of one picture."""
        first = self.strips[0].pictures
        return (1.0, max(COURSE, ACROSS / len(first))) if self.lines else (float(first.shape[1]), float(first.shape[2]))

    def _gap(self, below: bool = False) -> float:
        """Space between two pictures, with room for a title where it is below each other and there are titles."""
        height, width = self._picture()
        title = TITLE * height if below and any(strip.titles for strip in self.strips) else 0.0
        return title + max(GAP * min(height, width), 0.1 if self.lines else 0.5)


def _named(names: Sequence[str], places: NDArray[Any]) -> tuple[NDArray[Any], Sequence[str]]:
    """Where names stand, and which: none where they would cover each other."""
    return (places, names) if len(names) == len(places) <= MOST_NAMES else (places[:0], [])


def _draw_courses(ax: Axes, lines: Floats, left: float, top: float, width: float) -> None:
    """Draw courses that lie in [0, 1], (lines, t), into a box of height 1."""
    over = left + width * np.linspace(0.02, 0.98, lines.shape[1])
    ax.plot([left, left + width], [top + 1] * 2, color=RULE, linewidth=0.8)
    for line, colour in zip(lines, (SOFT, *SERIES), strict=False):
        ax.plot(over, top + 0.97 - 0.94 * line, color=colour, linewidth=1.1)


def table_of(caption: str, x: Floats, spec: Spec, names: Sequence[str], columns: Sequence[str] = ()) -> Grid:
    """Rows of x that belong into a grid, (strips, pictures, *shape), as that grid.

    Args:
        caption: What they show.
        x: In scaled units. Of series a strip becomes one picture with its first, middle and last course.
        spec: What the data is.
        names: Of the strips.
        columns: Of the pictures.
    """
    if spec.kind == "series":
        shown = sorted({0, x.shape[1] // 2, x.shape[1] - 1})
        courses = within(x[:, shown].mean(2)[:, None], np.nanmin(x), np.nanmax(x))  # (strips, 1, lines, t)
        strips = [Strip(name, line) for name, line in zip(names, courses, strict=True)]
        return Grid(caption, strips, lines=[columns[place] if columns else f"step {place}" for place in shown])
    pictures = looks(x.reshape(-1, *spec.shape), spec)
    if spec.kind == "table":
        lines = pictures[0].reshape(len(names), 1, *x.shape[1:], 3)  # (strips, 1, pictures, D, 3)
        cells = [column.name for column in spec.columns]
        return Grid(caption, [Strip(name, line) for name, line in zip(names, lines, strict=True)], cells=cells)
    lines = pictures.reshape(*x.shape[:2], *pictures.shape[1:])
    return Grid(caption, [Strip(name, line) for name, line in zip(names, lines, strict=True)], columns)


def pictures_of(x: Floats, spec: Spec) -> Floats:
    """Rows of x as pictures of bare numbers: (n, h, w), of colour images (n, h, w, 3).

    The rows of a table become one picture, (1, n, D).
    """
    if spec.kind == "table":
        return x[None]
    if spec.kind == "volume":
        slices = x.mean(1)[:, np.unique(np.linspace(0, x.shape[2] - 1, SLICES).astype(int))]  # (n, S, h, w)
        return np.concatenate(list(np.moveaxis(slices, 1, 0)), axis=2)  # (n, h, S * w)
    return np.moveaxis(x, 1, -1) if x.shape[1] == 3 else x.mean(1)


def looks(x: Floats, spec: Spec) -> Floats:
    """Rows of x as pictures in colours, (n, h, w, 3); those of a table end at `colours.limit_of(x)`."""
    pictures = pictures_of(x, spec)
    if spec.kind == "table":
        return colours.signed(pictures, colours.limit_of(x))
    low, high = spec.value_range if np.isfinite(spec.value_range).all() else (np.nanmin(pictures), np.nanmax(pictures))
    shades = colours.greys(pictures, float(low), float(high))
    return shades if shades.ndim == 4 else np.repeat(shades[..., None], 3, axis=3)


def differences(x: Floats, spec: Spec, limit: float) -> Floats:
    """Differences of rows as pictures in colours, (n, h, w, 3): colours of an image are averaged."""
    pictures = pictures_of(x, spec)
    return colours.signed(pictures.mean(3) if pictures.ndim == 4 else pictures, limit)


def within(lines: Floats, low: float, high: float) -> Floats:
    """Courses scaled so that `low` to `high` is 0 to 1."""
    return (lines - low) / ((high - low) or 1.0)
