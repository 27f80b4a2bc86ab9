"""What is kept for how long, and the way out of the store: Parquet files that need no database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from isthmus.data import files
from isthmus.service.store import reading
from isthmus.service.store.schema import alerts, answers, scorings
from isthmus.service.store.store import Store

CHUNK = 5000  # requests in one file of scores
LISTS: dict[str, Callable[..., reading.Rows]] = {
    "models": reading.known_models,
    "thresholds": reading.known_thresholds,
    "alerts": reading.known_alerts,
    "feedback": reading.known_feedback,
    "drift": reading.known_drift,
    "runs": reading.known_runs,
    "audit": reading.audit_trail,
}
ALL = 2**31 - 1


def forget(store: Store, before: datetime, *, by: str, why: str) -> dict[str, int]:
    """Delete scores and alarms from before a moment, and what repeated requests were told; the rest stays.

    Verdicts hold copies of what they speak of, so they stay whole. The audit trail gets a line.

    Args:
        store: Where.
        before: What is older goes.
        by: Who wants it.
        why: In his words.

    Returns:
        How many scorings, alerts and answers went.
    """

    def work(connection: Connection) -> dict[str, int]:
        old = sa.select(scorings.c.request).where(scorings.c.scored_at < before)
        ends = {
            "alerts": sa.delete(alerts).where(alerts.c.request.in_(old)),
            "scorings": sa.delete(scorings).where(scorings.c.scored_at < before),
            "answers": sa.delete(answers).where(answers.c.given_at < before),
        }
        return {name: int(connection.execute(end).rowcount) for name, end in ends.items()}

    gone = store.changed(work)
    store.note(by, "forget", f"before {before.isoformat()}", why, **gone)
    return gone


def export(store: Store, folder: Path) -> list[Path]:
    """Write all that is in the store as Parquet files: scores in numbered ones, a file for each other table.

    JSON values are text there.

    Args:
        store: What is written.
        folder: Made where it is missing.

    Returns:
        The files, in the order in which they were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [_put(folder / f"{name}.parquet", _columns(read(store, most=ALL))) for name, read in LISTS.items()]
    after, number = 0, 0
    while len((columns := reading.kept_scores(store, after=after, most=CHUNK))["scoring"]):
        after, number = int(columns["scoring"][-1]), number + 1
        written.append(_put(folder / f"scores-{number:05}.parquet", columns))
    return [path for path in written if path is not None]


def _put(path: Path, columns: dict[str, Any]) -> Path | None:
    """One file; none where there are no rows, whose columns' types nobody would know."""
    if not columns:
        return None
    files.write(path, columns)
    return path


def _columns(rows: reading.Rows) -> dict[str, Any]:
    """Rows as columns, with JSON values as text and moments in UTC."""
    return {name: [_plain(row[name]) for row in rows] for name in rows[0]} if rows else {}


def _plain(cell: Any) -> Any:
    """A cell of a Parquet file."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    return json.dumps(cell) if isinstance(cell, dict | list) else cell
