"""Whatever ends a server or its database: what was acknowledged is in the store, and nothing is there twice."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.service.store import reading
from isthmus.service.store.store import Store
from tests.service.databases import Postgres
from tests.service.nursery import Nursery
from tests.service.running import Running
from tests.tasks.conftest import Tumours

SLOW = pytest.mark.slow
BOTH = ["sqlite", pytest.param("postgresql", marks=SLOW)]
KILLS = [
    ("sqlite", 1),
    *(pytest.param(kind, n, marks=SLOW) for kind, n in (("postgresql", 1), ("sqlite", 20), ("postgresql", 20))),
]
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


@pytest.mark.timeout(1800)  # twenty starts on a busy machine
@pytest.mark.parametrize(("url", "kills"), KILLS, indirect=["url"])
def test_a_killed_server_loses_nothing_that_it_acknowledged(
    url: str, folder: Path, nursery: Nursery, tumours: Tumours, kills: int
) -> None:
    scored, judged = dict[str, float](), list[str]()
    rows, random = np.concatenate([tumours.malignant[:50], tumours.benign[:50]]), np.random.default_rng(0)
    for number in range(kills):
        with Running(folder, "--database", url, nursery=nursery) as server:
            clients = Clients(server.address, rows, str(number))
            clients.wait(20 + int(random.integers(40)))
            server.kill()
            clients.end()
        assert len(clients.scored) >= 20
        scored |= clients.scored
        judged += clients.judged
    check(url, scored, judged)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_counts_stay_right(url: str, folder: Path, tumours: Tumours) -> None:
    import psutil

    with Running(folder, "--database", url, "--workers", "2") as server:
        clients = Clients(server.address, tumours.malignant, "w")
        clients.wait(40)
        for worker in psutil.Process(server.pid).children()[:1]:
            worker.kill()
        clients.wait(80)
        clients.end()
        time.sleep(3)
        later = Clients(server.address, tumours.malignant, "later")
        later.wait(40)
        later.end()
        lines = server.ask("/metrics").body.decode().splitlines()
        counted = sum(float(line.split()[-1]) for line in lines if line.startswith("isthmus_rows_total{"))
        store = Store.open(url)
        assert counted == len(reading.kept_scores(store)["score_id"])
        store.close()
        assert server.stop() == 0
    check(url, clients.scored | later.scored, clients.judged + later.judged)


@pytest.mark.slow
def test_a_restarted_database_makes_requests_wait_and_loses_none(
    postgres: Postgres, folder: Path, nursery: Nursery, tumours: Tumours
) -> None:
    url = postgres.new_database()
    with Running(folder, "--database", url, nursery=nursery) as server:
        clients = Clients(server.address, tumours.malignant, "r")
        for _ in range(3):
            clients.wait(len(clients.scored) + 30)
            postgres.restart()
        clients.wait(len(clients.scored) + 30)
        clients.end()
        assert server.stop() == 0
    assert clients.statuses[503] == 0
    check(url, clients.scored, clients.judged)


@pytest.mark.parametrize("url", BOTH, indirect=True)
def test_a_server_that_is_told_to_end_finishes_what_it_accepted(
    url: str, folder: Path, nursery: Nursery, tumours: Tumours
) -> None:
    with Running(folder, "--database", url, nursery=nursery) as server:
        clients = Clients(server.address, tumours.malignant, "e")
        clients.wait(30)
        assert server.stop() == 0
        clients.end()
        assert server.errors == ""
    store = Store.open(url)
    assert set(reading.kept_scores(store)["score_id"].tolist()) == clients.scored.keys()
    assert len(reading.known_feedback(store, most=10**6)) == len(clients.judged)
    store.close()
