"""The tables of the store, as they are today; `versions` has the steps that lead here.

    models ── thresholds ── scorings ── alerts
                            answers (what an Idempotency-Key was told)
    feedback, drift, runs, audit

A scoring is one request: its scores lie in it as packed float64, so that a thousand rows cost one insert, and each row
has the name REQUEST-ROW. Only alarms have rows of their own. Feedback copies what it speaks of, since it outlives the
scoring. Order is that of `id`, which the store gives out: clocks may go backwards.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint
from sqlalchemy.types import JSON, Boolean, Float, Integer, LargeBinary, Text, TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A point in time with its zone, which is UTC; SQLite itself would forget the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """The moment in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """The moment, in UTC again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Number = sa.BigInteger().with_variant(Integer, "sqlite")
"""A row's number; SQLite counts up by itself only what is called an integer."""

METADATA = sa.MetaData()


def _table(name: str, *rest: Any) -> Table:
    """A table whose rows the database numbers."""
    return Table(name, METADATA, Column("id", Number, primary_key=True, autoincrement=True), *rest)


def _told(name: str, kind: Any, **options: Any) -> Column[Any]:
    """A column that is never empty."""
    return Column(name, kind, nullable=False, **options)


models = _table(
    "models",
    _told("name", Text),
    _told("version", Text),
    _told("kind", Text),
    _told("first_seen", Moment),
    UniqueConstraint("name", "version"),
)
thresholds = _table(
    "thresholds",
    Column("model_id", ForeignKey("models.id"), nullable=False, type_=Number),
    _told("digest", Text),
    _told("value", Float),
    _told("promise", JSON),
    _told("set_at", Moment),
    _told("set_by", Text),
    _told("why", Text),
    UniqueConstraint("model_id", "digest"),
)
scorings = _table(
    "scorings",
    _told("request", Text, unique=True),
    Column("threshold_id", ForeignKey("thresholds.id"), nullable=False, type_=Number),
    _told("scored_at", Moment, index=True),
    _told("n", Integer),
    _told("alarms", Integer),
    _told("sampled", Boolean),
    _told("scores", LargeBinary),
    _told("p_values", LargeBinary),
    Column("data", JSON(none_as_null=True)),
)
alerts = _table(
    "alerts",
    Column("request", ForeignKey("scorings.request", ondelete="CASCADE"), nullable=False, type_=Text),
    _told("score_id", Text, unique=True),
    _told("anomaly_score", Float),
    _told("p_value", Float),
    _told("raised_at", Moment, index=True),
    Column("data", JSON(none_as_null=True)),
)
feedback = _table(
    "feedback",
    _told("name", Text, unique=True),
    _told("score_id", Text, index=True),
    Column("threshold_id", ForeignKey("thresholds.id"), nullable=False, type_=Number),
    _told("verdict", Text),
    _told("given_by", Text),
    _told("why", Text),
    _told("given_at", Moment),
    _told("anomaly_score", Float),
    _told("p_value", Float),
    Column("data", JSON(none_as_null=True)),
)
answers = Table(
    "answers",
    METADATA,
    Column("key", Text, primary_key=True),
    _told("digest", Text),
    _told("answer", Text),
    _told("given_at", Moment, index=True),
)
drift = _table(
    "drift",
    _told("at", Moment),
    _told("model", Text),
    _told("kind", Text),
    Column("column", Text),
    _told("value", Float),
    Column("limit", Float),
    _told("is_drift", Boolean),
    _told("facts", JSON),
)
runs = _table(
    "runs",
    _told("kind", Text),
    _told("model", Text),
    _told("begun_at", Moment),
    Column("ended_at", Moment),
    Column("outcome", Text),
    _told("facts", JSON),
)
audit = _table(
    "audit",
    _told("at", Moment),
    _told("who", Text),
    _told("what", Text),
    _told("subject", Text),
    _told("why", Text),
    _told("facts", JSON),
)
