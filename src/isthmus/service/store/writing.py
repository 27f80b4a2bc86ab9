"""Records into tables, inside a transaction that the caller has begun."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from isthmus.errors import ConflictError, IsthmusError
from isthmus.service.store.records import Once, Record, Scoring, Verdict, packed, place, score_id, unknown, unpacked
from isthmus.service.store.schema import alerts, answers, feedback, scorings

Outcome = str | IsthmusError | None
"""What a repeated request was told the first time; why a record is refused; None where it was written."""


def write(connection: Connection, records: Sequence[Record]) -> list[Outcome]:
    """Write records, none of them twice.

    Args:
        connection: In a transaction.
        records: In the order in which they came.

    Returns:
        What became of each.
    """
    outcomes = [None if record.once is None else _told_before(connection, record.once, record) for record in records]
    new = [i for i, outcome in enumerate(outcomes) if outcome is None]
    _write_scorings(connection, [record for i in new if isinstance(record := records[i], Scoring)])
    for i in new:
        record = records[i]
        if isinstance(record, Verdict):
            outcomes[i] = _write_verdict(connection, record)
    return outcomes


def insert_once(connection: Connection, table: sa.Table, values: Any) -> bool:
    """Insert rows but for those that are there already; of a single row, whether it was new.

    Args:
        connection: In a transaction.
        table: With a key that tells.
        values: {column: value}, or a list of such.
    """
    insert = _insert_once(table, connection.dialect.name)
    result = connection.execute(insert, values, execution_options={"preserve_rowcount": True})
    return isinstance(values, dict) and result.rowcount == 1


@cache
def _insert_once(table: sa.Table, dialect: str) -> Any:
    """The statement, made once: it remembers what it compiles to, and making it takes as long as its execution."""
    kind: Any = postgresql if dialect == "postgresql" else sqlite
    return kind.insert(table).on_conflict_do_nothing()


def _told_before(connection: Connection, once: Once, record: Record) -> Outcome:
    """What the first request under this key was told; None where this is the first."""
    moment = record.scored_at if isinstance(record, Scoring) else record.given_at
    row = {"key": once.key, "digest": once.digest, "answer": once.answer, "given_at": moment}
    if insert_once(connection, answers, row):
        return None
    first = connection.execute(sa.select(answers).where(answers.c.key == once.key)).one()
    if first.digest != once.digest:
        allowed = "a key stands for one request, and this one asks for something else"
        return ConflictError("an Idempotency-Key that was used before", allowed, "use a new key for a new request")
    return str(first.answer)


def _write_scorings(connection: Connection, records: list[Scoring]) -> None:
    """Write scorings and their alarms."""
    kept = [record for record in records if record.sampled or len(record.alarms)]
    if kept:
        insert_once(connection, scorings, [_scoring_row(record) for record in kept])
    raised = [row for record in kept for row in _alert_rows(record)]
    if raised:
        insert_once(connection, alerts, raised)


def _scoring_row(record: Scoring) -> dict[str, Any]:
    """A scoring as a row; its data stand in it where all of them are kept."""
    whole = [record.data[i] for i in range(len(record.scores))] if len(record.data) == len(record.scores) else None
    return {
        "request": record.request,
        "threshold_id": record.threshold_id,
        "scored_at": record.scored_at,
        "n": len(record.scores),
        "alarms": len(record.alarms),
        "sampled": record.sampled,
        "scores": packed(record.scores),
        "p_values": packed(record.p_values),
        "data": whole,
    }


def _alert_rows(record: Scoring) -> list[dict[str, Any]]:
    """The alarms of a scoring as rows."""
    return [
        {
            "request": record.request,
            "score_id": score_id(record.request, row),
            "anomaly_score": float(record.scores[row]),
            "p_value": float(record.p_values[row]),
            "raised_at": record.scored_at,
            "data": record.data.get(row),
        }
        for row in record.alarms.tolist()
    ]


def _write_verdict(connection: Connection, verdict: Verdict) -> Outcome:
    """Write what a person says, beside what it speaks of; an unknown score takes back its key as well."""
    found = _spoken_of(connection, verdict.score_id)
    if isinstance(found, IsthmusError):
        if verdict.once is not None:
            connection.execute(sa.delete(answers).where(answers.c.key == verdict.once.key))
        return found
    names = ("name", "score_id", "verdict", "given_by", "why", "given_at")
    insert_once(connection, feedback, {name: getattr(verdict, name) for name in names} | found)
    return None


def _spoken_of(connection: Connection, name: str) -> dict[str, Any] | IsthmusError:
    """The score that a name stands for, with its row where that is kept."""
    try:
        request, row = place(name)
    except IsthmusError as fault:
        return fault
    found = connection.execute(sa.select(scorings).where(scorings.c.request == request)).one_or_none()
    if found is None or row >= found.n:
        return unknown(name)
    alert = connection.execute(sa.select(alerts.c.data).where(alerts.c.score_id == name)).scalar_one_or_none()
    data = alert if alert is not None or found.data is None else found.data[row]
    score, p_value = (float(unpacked(packed_numbers)[row]) for packed_numbers in (found.scores, found.p_values))
    return {"threshold_id": found.threshold_id, "anomaly_score": score, "p_value": p_value, "data": data}
