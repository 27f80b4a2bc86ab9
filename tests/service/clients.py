"""Clients of a running server that note what they were told, and what the store must hold afterwards."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from typing import Any

from isthmus.service.store import reading
from isthmus.service.store.store import Store

CLIENTS = 4


class Clients:
    """Clients that ask as fast as they are answered, give feedback on every alarm, and note what they were told.

    Args:
        address: Of the server.
        rows: What they ask about.
        prefix: Of their keys.
    """

    def __init__(self, address: str, rows: Any, prefix: str) -> None:
        self.address, self.rows, self.prefix = address, rows.tolist(), prefix
        self.scored, self.judged, self.statuses = dict[str, float](), list[str](), Counter[int]()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Let them stop."""
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def wait(self, answers: int) -> None:
        """Wait for so many answers."""
        while len(self.scored) < answers and any(thread.is_alive() for thread in self.threads):
            time.sleep(0.005)

    def _work(self, number: int) -> None:
        """One client, until it is told to stop or its server is gone."""
        connection, asked = HTTPConnection(self.address, timeout=60), 0
        while not self.stop.is_set():
            first = (7 * asked + number) % (len(self.rows) - 5)
            rows, key = self.rows[first : first + 1 + asked % 4], f"{self.prefix}-{number}-{asked}"
            asked += 1
            try:
                told = self._post(connection, "scores", {"rows": rows}, key)
                scores = (told or {}).get("scores", [])
                self.scored |= {one["score_id"]: one["anomaly_score"] for one in scores}
                for name in [one["score_id"] for one in scores if one["is_anomaly"]]:
                    word = {"score_id": name, "verdict": "confirmed", "by": "me"}
                    said = self._post(connection, "feedback", word, f"{key}-{name}")
                    self.judged += [said["feedback_id"]] if said else []
            except (OSError, HTTPException):
                break
        connection.close()

    def _post(self, connection: HTTPConnection, route: str, body: Any, key: str) -> Any:
        """What is told; None where it is refused for now."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        connection.request("POST", f"/api/v1/{route}", json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        self.statuses[answer.status] += 1
        assert answer.status in (200, 201, 503), content
        return json.loads(content) if answer.status < 300 else None


def check(url: str, scored: dict[str, float], judged: list[str]) -> None:
    """Everything that was acknowledged is in the store, and nothing twice."""
    store = Store.open(url)
    kept = reading.kept_scores(store)
    names = kept["score_id"].tolist()
    assert len(set(names)) == len(names)
    there = dict(zip(names, kept["anomaly_score"].tolist(), strict=True))
    assert {name: there.get(name) for name in scored} == scored
    said = [row["name"] for row in reading.known_feedback(store, most=10**6)]
    assert len(set(said)) == len(said)
    assert set(judged) <= set(said)
    assert len({row["score_id"] for row in reading.known_feedback(store, most=10**6)}) == len(said)
    store.close()
