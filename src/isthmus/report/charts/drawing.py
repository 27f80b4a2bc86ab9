"""The drawing board: one look for all charts, drawn twice (wide and narrow) and handed on as themable SVG.

Colours are those of the light page; the page swaps each for a variable of its own, so that a dark one fits too.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.errors import MissingExtraError
from isthmus.report.markup import printable
from isthmus.report.numerals import numeral, scale, typeset
from isthmus.report.pictures import Chart
from isthmus.report.svg import tidy

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, RULE, PAPER = "#1d2329", "#59636e", "#e1e4e2", "#fcfcfa"
SERIES = ("#1f78c8", "#a8420c", "#0a5a52", "#5f2c7e", "#a68e12", "#7f8894")
THEME = {
    INK: "currentColor",
    SOFT: f"var(--soft,{SOFT})",
    RULE: f"var(--rule,{RULE})",
    PAPER: f"var(--paper,{PAPER})",
} | {colour: f"var(--series-{number},{colour})" for number, colour in enumerate(SERIES, 1)}
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (8, 2, 2, 2)), (0, (1, 1)), (0, (4, 4)))

TEXT = 12.5  # user units; the wide drawing is shown at 0.75 to 1.1 of its size, the narrow one at 0.85 to 1.2
LOOK: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "isthmus",
    "text.parse_math": False,
    "path.simplify": False,
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "legend.fontsize": TEXT,
    "xtick.labelsize": TEXT - 0.5,
    "ytick.labelsize": TEXT - 0.5,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": SOFT,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelpad": 7,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 1.0,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": RULE,
    "grid.linewidth": 1.0,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 4,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.8,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.04,
    "figure.constrained_layout.w_pad": 0.02,
}
_ONE_AT_A_TIME = threading.Lock()  # matplotlib's settings are global


@dataclass(frozen=True)
class Sheet:
    """A size of paper, in user units of which the page shows about one per CSS pixel."""

    width: int
    ticks: int
    letters: int

    @property
    def wide(self) -> bool:
        """Whether names fit beside what they name."""
        return self is WIDE


WIDE = Sheet(width=680, ticks=8, letters=34)
NARROW = Sheet(width=360, ticks=5, letters=26)
Draw = Callable[["Axes", Sheet], None]


@dataclass(frozen=True)
class Words:
    """What is said about a chart: its title, how to read it, and the sentences that stand in for it.

    `lost` counts the values that could not be drawn; the caption says so.
    """

    title: str
    caption: str
    sentences: Sequence[str]
    lost: int = 0


def chart(draw: Draw, words: Words, wide_height: int, narrow_height: int) -> Chart:
    """Draw on both sheets, whose heights are in user units.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    wide, narrow = _svg(draw, WIDE, wide_height), _svg(draw, NARROW, narrow_height)
    what = "value that is not finite is" if words.lost == 1 else "values that are not finite are"
    left_out = f"{words.lost:,} {what} left out." if words.lost else ""
    caption = " ".join(filter(None, (words.caption, left_out)))
    return Chart(wide, words.title, " ".join(words.sentences), caption, narrow)


def _svg(draw: Draw, sheet: Sheet, height: int) -> str:
    """One drawing as SVG; the same data gives the same bytes."""
    with _board() as new_figure, io.StringIO() as file:
        figure = new_figure(figsize=(sheet.width / 72, height / 72))  # SVG has 72 units to matplotlib's inch
        axes = figure.add_subplot()
        draw(axes, sheet)
        if axes.get_aspect() != "auto":  # a square shape settles in the second round only
            figure.draw_without_rendering()
        figure.savefig(file, format="svg", metadata={"Date": None})
        return tidy(file.getvalue(), THEME)


@contextlib.contextmanager
def _board() -> Iterator[Callable[..., Figure]]:
    """matplotlib in our look, whatever the caller's settings are; they are back as they were afterwards."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("drawing a chart", "matplotlib", "plot") from error
    with _ONE_AT_A_TIME, style.context([LOOK], after_reset=True), warnings.catch_warnings():
        # The reader's browser has the fonts; matplotlib only measures, and measures a box instead.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield Figure


def legend(axes: Axes, handles: Sequence[Artist], names: Sequence[str], sheet: Sheet, *, beside: bool = False) -> None:
    """Name the series above the data or beside it, never over it; a series without a name needs none."""
    handles = [handle for handle, name in zip(handles, names, strict=True) if name]
    shown = [short(name, sheet.letters) for name in names if name]
    if not shown:
        return
    widest = max((len(name) for name in shown), default=0) * 0.58 * TEXT + 55
    columns = max(1, min(len(shown), int(sheet.width / widest)))
    if beside:
        axes.legend(handles, shown, loc="upper left", bbox_to_anchor=(1.05, 1.0))
    elif axes.figure is not None:
        rows = [position for first in range(columns) for position in range(first, len(shown), columns)]
        lined = [handles[position] for position in rows], [shown[position] for position in rows]
        axes.figure.legend(*lined, loc="outside upper left", ncols=columns)


def label(axes: Axes, x: str, y: str) -> None:
    """Name the axes; y's name lies flat above it, where it is easy to read."""
    axes.set_xlabel(short(x, 60))
    axes.set_title(short(y, 60))


def number_ticks(axes: Axes, sheet: Sheet, *, rows: bool = False, whole: str = "") -> None:
    """Write tick labels as the page writes numbers, as many as fit; where y holds `rows`, their names stay.

    `whole` names the axes ("x", "y", "xy") whose numbers are counts, of which there are no halves.
    """
    from matplotlib.ticker import Formatter, MaxNLocator

    class Numerals(Formatter):
        """All ticks of an axis at once."""

        linear = True

        def __call__(self, x: float, pos: int | None = None) -> str:
            """One tick of a logarithmic axis: a power of ten, as such where it is long."""
            return numeral(x) if 5e-4 < x < 5e4 else typeset(f"{x:.0e}")

        def format_ticks(self, values: Sequence[float]) -> list[str]:
            """The ticks of a linear axis are written alike."""
            return scale(values) if self.linear else [self(value) for value in values]

    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis))[: 1 if rows else 2]:
        numerals = Numerals()
        numerals.linear = axis.get_scale() == "linear"
        if numerals.linear:
            longest = max(len(text) for text in scale([float(f"{end:.3g}") for end in axis.get_view_interval()]))
            most = min(sheet.ticks, int(sheet.width / (longest * 0.62 * TEXT + 18))) if name == "x" else 6
            counts = name in whole
            steps = [1, 2, 5, 10] if counts else [1, 2, 2.5, 5, 10]
            locator = MaxNLocator(max(most, 2), steps=steps, integer=counts, min_n_ticks=1 if counts else 2)
            axis.set_major_locator(locator)
        axis.set_major_formatter(numerals)
    axes.minorticks_off()


def short(text: str, letters: int) -> str:
    """A name that fits, its middle left out where it doesn't.

    Example:
        >>> short("mean concave points of the nucleus", 20)
        'mean conca…e nucleus'
    """
    text = " ".join(printable(text).split())
    if len(text) <= letters:
        return text
    return f"{text[: letters // 2].rstrip()}…{text[len(text) - (letters - letters // 2 - 1) :].lstrip()}"
