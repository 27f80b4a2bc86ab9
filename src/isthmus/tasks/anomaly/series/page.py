"""The page about a series detector on a labelled series."""

from __future__ import annotations

from typing import Literal

import isthmus
from isthmus.report import Block, Figures, Note, Page, Section, Table, Text
from isthmus.tasks.anomaly.series.evaluation import BEATEN, OURS, SOUND, WEAK, SeriesEvaluation

HEAD = ["method", "VUS-PR", "event F1", "precision", "recall", "normal points under alarm"]
KINDS: dict[str, Literal["good", "warning"]] = {BEATEN: "warning", WEAK: "warning", SOUND: "good"}
INFLATED = ["point-adjusted F1, inflated", "the same of alarms at random"]
HOW = (
    "VUS-PR is the order of the scores, without a threshold. An event is found where one of its points raises an "
    "alarm, and a run of alarms that touches none is a false one. The detector's threshold was set before; the "
    "controls have as many points under alarm as it has. Point adjustment counts a whole event as found once one of "
    "its points is, so that alarms at random score high: its figures are here to be recognised, not to choose by."
)


def page(found: SeriesEvaluation, name: str) -> Page:
    """The whole page.

    Args:
        found: What was evaluated.
        name: Of the detector's folder.
    """
    ours, promise = found.methods[OURS], found.detector.promise_
    events = f"{found.events:,} event{'s' if found.events != 1 else ''}"
    lead = (
        f"Windows of {found.detector.window} points, judged on {found.points:,} labelled points with {events}. "
        "The threshold was frozen before: no figure below moved it."
    )
    items = [
        ("Events found", f"{round(ours.events.recall * found.events)} of {found.events}", "at least one point each"),
        ("Event F1", f"{ours.events.f1:.3f}", f"precision {ours.events.precision:.3f}"),
        ("VUS-PR", f"{ours.vus_pr:.3f}", "the order of the scores"),
        (
            "Under alarm",
            f"{100 * ours.false_alarm_rate:.1f}\u00a0%",
            f"of the normal points; promised {100 * promise.low:.1f} to {100 * promise.high:.1f}\u00a0%",
        ),
    ]
    rows = [
        [method, one.vus_pr, one.events.f1, *one.events[:2], one.false_alarm_rate, *one.adjusted]
        for method, one in found.methods.items()
    ]
    formats = dict.fromkeys([*HEAD[1:5], *INFLATED], ".3f") | {HEAD[5]: ".1%"}
    blocks: list[Block] = [
        Figures(items),
        Note(KINDS[found.verdict], "\n\n".join(found.sentences()), title="Verdict"),
        Section("Beside the controls", [Text(HOW), Table([*HEAD, *INFLATED], rows, "Methods", formats)]),
    ]
    return Page(f"The detector {name} on a labelled series", lead, blocks, f"Written by isthmus {isthmus.__version__}.")
