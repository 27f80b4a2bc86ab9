"""How one number follows another: training curves, rate and distortion, receiver operating characteristics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError, ValueRangeError
from isthmus.report.charts.arrays import Floats, few, numbers_of, same_length, thinned
from isthmus.report.charts.drawing import DASHES, INK, SERIES, SOFT, Sheet, Words, chart, label, legend, number_ticks
from isthmus.report.numerals import numeral
from isthmus.report.pictures import Chart

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MOST_POINTS = 240  # a curve; the wide drawing has about 600 units to put them on
DOTTED_UPTO = 12  # points: that few are measurements, and get a dot each
Series = Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]]
Lines = dict[str, tuple[Floats, Floats]]


def curves(
    series: Series,
    *,
    title: str,
    x: str,
    y: str,
    mark: float | None = None,
    mark_name: str = "",
    log_x: bool = False,
    log_y: bool = False,
    caption: str = "",
) -> Chart:
    """Draw one line for each series; a NaN is a gap.

    Args:
        series: Name -> (x, y), (n,) each, in the order in which the line runs; one to six series.
        title: The line above the chart.
        x: What x is, with its unit: "epoch".
        y: What y is, with its unit: "distortion (nats per sample)".
        mark: A value of x to mark with a vertical line: where training stopped, say. None for none.
        mark_name: What that line is.
        log_x: A logarithmic x axis.
        log_y: A logarithmic y axis.
        caption: How to read the chart.

    Raises:
        InputError: A series without a finite point, or x and y of different lengths.
        ValueRangeError: Values <= 0 on a logarithmic axis, or beyond 1e100.
        ParameterError: No series, or more than six.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> chart = curves({"training": ([1, 2, 3], [9.0, 5.0, 4.5])}, title="Cost", x="epoch", y="nats per sample")
        >>> chart.description
        'training: 3 points, from 9 at epoch 1 to 4.5 at epoch 3, lowest 4.5.'
    """
    lines, lost = _read("series", few("series", series, len(SERIES)))
    _positive(lines, 0, "log_x", log_x)
    _positive(lines, 1, "log_y", log_y)
    marks, overs = [] if mark is None else [float(mark)], [over for over, _ in lines.values()]

    def draw(axes: Axes, sheet: Sheet) -> None:
        """Lines, the mark, and their names."""
        handles = _strokes(axes, lines)
        handles += [axes.axvline(one, color=INK, linestyle=(0, (3, 2)), linewidth=1.5) for one in marks]
        axes.set(xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
        label(axes, f"{x}, log scale" if log_x else x, f"{y}, log scale" if log_y else y)
        number_ticks(axes, sheet, whole="x" if all(np.array_equal(over, over.round()) for over in overs) else "")
        legend(axes, handles, [*lines, *(f"{mark_name} {numeral(one)}".strip() for one in marks)], sheet)

    sentences = [_described(name, line, x) for name, line in lines.items()]
    sentences += [f"{mark_name or 'mark'} at {x} {numeral(one)}." for one in marks]
    return chart(draw, Words(title, caption, sentences, lost), 300, 280)


def roc(
    rates: Series,
    *,
    title: str,
    operating: tuple[float, float] | None = None,
    caption: str = "",
) -> Chart:
    """Draw receiver operating characteristics: the share of anomalies found against the share of false alarms.

    Args:
        rates: Name -> (false positive rate, true positive rate), (n,) each, rising from 0 to 1; one to six.
        title: The line above the chart.
        operating: (false positive rate, true positive rate) at the threshold in use; None for no dot.
        caption: How to read the chart.

    Returns:
        The chart; each name stands with the area under its curve, by trapezoids.

    Raises:
        InputError: A curve without a finite point, or rates of different lengths.
        ValueRangeError: Rates outside [0, 1].
        ParameterError: No curve, or more than six.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> roc({"isthmus": ([0, 0, 1], [0, 0.9, 1])}, title="ROC").description
        'isthmus: area under the curve 0.950.'
    """
    lines, lost = _read("rates", few("rates", rates, len(SERIES)))
    lines = {name: (alarms[~np.isnan(found)], found[~np.isnan(found)]) for name, (alarms, found) in lines.items()}
    for name, line in lines.items():
        _is_rate(f"rates[{name!r}]", np.concatenate(line))
    if operating is not None:
        _is_rate("operating", np.array(operating, dtype=np.float64))
    areas = {name: float(np.trapezoid(found, alarms)) for name, (alarms, found) in lines.items()}

    def draw(axes: Axes, sheet: Sheet) -> None:
        """Lines above the diagonal, and the threshold in use."""
        names = [f"{name}, AUC {area:.3f}" for name, area in areas.items()] + ["chance"]
        (chance,) = axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1.0, linestyle=(0, (2, 2)))
        handles = [*_strokes(axes, lines, dotted=False), chance]
        if operating is not None:
            handles += axes.plot(*operating, "o", color=INK, markersize=8, zorder=5, clip_on=False)
            names.append("threshold in use")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", anchor="W")
        axes.grid(True, axis="both")
        label(axes, "false positive rate", "true positive rate")
        number_ticks(axes, sheet)
        legend(axes, handles, names, sheet, beside=sheet.wide)

    sentences = [f"{name}: area under the curve {area:.3f}." for name, area in areas.items()]
    if operating is not None:
        sentences.append("Threshold in use: {:.3f} of the anomalies at {:.3f} false alarms.".format(*operating[::-1]))
    return chart(draw, Words(title, caption, sentences, lost), 380, 390 + 18 * (len(lines) + (operating is not None)))


def _read(kind: str, series: Series) -> tuple[Lines, int]:
    """Each series as two arrays of one length, and how many points are not finite."""
    lines = {}
    lost = 0
    for name, (x, y) in series.items():
        over, values = numbers_of(f"{kind}[{name!r}] x", x), numbers_of(f"{kind}[{name!r}] y", y)
        same_length(**{f"{kind}[{name!r}] x": over, "y": values})
        known = np.isfinite(over)
        over, values = over[known], np.where(np.isfinite(values), values, np.nan)[known]
        if np.isnan(values).all():
            came = f"{kind}[{name!r}] holds {known.size} points, none of them finite"
            raise InputError(came, "a line needs at least one", "leave it out, or look for where NaN comes from")
        lines[name] = over, values
        lost += known.size - int(np.isfinite(values).sum())
    return lines, lost


def _positive(lines: Lines, axis: int, name: str, wanted: bool) -> None:
    """Check that a logarithmic axis has room for every value."""
    lowest = min(float(np.nanmin(line[axis])) for line in lines.values())
    if wanted and lowest <= 0:
        came = f"{name}=True, but the smallest value is {lowest:.4g}"
        raise ValueRangeError(came, "a logarithmic axis has room for positive values only", f"use {name}=False")


def _is_rate(name: str, values: Floats) -> None:
    """Check that rates are shares."""
    if not (values.min() >= 0 and values.max() <= 1):
        came = f"{name} holds values from {values.min():.4g} to {values.max():.4g}"
        raise ValueRangeError(came, "rates are in [0, 1]", "pass shares, not counts or per cent")


def _strokes(axes: Axes, lines: Lines, dotted: bool = True) -> list[Artist]:
    """Each series as a line in its own colour and dash; measurements that are few get dots."""
    handles: list[Artist] = []
    for (x, y), colour, dash in zip(lines.values(), SERIES, DASHES, strict=False):
        few_points = len(x) == 1 or dotted and len(x) <= DOTTED_UPTO
        marker = "o" if few_points else ""
        handles += axes.plot(*thinned(x, y, MOST_POINTS), color=colour, linestyle=dash, marker=marker, markersize=5)
    return handles


def _described(name: str, line: tuple[Floats, Floats], x: str) -> str:
    """One series in words."""
    known = np.isfinite(line[1])
    over, values = line[0][known], line[1][known]
    ends = (f"{numeral(values[end])} at {x} {numeral(over[end])}" for end in (0, -1))
    return f"{name}: {len(values):,} points, from {' to '.join(ends)}, lowest {numeral(values.min())}."
