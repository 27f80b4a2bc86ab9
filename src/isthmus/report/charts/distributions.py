"""Where values lie: histograms of one number, scatter plots of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError, ParameterError, ValueRangeError
from isthmus.report.charts.arrays import Floats, few, finite_of, numbers_of, same_length, sampled
from isthmus.report.charts.drawing import INK, PAPER, SERIES, Sheet, Words, chart, label, legend, number_ticks
from isthmus.report.numerals import numeral
from isthmus.report.pictures import Chart

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MOST_BINS, FEWEST_BINS = 60, 12
MOST_POINTS = 500  # a page stays small, and more would hide each other
MARKERS = (("o", 6.0), ("s", 5.5), ("^", 7.5), ("D", 5.5), ("v", 7.5), ("P", 8.0))  # of one weight to the eye
Counts = dict[str, npt.NDArray[np.intp]]


def histogram(
    groups: Mapping[str, npt.ArrayLike],
    *,
    title: str,
    x: str,
    y: str = "rows",
    threshold: float | None = None,
    upto: float | None = None,
    log_values: bool = False,
    log_counts: bool = False,
    caption: str = "",
) -> Chart:
    """Draw how the values of each group are distributed, as outlines over common bins.

    Args:
        groups: Name -> values, (n,); one to six groups.
        title: The line above the chart.
        x: What the values are, with their unit: "anomaly score (nats)".
        y: What is counted.
        threshold: A value to mark with a vertical line; None for none.
        upto: Where the axis ends; what lies beyond is gathered in the last bin, and the axis says so. For long tails;
            None for no limit.
        log_values: A logarithmic value axis; all values must be positive.
        log_counts: A logarithmic count axis, on which a handful beside thousands can be seen.
        caption: How to read the chart.

    Returns:
        The chart, described by each group's count, median and range.

    Raises:
        InputError: A group without a finite value.
        ValueRangeError: Values <= 0 under `log_values`, or beyond 1e100.
        ParameterError: No group, or more than six; `upto` below every value.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> chart = histogram({"benign": [1.0, 1.2, 0.9]}, title="Scores", x="score (nats)", threshold=1.1)
        >>> chart.description
        'benign: 3 rows, median 1, from 0.9 to 1.2. Threshold at 1.1.'
    """
    read = {name: finite_of(f"groups[{name!r}]", values) for name, values in few("groups", groups, 6).items()}
    marks = [] if threshold is None else [float(threshold)]
    edges = bin_edges([found for found, _ in read.values()], marks, log_values, np.inf if upto is None else upto)
    counts = {name: np.histogram(found.clip(edges[0], edges[-1]), edges)[0] for name, (found, _) in read.items()}
    if upto is not None and any(found.max() > edges[-1] for found, _ in read.values()):
        x = f"{x}; the last bin holds {numeral(edges[-2], 3)} and more"

    def draw(axes: Axes, sheet: Sheet) -> None:
        """Outlines, the threshold, and their names."""
        handles = _outlines(axes, counts, edges, log_counts)
        handles += [axes.axvline(mark, color=INK, linestyle=(0, (3, 2)), linewidth=1.5) for mark in marks]
        if log_values:
            axes.set_xscale("log")
        label(axes, x, f"{y}, log scale" if log_counts else y)
        number_ticks(axes, sheet, whole="y")
        legend(axes, handles, [*counts, *(f"threshold {numeral(mark)}" for mark in marks)], sheet)

    sentences = [_described(name, found, y) for name, (found, _) in read.items()]
    sentences += [f"Threshold at {numeral(mark)}." for mark in marks]
    return chart(draw, Words(title, caption, sentences, sum(lost for _, lost in read.values())), 300, 280)


def bin_edges(
    groups: Sequence[Floats], marks: Sequence[float], log_values: bool = False, upto: float = np.inf
) -> Floats:
    """Bin edges over all groups, one of them at the threshold, so that no bin stands on both sides of it."""
    values = np.concatenate([*groups, marks])
    if log_values and values.min() <= 0:
        came = f"log_values=True, but the smallest value is {values.min():.4g}"
        raise ValueRangeError(came, "a logarithmic axis has room for positive values only", "use log_values=False")
    if upto <= values.min():
        came = f"upto={upto!r}, but the smallest value is {values.min():.4g}"
        raise ParameterError(came, "it lies above some of the values", "use a high quantile of them, or None")
    scale = np.log10 if log_values else np.positive
    low, high = scale(values.min()), scale(values.clip(max=upto).max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = max(abs(low) * 0.05, 0.5)
        low, high = low - margin, high + margin
    width = min(_bin_width(scale(group.clip(max=upto)), high - low) for group in groups)
    start = low if not marks else scale(marks[0]) - width * np.ceil((scale(marks[0]) - low) / width)
    edges = start + width * np.arange(np.ceil((high - start) / width - 1e-9) + 1)
    return np.asarray(10**edges if log_values else edges)


def _bin_width(values: Floats, reach: float) -> float:
    """The width that Freedman and Diaconis (1981) advise for one group, within what a chart can show."""
    quarters = float(np.subtract(*np.quantile(values, [0.75, 0.25])))
    return float(np.clip(2 * quarters / len(values) ** (1 / 3), reach / MOST_BINS, reach / FEWEST_BINS))


def _outlines(axes: Axes, counts: Counts, edges: Floats, log_counts: bool) -> list[Artist]:
    """Each group as an outline with a light filling."""
    floor = 0.6 if log_counts else 0.0
    handles: list[Artist] = []
    for (_, found), colour in zip(counts.items(), SERIES, strict=False):
        shape = axes.stairs(np.maximum(found, floor), edges.tolist(), baseline=floor, fill=True, linewidth=1.6)
        shape.set_facecolor((colour, 0.16))
        shape.set_edgecolor(colour)
        handles.append(shape)
    if log_counts:
        axes.set_yscale("log")
    axes.set_ylim(bottom=floor)
    return handles


def _described(name: str, values: Floats, y: str) -> str:
    """One group in words."""
    low, middle, high = (numeral(value) for value in np.quantile(values, [0, 0.5, 1]))
    return f"{name}: {len(values):,} {y}, median {middle}, from {low} to {high}."


def scatter(
    xy: npt.ArrayLike,
    groups: Sequence[object] | npt.NDArray[np.generic] | None = None,
    *,
    title: str,
    x: str = "z₁",
    y: str = "z₂",
    caption: str = "",
) -> Chart:
    """Draw points in the plane, each group in a colour and a marker of its own.

    Beyond 500 points an even sample is drawn, the same one at every call, and the caption says so.

    Args:
        xy: (n, 2); a row that is not finite is left out.
        groups: (n,) the name of each point's group, at most twelve different ones; None for one group.
        title: The line above the chart.
        x: What the first column is, with its unit.
        y: What the second column is, with its unit.
        caption: How to read the chart.

    Raises:
        InputError: Not two columns, no finite row, or `groups` of another length.
        ParameterError: More than twelve groups.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> scatter([[0, 1], [2, 3], [1, 1]], ["a", "b", "a"], title="Codes").description
        '3 points in 2 groups: a (2), b (1).'
    """
    points = numbers_of("xy", xy, ndim=2)
    names = np.array([""] * len(points) if groups is None else [str(group) for group in groups], dtype=object)
    same_length(xy=points, groups=names)
    finite = np.isfinite(points).all(axis=1)
    if points.shape[1] != 2 or not finite.any():
        came = f"xy has shape {points.shape} and {int(finite.sum())} finite rows"
        raise InputError(came, "a scatter plot needs two columns and a finite row", "pick two axes of the code")
    lost, points, names = int((~finite).sum()), points[finite], names[finite]
    members = few("groups", {name: names == name for name in dict.fromkeys(names.tolist())}, 2 * len(SERIES))
    kept = sampled(len(points), MOST_POINTS)

    def draw(axes: Axes, sheet: Sheet) -> None:
        """The dots of each group, and their names."""
        shown = {name: points[kept][member[kept]] for name, member in members.items()}
        handles = [_dots(axes, dots, number) for number, dots in enumerate(shown.values())]
        axes.grid(True, axis="both")
        label(axes, x, y)
        number_ticks(axes, sheet)
        legend(axes, handles, list(members), sheet)

    counted = ", ".join(f"{name} ({int(member.sum()):,})" for name, member in members.items())
    grouped = f" in {len(members)} groups: {counted}" if groups is not None else ""
    if len(kept) < len(points):
        caption = f"{caption} {len(kept):,} of {len(points):,} points are drawn.".strip()
    return chart(draw, Words(title, caption, [f"{len(points):,} points{grouped}."], lost), 420, 340 + 8 * len(members))


def _dots(axes: Axes, dots: Floats, number: int) -> Artist:
    """One group's points; from the seventh group on the markers are hollow."""
    colour, (marker, size) = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
    hollow = number >= len(SERIES)
    face, edge = (PAPER, colour) if hollow else (colour, PAPER)
    (line,) = axes.plot(dots[:, 0], dots[:, 1], marker, color=face, markeredgecolor=edge, markersize=size)
    line.set_markeredgewidth(1.4 if hollow else 0.6)
    return line
