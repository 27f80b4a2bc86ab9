"""What a service kept, as a history to be watched; and what a watch found, as the store keeps it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isthmus.errors import TooFewRowsError
from isthmus.service.served import Served
from isthmus.service.store import reading
from isthmus.service.store.records import Finding
from isthmus.service.store.store import Store
from isthmus.tasks.drift.history import History
from isthmus.tasks.drift.threshold import MOST_MOVED
from isthmus.tasks.drift.watched import Watched
from isthmus.tasks.drift.watcher import THRESHOLD


def history_kept(store: Store, served: Served) -> History:
    """The scores that the store holds of a detector, with what people said of them.

    Scores of other versions are left out: they lie on other scales. What came in is watched where all rows are kept.

    Args:
        store: Where a service kept them.
        served: The detector that gave them.

    Raises:
        TooFewRowsError: there is none.
    """
    kept = reading.kept_scores(store, served.name, with_data=True)
    chosen = np.flatnonzero((kept["version"] == served.version) & np.isfinite(kept["anomaly_score"]))
    if not len(chosen):
        came = f"no score of {served.name!r}, version {served.version}, among {len(kept['score_id'])} of that name"
        raise TooFewRowsError(came, "a watch compares scores that were kept", "name the service's detector: --name")
    said = reading.verdicts_of(store, served.name)
    verdicts = [said.get(name, "") for name in kept["score_id"][chosen].tolist()]
    rows = [kept["data"][place] for place in chosen.tolist()]
    is_whole = served.reader.is_table and all(row is not None for row in rows)
    columns = served.reader.from_json(rows) if is_whole else None
    scores, time = (kept[name][chosen] for name in ("anomaly_score", "scored_at"))
    return History.of(columns, scores=scores, time=time, verdicts=verdicts)


def findings(found: Watched) -> list[Finding]:
    """What a watch says of its newest window, a finding for each stream and one for the threshold."""
    newest = found.windows[-1]
    facts: dict[str, Any] = {"window": newest.window.name, "last": str(newest.window.last), "rows": newest.window.rows}
    told = [
        Finding(one.kind, one.distance, one.raised, one.stream, one.limit, facts)
        for one in newest.steps
        if math.isfinite(one.distance)
    ]
    moved = newest.moved
    beside = {**facts, "threshold": found.threshold, "would be": moved.value}
    return [*told, Finding(THRESHOLD, abs(moved.share), moved.moved, THRESHOLD, MOST_MOVED, beside)]
