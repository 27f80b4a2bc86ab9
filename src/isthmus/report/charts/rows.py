"""One bar a row, its name beside or above it: methods compared, and the columns that made a row anomalous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isthmus.errors import ParameterError, UnknownNameError
from isthmus.report.charts.arrays import Floats, finite_of, numbers_of, same_length
from isthmus.report.charts.drawing import INK, SERIES, SOFT, Sheet, Words, chart, label, legend, number_ticks, short
from isthmus.report.numerals import MISSING, column, numeral
from isthmus.report.pictures import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 30
WIDE_ROW, NARROW_ROW, MARGIN = 30, 46, 74  # user units
COLUMN = 82  # wide enough for "expected" and for a category of eleven letters
ACCENT, QUIET = SERIES[0], SERIES[5]


def bars(
    labels: Sequence[str],
    values: npt.ArrayLike,
    low: npt.ArrayLike | None = None,
    high: npt.ArrayLike | None = None,
    *,
    title: str,
    x: str,
    reference: float | None = None,
    reference_name: str = "reference",
    highlight: str | None = None,
    caption: str = "",
) -> Chart:
    """Draw one number for each of several things as bars from zero, with intervals where they are known.

    Args:
        labels: The names, n <= 30 of them, top to bottom.
        values: (n,); NaN for a thing whose number is not known.
        low: (n,) lower ends of the intervals; None for no intervals.
        high: (n,) upper ends.
        title: The line above the chart.
        x: What the numbers are, with their unit.
        reference: A number to compare with, as a vertical line; None for none.
        reference_name: What that line is.
        highlight: The label whose bar is in colour while the others are grey; None for all in colour.
        caption: How to read the chart.

    Raises:
        InputError: Arrays of different lengths, or no finite value.
        ParameterError: More than 30 bars, or only one end of the intervals.
        UnknownNameError: `highlight` is none of the labels.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> chart = bars(["isthmus", "PCA"], [0.98, 0.93], [0.96, 0.9], [0.99, 0.95], title="AP", x="average precision")
        >>> chart.description
        'isthmus: 0.980 (0.960 to 0.990). PCA: 0.930 (0.900 to 0.950).'
    """
    found, ends = numbers_of("values", values), _intervals(low, high)
    same_length(labels=labels, values=found, low=ends and ends[0], high=ends and ends[1])
    finite_of("values", values)
    _at_most(labels)
    if highlight is not None and highlight not in labels:
        raise UnknownNameError.among("highlight", highlight, labels)
    colours = [ACCENT if highlight in (None, name) else QUIET for name in labels]
    shown = column(found.tolist())

    def draw(axes: Axes, sheet: Sheet) -> None:
        """Bars, intervals, the reference, and the numbers at their ends."""
        reach = np.vstack([found, *(ends or ())])  # (1 or 3, n)
        _bars(axes, sheet, labels, found, colours)
        if ends is not None:
            axes.hlines(range(len(found)), *ends, color=INK, linewidth=1.5)
        _end_labels(axes, np.fmin.reduce(reach), np.fmax.reduce(reach), found < 0, shown)
        if reference is not None:
            line = axes.axvline(reference, color=INK, linestyle=(0, (3, 2)), linewidth=1.5)
            legend(axes, [line], [f"{reference_name} {numeral(reference)}"], sheet)
        label(axes, x, "")
        number_ticks(axes, sheet, rows=True)

    words = Words(title, caption, _sentences(labels, shown, ends))
    return chart(draw, words, MARGIN + WIDE_ROW * len(labels), MARGIN + NARROW_ROW * len(labels))


def _intervals(low: npt.ArrayLike | None, high: npt.ArrayLike | None) -> tuple[Floats, Floats] | None:
    """Both ends of the intervals, or None."""
    if low is None and high is None:
        return None
    if low is None or high is None:
        given = "low" if high is None else "high"
        raise ParameterError(f"{given} alone was given", "an interval has two ends", "pass low and high, or neither")
    return numbers_of("low", low), numbers_of("high", high)


def _at_most(labels: Sequence[str]) -> None:
    """Check that the bars fit one chart."""
    if len(labels) > MOST_ROWS:
        allowed = f"up to {MOST_ROWS} bars can be read in one chart"
        raise ParameterError(f"{len(labels)} bars", allowed, "show the first ones, or use Table")


def _bars(axes: Axes, sheet: Sheet, names: Sequence[str], lengths: Floats, colours: Sequence[str]) -> None:
    """The bars and their names: beside them where there is room, else above."""
    rows = np.arange(len(lengths))
    axes.barh(rows, np.nan_to_num(lengths), height=0.56 if sheet.wide else 0.3, color=colours)
    shown = [short(name, sheet.letters) for name in names]
    axes.set_yticks(rows, shown if sheet.wide else [""] * len(rows))
    axes.tick_params(axis="y", labelcolor=INK, pad=8)
    axes.set_ylim(len(rows) - 0.5, -0.5 if sheet.wide else -0.7)
    axes.grid(False, axis="y")
    axes.spines["bottom"].set_visible(False)
    if sheet.wide:
        axes.axvline(0, color=SOFT, linewidth=1.0)
    else:
        axes.vlines(np.zeros(len(rows)), rows - 0.15, rows + 0.15, color=SOFT, linewidth=1.0)
        for row, name in zip(rows, shown, strict=True):
            axes.annotate(name, (0, row - 0.22), (0, 0), ("axes fraction", "data"), "offset points", va="bottom")


def _end_labels(axes: Axes, low: Floats, high: Floats, left: npt.NDArray[np.bool_], texts: Sequence[str]) -> None:
    """Write each number at the end of its bar, and make room for it there."""
    least, most = min(float(np.nanmin(low)), 0.0), max(float(np.nanmax(high)), 0.0)
    axes.set_xlim(least, most + 0.16 * (most - least or 1.0))
    if left.any():
        axes.tick_params(axis="y", pad=62)
    for row, (start, end, leftwards, text) in enumerate(zip(low, high, left, texts, strict=True)):
        at = np.nan_to_num(start if leftwards else end)
        side, gap = ("right", -5) if leftwards else ("left", 5)
        axes.annotate(text, (at, row), (gap, 0), textcoords="offset points", ha=side, va="center_baseline")


def _sentences(labels: Sequence[str], shown: Sequence[str], ends: tuple[Floats, Floats] | None) -> list[str]:
    """The bars in words."""
    if ends is None:
        return [f"{name}: {value}." for name, value in zip(labels, shown, strict=True)]
    spans = zip(column(ends[0].tolist()), column(ends[1].tolist()), strict=True)
    return [f"{name}: {value} ({' to '.join(span)})." for name, value, span in zip(labels, shown, spans, strict=True)]


def contributions(
    columns: Sequence[str],
    share: npt.ArrayLike,
    seen: Sequence[object],
    expected: Sequence[object],
    *,
    title: str,
    x: str = "share of the anomaly score",
    most: int = 8,
    caption: str = "",
) -> Chart:
    """Draw which columns made one row anomalous, and what was seen there in place of what was expected.

    Args:
        columns: The names of the D columns.
        share: (D,) each column's part of the score; the shares of a row add up to 1.
        seen: D values as they came, in the column's own unit: numbers or categories; None where missing.
        expected: D values that the model expected there.
        title: The line above the chart.
        x: What the shares are parts of.
        most: The largest shares to draw; what remains is drawn as one bar.
        caption: How to read the chart.

    Raises:
        InputError: Arrays of different lengths, or no finite share.
        ParameterError: `most` below 1 or above 30.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> contributions(["area", "texture"], [0.2, 0.8], [510, 31.5], [498, 17.25], title="Row 7").description
        'texture: 80% (seen 31.5, expected 17.25). area: 20% (seen 510, expected 498).'
    """
    parts = numbers_of("share", share)
    same_length(columns=columns, share=parts, seen=seen, expected=expected)
    _, lost = finite_of("share", share)
    if not 1 <= most <= MOST_ROWS:
        raise ParameterError(f"most={most}", f"1 to {MOST_ROWS} bars can be read in one chart", "use most=8")
    parts = np.where(np.isfinite(parts), parts, 0.0)
    order = np.argsort(-parts, kind="stable")
    first, rest = order[:most].tolist(), order[most:]
    names = [columns[row] for row in first] + _others(len(rest))
    values = [(_value(seen[row]), _value(expected[row])) for row in first] + [("", "")] * bool(len(rest))
    lengths = np.append(parts[first], parts[rest].sum())[: len(names)]
    ends = [f"{length:.0%}".replace("-", "−") for length in lengths]

    def draw(axes: Axes, sheet: Sheet) -> None:
        """Bars, their shares, and what was seen and expected."""
        shown = names if sheet.wide else _shortened(names, values, bool((lengths < 0).any()))
        _bars(axes, sheet, shown, lengths, [ACCENT] * len(first) + [QUIET])
        _end_labels(axes, lengths, lengths, lengths < 0, ends)
        (_values_beside if sheet.wide else _values_above)(axes, values)
        axes.set_xticks([])
        label(axes, x, "")

    described = [
        f"{name}: {end}" + (f" (seen {value[0]}, expected {value[1]})." if value != ("", "") else ".")
        for name, end, value in zip(names, ends, values, strict=True)
    ]
    heights = MARGIN + WIDE_ROW * len(names), MARGIN + NARROW_ROW * len(names)
    return chart(draw, Words(title, caption, described, lost), *heights)


def _others(count: int) -> list[str]:
    """The name of the bar that stands for the columns left over, if there are any."""
    return [f"{count} other column{'s' * (count > 1)}"] if count else []


def _value(value: object) -> str:
    """A cell as it came: a number in four digits, a category by name."""
    if value is None:
        return MISSING
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return short(str(value), 11)
    return numeral(float(value))


def _values_beside(axes: Axes, values: Sequence[tuple[str, str]]) -> None:
    """What was seen and what was expected as two columns to the right of the bars."""
    for place, (heading, cells) in enumerate(zip(("seen", "expected"), zip(*values, strict=True), strict=True), 1):
        offset: dict[str, Any] = {"textcoords": "offset points", "ha": "right"}
        axes.annotate(heading, (1, 1), (COLUMN * place, 6), "axes fraction", color=SOFT, **offset)
        for row, cell in enumerate(cells):
            at = ("axes fraction", "data")
            axes.annotate(cell, (1, row), (COLUMN * place, 0), at, va="center_baseline", **offset)


def _values_above(axes: Axes, values: Sequence[tuple[str, str]]) -> None:
    """What was seen and what was expected on the line of the name, above the bar."""
    for row, value in enumerate(values):
        text = ", expected ".join(value) if any(value) else ""
        axes.annotate(text, (1, row - 0.22), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=SOFT)


def _shortened(names: Sequence[str], values: Sequence[tuple[str, str]], indented: bool) -> list[str]:
    """Names that leave room for what stands on the same line of the narrow drawing."""
    letters = 38 if indented else 44
    return [short(name, letters - len(", expected ".join(value))) for name, value in zip(names, values, strict=True)]
