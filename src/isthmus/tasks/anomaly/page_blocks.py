"""What pages about detectors have in common: methods side by side, and the columns that made a row anomalous."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from numbers import Real
from typing import Any

from isthmus.metrics import Interval
from isthmus.report import Block, Chart, Table, Text, charts
from isthmus.tasks.anomaly.demo.comparison import DETECTOR
from isthmus.tasks.anomaly.evaluation.anomalies import Anomaly

COLUMNS = 4  # of each row in the table of reasons
NAMES = {DETECTOR: "isthmus detector"}
HEADS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "recall": "found, %",
    "false_alarm_rate": "false alarms, %",
}
FORMS = {"roc_auc": (3, 1), "average_precision": (3, 1), "recall": (0, 100), "false_alarm_rate": (1, 100)}
"""Decimals and factor of each figure in the table."""
NEAREST = "nearest normal"
KINDS = {"detector": "good", "control": "warning", "undecided": "note"}
"""Of the note that says who wins."""
HIGHEST = (
    "The rows with the highest scores. For each column the model says what it *expected* from the row as a whole, "
    "and the band that calibration rows keep around such an expectation. *Share* is the column's part of the score."
)


def drawn(chart: Callable[..., Chart], *values: Any, title: str, **options: Any) -> Block:
    """A chart, or where matplotlib is not installed a line that says how to have it."""
    if find_spec("matplotlib") is None:
        return Text(f'*{title}: to see this chart, run `pip install "isthmus[plot]"` and the command again.*')
    return chart(*values, title=title, **options)


def compared(figures: Mapping[str, Mapping[str, Interval]], over: str, caption: str) -> list[Block]:
    """Methods side by side: their ROC-AUC as bars, and every figure in a table.

    Args:
        figures: By method, the detector first, then by figure.
        over: What the intervals are taken over.
        caption: Of the table.
    """
    areas = [one["roc_auc"] for one in figures.values()]
    names = [NAMES.get(method, method) for method in figures]
    value, low, high = zip(*areas, strict=True)
    bars = drawn(
        charts.bars,
        names,
        value,
        low,
        high,
        title="ROC-AUC of each method",
        x="ROC-AUC; 0.5 is a coin",
        highlight=names[0],
        caption=f"The line is the 95 % interval {over}.",
    )
    rows = [[name, *map(unbroken, HEADS, one.values())] for name, one in zip(names, figures.values(), strict=True)]
    return [bars, Table(["method", *HEADS.values()], rows, caption)]


def unbroken(figure: str, interval: Interval) -> str:
    """The same on one line, however narrow the page."""
    return cell(figure, interval).replace(" ", "\u00a0").replace("–", "\u2060–\u2060")


def cell(figure: str, interval: Interval) -> str:
    """A mean with its interval; rates in per cent.

    Example:
        >>> cell("recall", Interval(0.62, 0.407, 0.835)), cell("roc_auc", Interval(0.9531, 0.94, 0.9662))
        ('62 (41–84)', '0.953 (0.940–0.966)')
    """
    digits, factor = FORMS[figure]
    value, low, high = (f"{factor * end:.{digits}f}" for end in interval)
    return f"{value} ({low}–{high})"


def reasons_table(anomalies: Sequence[Anomaly], kinds: tuple[str, str]) -> Table:
    """Rows and their first reasons.

    Args:
        anomalies: The rows.
        kinds: What a normal row is called, and what an anomaly is.
    """
    rows = [line for anomaly in anomalies for line in _lines(anomaly, kinds[anomaly.anomalous])]
    head = ["row", "column", "seen", "expected", "usual band", NEAREST, "share"]
    caption = "Values in the data's own units; rows are numbered from 0"
    if any(anomaly.nearest for anomaly in anomalies):
        caption += "; the nearest normal row is that of training whose code lies nearest"
    else:
        head, rows = [name for name in head if name != NEAREST], [[*line[:5], line[6]] for line in rows]
    right = dict.fromkeys(head[2:-1], "right")
    return Table(head, rows, caption, formats={"share": ".0%"}, align=right)


def _lines(anomaly: Anomaly, kind: str) -> list[list[object]]:
    """One row's first reasons as lines of a table; the first says which row."""
    told = [f"{anomaly.row}, {kind}"] + [""] * (COLUMNS - 1)
    cells = [
        [why.column, why.seen, why.expected, _band(why.low, why.high), anomaly.nearest.get(why.column)]
        for why in anomaly.reasons
    ]
    shares = [why.share for why in anomaly.reasons]
    return [[name, *map(short, line), share] for name, line, share in zip(told, cells, shares, strict=False)]


def _band(low: Any, high: Any) -> str | None:
    """Both ends of a band; a category has none."""
    return None if low is None else f"{short(low)}\u00a0to\u00a0{short(high)}"


def short(value: Any) -> str | None:
    """A measurement in four digits; a category or a date as it is.

    Example:
        >>> short(4254.0), short(0.052341), short("north"), short(None)
        ('4,254', '0.05234', 'north', None)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return None if value is None else str(value)
    number = float(value)
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def contributions(anomaly: Anomaly) -> Block:
    """A row's columns as bars, and its code.

    Args:
        anomaly: The row, with all of its columns.
    """
    why = anomaly.reasons
    return drawn(
        charts.contributions,
        [*(reason.column for reason in why), "the code"],
        [*(reason.share for reason in why), 1 - sum(reason.share for reason in why)],
        [*(reason.seen for reason in why), None],
        [*(reason.expected for reason in why), None],
        title=f"What made row {anomaly.row} the most anomalous",
        most=COLUMNS + 1,
        caption="The code's part is large where columns are combined as in no training row.",
    )
