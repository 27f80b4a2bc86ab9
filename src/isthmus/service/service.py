"""`Service`: rows in, judged and kept, answers out; what all protocols share."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from isthmus.errors import InputError, IsthmusError
from isthmus.service.metrics import Metrics
from isthmus.service.rounds import Rounds
from isthmus.service.served import Judged, Question, Served, serving
from isthmus.service.settings import Settings
from isthmus.service.store.records import Judgement, Once, Record, Scoring, Verdict, score_id
from isthmus.service.store.retention import forget
from isthmus.service.store.store import Store
from isthmus.tasks.learning.versions import Versions

LONGEST_KEY = 255
DAY = 86_400.0
LOG = logging.getLogger("isthmus.service")
Asked: TypeAlias = tuple[Served, Question]


@dataclass(frozen=True, eq=False)
class Answer:
    """A request's scores under the name that feedback calls them by.

    Args:
        request: The name.
        served: Who judged.
        judged: What was said.
    """

    request: str
    served: Served
    judged: Judged

    def head(self) -> dict[str, Any]:
        """What holds for all rows."""
        served = self.served
        threshold = {"threshold_version": served.threshold_id, "threshold": float(served.detector.threshold_)}
        return {"model": served.name, "version": served.version, **threshold}

    def rows(self) -> list[dict[str, Any]]:
        """What is said of each row; null stands where a series says nothing of a point."""
        judged = self.judged
        columns = zip(judged.scores.tolist(), judged.p_values.tolist(), judged.is_anomaly.tolist(), strict=True)
        told = [
            {
                "score_id": score_id(self.request, row),
                "anomaly_score": None if score != score else score,
                "p_value": None if p_value != p_value else p_value,
                "is_anomaly": alarm,
            }
            for row, (score, p_value, alarm) in enumerate(columns)
        ]
        if judged.reasons is None:
            return told
        return [{**row, "explanation": reasons} for row, reasons in zip(told, judged.reasons, strict=True)]

    def text(self) -> str:
        """All of it as JSON."""
        return json.dumps({**self.head(), "scores": self.rows()}, allow_nan=False)


class Service:
    """A detector, its store, and the two threads that judge and keep.

    Args:
        settings: How it is served.
        served: The detector.
        store: Where scores are kept.
        metrics: Where rows are counted.
    """

    def __init__(self, settings: Settings, served: Served, store: Store, metrics: Metrics) -> None:
        self.settings, self.store, self.metrics = settings, store, metrics
        self.labels: dict[int, tuple[str, str]] = {}
        self.refused: str | None = None
        self._serve(served)
        self.judging: Rounds[Asked, Judged] = Rounds(self._judge, weigh=lambda asked: asked[1].n)
        self.keeping: Rounds[Record, Any] = Rounds(self._keep, most=256)
        self.is_ready = True

    @classmethod
    def open(cls, settings: Settings, metrics: Metrics) -> Self:
        """A service that is ready to answer.

        Raises:
            IsthmusError: the detector cannot be read, or the store not be reached.
        """
        served = Served.open(settings.detector, settings.name, settings.device)
        return cls(settings, served, Store.open(settings.database or None), metrics)

    def close(self) -> None:
        """Finish what was accepted, then let go of the store."""
        self.is_ready = False
        self.judging.close()
        self.keeping.close()
        self.store.end_run(self.run, "ended")
        self.store.close()

    def follow(self) -> bool:
        """Let the version serve that was promoted since; whether there was one.

        What was asked before is answered by the one before. A version that cannot be read leaves that in its place.

        Raises:
            StoreError: the store could not be told, so nothing has changed.
        """
        try:
            promoted = serving(self.settings.detector)[1]
            if promoted in (self.served.release, self.refused):
                return False
            served = Served.open(self.settings.detector, self.served.name, self.settings.device)
        except IsthmusError as fault:
            self._refuse(fault)
            return False
        before = self.run
        self._serve(served)
        self.store.end_run(before, f"version {served.release} serves")
        return True

    async def score(self, served: Served, rows: Any, n: int, explain: int = 0) -> tuple[Answer, Scoring]:
        """Judge rows: what is to be told, and what is to be kept before it is.

        Args:
            served: The detector that has read them, and goes on to judge them whoever serves by then.
            rows: As it reads them.
            n: How many.
            explain: Columns to name for each row.

        Raises:
            IsthmusError: they cannot be used, or there is no room.
        """
        judged = await self.judging.ask((served, Question(rows, n, explain)))
        answer = Answer(uuid.uuid4().hex, served, judged)
        alarms = np.flatnonzero(judged.is_anomaly)
        places = {"none": [], "alarms": alarms.tolist(), "all": list(range(n))}[self.settings.keep_rows]
        data = dict(zip(places, served.reader.to_json(rows, places), strict=True)) if places else {}
        sampled = int(answer.request[:8], 16) < self.settings.keep * 2**32
        moment = self.store.clock()
        record = Scoring(
            answer.request, served.threshold_id, moment, judged.scores, judged.p_values, alarms, data, sampled
        )
        return answer, record

    async def keep(self, record: Record) -> str | None:
        """Write a record; what a repeated request was told the first time, or None.

        Raises:
            StoreError: it could not be written, so nothing may be answered.
            ConflictError: a repeated request asks for something else.
            UnknownNameError: a verdict on a score that is not there.
        """
        kept = not isinstance(record, Scoring) or record.sampled or len(record.alarms) or record.once is not None
        told: str | None = await self.keeping.ask(record) if kept else None
        if told is None:
            self._count(record)
        return told

    async def judge_and_keep(self, served: Served, rows: Any, n: int) -> Answer:
        """The answer to a request that is never repeated, once it is kept."""
        answer, record = await self.score(served, rows, n)
        await self.keep(record)
        return answer

    def verdict(self, score: str, verdict: Judgement, by: str, why: str, key: str | None, body: bytes) -> Verdict:
        """What a person says of a score, as a record; its answer is its name."""
        name = uuid.uuid4().hex
        once = once_of("feedback", key, body, json.dumps({"feedback_id": name, "score_id": score}))
        return Verdict(name, score, verdict, by, why, self.store.clock(), once)

    def forget_old(self) -> None:
        """Forget scores and alarms that are older than the settings keep them."""
        before = self.store.clock() - timedelta(days=self.settings.retain_days)
        why = f"older than {self.settings.retain_days} days"
        forget(self.store, before, by="isthmus serve", why=why)

    def _serve(self, served: Served) -> None:
        """Let a detector serve, once the store knows it."""
        served.register(self.store)
        facts = {"version": served.version, "threshold_version": served.threshold_id, "release": served.release}
        self.run = self.store.begin_run("serve", served.name, **facts)
        self.labels[served.threshold_id] = (served.name, served.version)
        self.served = served

    def _refuse(self, fault: IsthmusError) -> None:
        """Say once why what was promoted cannot serve."""
        pointer = Versions(Path(self.settings.detector)).current
        if pointer != self.refused:
            LOG.error("%s was promoted and cannot serve, so %s goes on: %s", pointer, self.served.release, fault)
        self.refused = pointer

    def _judge(self, asked: list[Asked]) -> list[Judged | Exception]:
        """A round of the thread that judges: by two detectors, while one takes over from the other."""
        self.metrics.round.observe(len(asked))
        found: dict[int, Judged | Exception] = {}
        for served in dict.fromkeys(served for served, _ in asked):
            mine = [place for place, (one, _) in enumerate(asked) if one is served]
            found |= zip(mine, served.judge_all([asked[place][1] for place in mine]), strict=True)
        return [found[place] for place in range(len(asked))]

    def _keep(self, records: list[Record]) -> list[Any]:
        """A round of the thread that keeps."""
        return self.store.write(records)

    def _count(self, record: Record) -> None:
        """Count what was kept."""
        if isinstance(record, Verdict):
            self.metrics.feedback.labels(record.verdict).inc()
            return
        labels = self.labels[record.threshold_id]
        self.metrics.rows.labels(*labels).inc(len(record.scores))
        self.metrics.alarms.labels(*labels).inc(len(record.alarms))


def once_of(route: str, key: str | None, body: bytes, answer: str) -> Once | None:
    """What makes a request one that may be repeated.

    Args:
        route: Keys of different routes are different keys.
        key: The header Idempotency-Key, if there was one.
        body: What was asked.
        answer: What will be told.

    Raises:
        InputError: a key that is too long, or empty.
    """
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY:
        came = f"an Idempotency-Key of {len(key)} characters"
        raise InputError(came, f"it has 1 to {LONGEST_KEY}", "use a UUID")
    return Once(f"{route} {key}", hashlib.sha256(body).hexdigest(), answer)
