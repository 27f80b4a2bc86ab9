"""Scorings and verdicts for the tests of the store."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import numpy as np

from isthmus.service.store.records import Once, Scoring, Verdict
from isthmus.service.store.store import Store, now

PROMISE = {"alpha": 0.05, "n": 99}


def registered(store: Store, version: str = "v1", value: float = 1.0) -> int:
    """The number of a threshold."""
    return store.register("pump", version, "AnomalyDetector", value, PROMISE, by="me", why="a test")


def scoring(
    threshold: int,
    *scores: float,
    request: str = "",
    at: datetime | None = None,
    once: Once | None = None,
    sampled: bool = True,
) -> Scoring:
    """A scoring whose rows above 1 raise alarms; each row is its score in a list."""
    found = np.array(scores)
    data: dict[int, Any] = {i: [score] for i, score in enumerate(scores)}
    alarms = np.flatnonzero(found > 1)
    name = request or uuid.uuid4().hex
    return Scoring(name, threshold, at or now(), found, found / 100, alarms, data, sampled, once)


def verdict(score_id: str, once: Once | None = None, name: str = "", at: datetime | None = None) -> Verdict:
    """Somebody's word that an alarm was real."""
    return Verdict(name or uuid.uuid4().hex, score_id, "confirmed", "me", "seen", at or now(), once)
