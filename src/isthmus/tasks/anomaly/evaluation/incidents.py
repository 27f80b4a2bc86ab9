"""The part of a page that shows alarms put together."""

from __future__ import annotations

from isthmus.report import Block, Section, Table, Text
from isthmus.tasks.anomaly.evaluation.evaluation import Evaluation
from isthmus.tasks.anomaly.evaluation.text import about

SHOWN = 10
EXPLAINED = (
    "Alarms that the same columns raised are one incident, so that whoever looks into them looks once. They are told "
    "apart by each column's share alone: no label is read, and no number of incidents is given."
)


def section(found: Evaluation) -> list[Block]:
    """The largest incidents; nothing where there are none."""
    shown = found.incidents[:SHOWN]
    if not shown:
        return []
    head = ["incident", "alarms", "anomalies among them", "columns, by their share", "typical row", "first", "last"]
    rows = [
        [
            one.incident,
            one.size,
            int(found.anomalous[one.rows].sum()),
            about(one),
            one.representative,
            one.first,
            one.last,
        ]
        for one in shown
    ]
    left = found.incidents[SHOWN:]
    more = f"; {len(left):,} more have {sum(one.size for one in left):,} alarms" if left else ""
    caption = f"{found.confusion().alarms:,} alarms; rows are numbered from 0{more}"
    return [Section("Incidents", [Text(EXPLAINED), Table(head, rows, caption)])]
