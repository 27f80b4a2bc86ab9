"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
TEXT, FLOAT, JSON, FLAG, WHOLE, BYTES = sa.Text(), sa.Float(), sa.JSON(), sa.Boolean(), sa.Integer(), sa.LargeBinary()
COLUMNS: dict[str, dict[str, Any]] = {
    "models": {"name": TEXT, "version": TEXT, "kind": TEXT, "first_seen": MOMENT},
    "thresholds": {
        "model_id": NUMBER, "digest": TEXT, "value": FLOAT, "promise": JSON, "set_at": MOMENT, "set_by": TEXT,
        "why": TEXT,
    },
    "scorings": {
        "request": TEXT, "threshold_id": NUMBER, "scored_at": MOMENT, "n": WHOLE, "alarms": WHOLE, "sampled": FLAG,
        "scores": BYTES, "p_values": BYTES, "data?": JSON,
    },
    "alerts": {
        "request": TEXT, "score_id": TEXT, "anomaly_score": FLOAT, "p_value": FLOAT, "raised_at": MOMENT, "data?": JSON,
    },
    "feedback": {
        "name": TEXT, "score_id": TEXT, "threshold_id": NUMBER, "verdict": TEXT, "given_by": TEXT, "why": TEXT,
        "given_at": MOMENT, "anomaly_score": FLOAT, "p_value": FLOAT, "data?": JSON,
    },
    "answers": {"digest": TEXT, "answer": TEXT, "given_at": MOMENT},
    "drift": {
        "at": MOMENT, "model": TEXT, "kind": TEXT, "column?": TEXT, "value": FLOAT, "limit?": FLOAT, "is_drift": FLAG,
        "facts": JSON,
    },
    "runs": {
        "kind": TEXT, "model": TEXT, "begun_at": MOMENT, "ended_at?": MOMENT, "outcome?": TEXT, "facts": JSON,
    },
    "audit": {"at": MOMENT, "who": TEXT, "what": TEXT, "subject": TEXT, "why": TEXT, "facts": JSON},
}  # fmt: skip
UNIQUE: dict[str, Any] = {
    "models": [("name", "version")],
    "thresholds": [("model_id", "digest")],
    "scorings": [("request",)],
    "alerts": [("score_id",)],
    "feedback": [("name",)],
}
REFERS: dict[str, Any] = {
    "thresholds": [("model_id", "models.id", None)],
    "scorings": [("threshold_id", "thresholds.id", None)],
    "alerts": [("request", "scorings.request", "CASCADE")],
    "feedback": [("threshold_id", "thresholds.id", None)],
}
INDEXED = (("scorings", "scored_at"), ("alerts", "raised_at"), ("feedback", "score_id"), ("answers", "given_at"))


def upgrade() -> None:
    """Make them; a column whose name ends in "?" may be empty."""
    for name, columns in COLUMNS.items():
        head: Any = sa.Column("id", NUMBER, primary_key=True, autoincrement=True)
        if name == "answers":
            head = sa.Column("key", TEXT, primary_key=True)
        rest = [sa.Column(one.rstrip("?"), kind, nullable=one.endswith("?")) for one, kind in columns.items()]
        unique = [sa.UniqueConstraint(*names) for names in UNIQUE.get(name, ())]
        keys = [sa.ForeignKeyConstraint([one], [there], ondelete=gone) for one, there, gone in REFERS.get(name, ())]
        op.create_table(name, head, *rest, *unique, *keys)
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Drop them."""
    for name in reversed(COLUMNS):
        op.drop_table(name)
