"""Whatever ends a server or its database: what was acknowledged is in the store, and nothing is there twice."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from isthmus.service.store import reading
from isthmus.service.store.store import Store
from tests.service.clients import Clients, check
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
