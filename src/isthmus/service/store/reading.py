"""What the store holds, newest first where it is a list; scores as columns, the oldest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from isthmus.service.store.records import score_id, unpacked
from isthmus.service.store.schema import alerts, audit, drift, feedback, models, runs, scorings, thresholds
from isthmus.service.store.store import Store

Rows: TypeAlias = list[dict[str, Any]]
MOST = 1000  # rows of a list, unless more are asked for
_JUDGED = thresholds.join(models, thresholds.c.model_id == models.c.id)
_MODEL = (models.c.name.label("model"), models.c.version)


def known_models(store: Store, most: int = MOST) -> Rows:
    """Every version of every model that was served: id, name, version, kind, first_seen."""
    return _listed(store, sa.select(models), models, most)


def known_thresholds(store: Store, model: str | None = None, most: int = MOST) -> Rows:
    """Thresholds: threshold_version, model, version, value, promise, set_at, set_by, why."""
    columns = [column for column in thresholds.c if column.name not in ("id", "model_id", "digest")]
    asked = sa.select(thresholds.c.id.label("threshold_version"), *_MODEL, *columns).select_from(_JUDGED)
    return _listed(store, _of(asked, models.c.name, model), thresholds, most)


def known_alerts(store: Store, model: str | None = None, most: int = MOST) -> Rows:
    """Alarms: score_id, model, version, anomaly_score, p_value, raised_at, data."""
    joined = alerts.join(scorings, alerts.c.request == scorings.c.request)
    columns = [column for column in alerts.c if column.name != "request"]
    asked = sa.select(*columns, *_MODEL).select_from(_with_models(joined, scorings.c.threshold_id))
    return _listed(store, _of(asked, models.c.name, model), alerts, most)


def known_feedback(store: Store, model: str | None = None, most: int = MOST) -> Rows:
    """What people said of scores: who, when, why and the verdict, beside a copy of what it speaks of."""
    columns = [column for column in feedback.c if column.name != "threshold_id"]
    asked = sa.select(*columns, *_MODEL).select_from(_with_models(feedback, feedback.c.threshold_id))
    return _listed(store, _of(asked, models.c.name, model), feedback, most)


def known_drift(store: Store, model: str | None = None, most: int = MOST) -> Rows:
    """What watches found."""
    return _listed(store, _of(sa.select(drift), drift.c.model, model), drift, most)


def latest_drift(store: Store, model: str) -> Rows:
    """What the last look of a watch found of a model."""
    newest = sa.select(drift.c.at).where(drift.c.model == model).order_by(drift.c.id.desc()).limit(1)
    asked = sa.select(drift).where(drift.c.model == model, drift.c.at == newest.scalar_subquery())
    return _listed(store, asked, drift, MOST)


def verdicts_of(store: Store, model: str) -> dict[str, str]:
    """{score_id: what was said of it last}."""
    joined = _with_models(feedback, feedback.c.threshold_id)
    asked = sa.select(feedback.c.score_id, feedback.c.verdict).select_from(joined).order_by(feedback.c.id)
    found = store.read(lambda connection: connection.execute(_of(asked, models.c.name, model)).all())
    return {row.score_id: row.verdict for row in found}


def known_runs(store: Store, model: str | None = None, most: int = MOST) -> Rows:
    """What was run, and how it ended."""
    return _listed(store, _of(sa.select(runs), runs.c.model, model), runs, most)


def audit_trail(store: Store, most: int = MOST) -> Rows:
    """Who did what to what, when and why."""
    return _listed(store, sa.select(audit), audit, most)


def kept_scores(
    store: Store,
    model: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int = 0,
    most: int | None = None,
    with_data: bool = False,
) -> dict[str, Any]:
    """The sampled scores as columns, in the order in which they were written.

    Args:
        store: Where they are kept.
        model: Its name; None for all of them.
        since: From this moment on.
        until: Before this moment.
        after: Only scorings with a greater number.
        most: Requests to read at the most.
        with_data: Whether to give `data` as well, each score's row or None; it is a list, as rows differ in kind.

    Returns:
        score_id, model, version, threshold_version, threshold, scored_at, anomaly_score, p_value, is_anomaly, (n,)
        each, and `scoring`, the number of the request that each was in.
    """
    asked = (
        sa.select(scorings, thresholds.c.value, *_MODEL)
        .select_from(_with_models(scorings, scorings.c.threshold_id))
        .where(scorings.c.sampled, scorings.c.id > after)
        .order_by(scorings.c.id)
        .limit(most)
    )
    asked = _of(asked, models.c.name, model)
    asked = asked if since is None else asked.where(scorings.c.scored_at >= since)
    asked = asked if until is None else asked.where(scorings.c.scored_at < until)
    found = store.read(lambda connection: connection.execute(asked).all())
    return _columns(found, with_data)


def _columns(found: Any, with_data: bool) -> dict[str, Any]:
    """Scorings taken apart into a column for each fact."""
    counts = [row.n for row in found]

    def spread(of: Callable[[Any], Any], dtype: Any) -> Any:
        """A fact of each request, for each of its rows."""
        return np.repeat(np.array([of(row) for row in found], dtype=dtype), counts)

    def joined(of: Callable[[Any], bytes]) -> Any:
        """Numbers of all rows."""
        return np.concatenate([np.empty(0), *(unpacked(of(row)) for row in found)])

    scores, limit = joined(lambda row: row.scores), spread(lambda row: row.value, float)
    columns = {
        "score_id": np.array([score_id(row.request, i) for row in found for i in range(row.n)], dtype=str),
        "model": spread(lambda row: row.model, str),
        "version": spread(lambda row: row.version, str),
        "threshold_version": spread(lambda row: row.threshold_id, np.int64),
        "threshold": limit,
        "scoring": spread(lambda row: row.id, np.int64),
        "scored_at": spread(lambda row: np.datetime64(row.scored_at.replace(tzinfo=None), "us"), "datetime64[us]"),
        "anomaly_score": scores,
        "p_value": joined(lambda row: row.p_values),
        "is_anomaly": scores > limit,
    }
    return columns | ({"data": [one for row in found for one in row.data or [None] * row.n]} if with_data else {})


def _with_models(table: Any, threshold: Any) -> Any:
    """A table beside the models that its rows were judged by."""
    return table.join(thresholds, threshold == thresholds.c.id).join(models, thresholds.c.model_id == models.c.id)


def _of(asked: Any, column: Any, name: str | None) -> Any:
    """Only what belongs to one model."""
    return asked if name is None else asked.where(column == name)


def _listed(store: Store, asked: Any, table: sa.Table, most: int) -> Rows:
    """The newest rows first."""
    ordered = asked.order_by(table.c.id.desc()).limit(most)

    def work(connection: Connection) -> Rows:
        return [dict(row) for row in connection.execute(ordered).mappings()]

    return store.read(work)
