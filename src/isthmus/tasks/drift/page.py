"""The page about a watch: what changed since quiet time, and what chance alone would have done."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import isthmus
from isthmus.report import Block, Figures, Note, Page, Section, Table, Text, charts
from isthmus.tasks.anomaly.page_blocks import drawn
from isthmus.tasks.drift.bins import Floats
from isthmus.tasks.drift.watched import RULES, Seen, Watched
from isthmus.tasks.drift.watcher import THRESHOLD

MOST = 5  # columns that are drawn
MADE = (
    "A stream counts in a window where its distance from quiet time is beyond its limit there and in one of the two "
    "windows before. Limits come from quiet time itself: blocks of it are drawn again, 200 quiet times and 52 windows "
    "after each, and one factor is set so that they raise one alarm in the stated number of windows, everything "
    "together. Rows that stand beside each other stay so, hence scores that remember raise no more alarms than scores "
    "that do not. Distances below the floor never count, however many rows make them sure.\n\n"
    "The two rules of the textbook are run beside as controls: KS with p < 0.01 on all scores, as if rows were "
    "independent, and a quantile that moved by a fifth, however few rows it rests on."
)


def page(found: Watched, name: str) -> Page:
    """The whole page.

    Args:
        found: The watch.
        name: Of the detector.
    """
    lead = (
        f"{len(found.windows)} windows after {found.quiet} quiet ones, from {found.windows[0].window.name} on; one "
        f"false alarm in {found.run_length:g} windows is promised."
    )
    blocks: list[Block] = [
        _verdict(found),
        _calls(found),
        Section("Alerts", [_alerts(found)]),
        Section("Distances from quiet time", _distances(found)),
        Section("The threshold", [_threshold(found)]),
        Section("What is found", _found(found)),
        Section("How the figures were made", [Text(MADE)]),
    ]
    return Page(f"Watch over {name}", lead, blocks, f"Written by isthmus {isthmus.__version__}.")


def _verdict(found: Watched) -> Note:
    """Whether somebody has to look."""
    if not found.alerts:
        return Note("good", "Nothing differs from quiet time by more than chance and the floor.", title="Quiet")
    if not found.raised:
        return Note("note", "All that differs has a cause that somebody recorded.", title="Known")
    first = found.raised[0]
    streams = ", ".join(dict.fromkeys(alert.stream for alert in found.raised))
    return Note("warning", f"Since {first.first}: {streams}.", title="Changed")


def _calls(found: Watched) -> Figures:
    """How often each rule called."""
    counts = found.counts()
    notes = ("held to the run length", "as if rows were independent", "however few rows")
    return Figures([(name, counts[name], note) for name, note in zip(RULES, notes, strict=True)])


def _alerts(found: Watched) -> Table:
    """Every alert, those with a known cause too."""
    rows = [
        [one.first, one.kind, one.stream, one.size, one.limit, one.note or None, one.cause or None]
        for one in found.alerts
    ]
    return Table(["window", "kind", "stream", "distance", "limit", "note", "known cause"], rows, "In order of time")


def _curve(found: Watched, of: Callable[[Seen], float | None]) -> tuple[Floats, Floats]:
    """A figure of each window after quiet time."""
    values = [of(seen) for seen in found.windows]
    return np.arange(1.0, len(values) + 1), np.array([np.nan if one is None else one for one in values])


def _distances(found: Watched) -> list[Block]:
    """The scores, and the columns that are furthest beyond their limits."""
    ratio = {
        name: max((seen.distance(name) / max(limit, 1e-12) for seen in found.windows), default=0.0)
        for name, limit in found.limits.items()
    }
    chosen = sorted(ratio, key=lambda name: -ratio[name])[:MOST]
    series = {name: _over(found, name) for name in chosen}
    text = "Each distance as a multiple of its limit: beyond 1 it counts."
    chart = drawn(
        charts.curves, series, title="Streams that went furthest", x="window", y="distance / limit", caption=text
    )
    apart = ""
    if found.control is not None:
        last = found.windows[-1].told_apart or 0.5
        apart = (
            f"A classifier tells the last window's columns from quiet ones with ROC-AUC {last:.2f}; quiet windows from "
            f"all of quiet time with {found.control:.2f} at most."
        )
    return [chart, *([Text(apart)] if apart else [])]


def _over(found: Watched, name: str) -> tuple[Floats, Floats]:
    """One stream's distance as a multiple of its limit."""
    return _curve(found, lambda seen: seen.distance(name) / max(found.limits[name], 1e-12))


def _threshold(found: Watched) -> Block:
    """Where the threshold would be, with its band."""
    series = {
        "set anew": _curve(found, lambda seen: seen.moved.value),
        "in use": _curve(found, lambda seen: found.threshold),
        "band, low": _curve(found, lambda seen: seen.moved.low),
        "band, high": _curve(found, lambda seen: seen.moved.high),
    }
    moved = sum(alert.kind == THRESHOLD for alert in found.alerts)
    text = f"{moved} windows moved it by more than a fifth of its height over the middle, and beyond chance."
    return drawn(charts.curves, series, title="Threshold by the latest windows", x="window", y="score", caption=text)


def _found(found: Watched) -> list[Block]:
    """Alarms, confirmed anomalies that were found, and members that disagree."""
    head = ["window", "rows", "alarms", "recall on confirmed", "separation", "by its members", "KS rule", "20 % rule"]
    rows = [
        [
            seen.window.name,
            seen.window.rows,
            seen.alarm_rate,
            None if seen.recall is None else seen.recall.value,
            seen.separation,
            seen.horizon or None,
            seen.ks,
            seen.bare,
        ]
        for seen in found.windows
    ]
    formats = {"alarms": ".2%", "recall on confirmed": ".0%", "separation": ".3f"}
    caption = "Recall and separation are of anomalies that people confirmed; a dash where there was none"
    return [Table(head, rows, caption, formats)]
