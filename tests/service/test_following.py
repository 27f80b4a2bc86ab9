"""A version that is promoted serves without a restart, and what was asked before is answered by the one before."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.service.metrics import Metrics
from isthmus.service.served import Question
from isthmus.service.service import Service
from isthmus.service.settings import Settings
from isthmus.service.store import reading
from isthmus.service.store.store import Store
from isthmus.tasks.learning.versions import Versions
from tests.service.clients import Clients, check
from tests.service.nursery import Nursery
from tests.service.running import Running
from tests.tasks.conftest import Tumours

PATIENCE = 60.0  # seconds that a busy machine may take


@pytest.fixture(scope="module")
def other(tumours: Tumours, quick: isthmus.Autoencoder) -> isthmus.AnomalyDetector:
    """Another detector of the same columns."""
    return isthmus.AnomalyDetector(quick, alpha=0.2, random_state=1).fit(tumours.benign)


@pytest.fixture
def versions(detector: isthmus.AnomalyDetector, other: isthmus.AnomalyDetector, tmp_path: Path) -> Versions:
    """Two versions, the first of which serves."""
    made = Versions(tmp_path / "live")
    made.promote(made.add(detector, by="ann"), by="ann")
    made.add(other, by="ann")
    return made


def told(server: Running, rows: Any) -> tuple[str, list[float]]:
    """The version that answers, and its scores."""
    facts = server.ask("/api/v1/scores", {"rows": rows.tolist()}).facts
    return facts["version"], [one["anomaly_score"] for one in facts["scores"]]


def test_a_promoted_version_serves_and_no_request_fails(
    versions: Versions, detector: Any, other: Any, nursery: Nursery, tumours: Tumours, tmp_path: Path
) -> None:
    url, rows = f"sqlite:///{tmp_path / 'scores.db'}", tumours.malignant[:20]
    with Running(versions.path, "--database", url, nursery=nursery) as server:
        first, scores = told(server, rows)
        assert scores == detector.anomaly_score(rows).tolist()
        clients = Clients(server.address, tumours.malignant, "f")
        clients.wait(20)
        versions.promote("0002", by="bo")
        end = time.monotonic() + PATIENCE
        while (now := told(server, rows))[0] == first and time.monotonic() < end:
            time.sleep(0.05)
        clients.wait(len(clients.scored) + 20)
        clients.end()
        assert clients.statuses.keys() == {200, 201}
        assert now[1] == other.anomaly_score(rows).tolist()
        assert server.ask("/v2/models/live").facts["versions"] == [now[0]]
        (versions.path / "current").write_text("0009\n")
        end = time.monotonic() + PATIENCE
        while not server.errors and time.monotonic() < end:
            time.sleep(0.05)
        assert "0009 was promoted and cannot serve" in server.errors
        assert told(server, rows) == now
        assert server.stop() == 0
    check(url, clients.scored, clients.judged)
    store = Store.open(url)
    outcomes = [(run["facts"]["release"], run["outcome"]) for run in reading.known_runs(store, "live")]
    assert outcomes == [("0002", "ended"), ("0001", "version 0002 serves")]
    store.close()


def test_two_versions_answer_one_round_each_with_its_own_bits(
    versions: Versions, detector: Any, other: Any, tumours: Tumours, tmp_path: Path
) -> None:
    settings = Settings(str(versions.path), database=f"sqlite:///{tmp_path / 'scores.db'}")
    service, rows = Service.open(settings, Metrics()), tumours.malignant[:3]
    before = service.served
    assert not service.follow()
    versions.promote("0002", by="bo")
    assert service.follow() and not service.follow()

    async def ask() -> Any:
        return await asyncio.gather(*(service.score(one, rows, 3) for one in (before, service.served, before)))

    answers = asyncio.run(ask())
    assert [answer.served.release for answer, _ in answers] == ["0001", "0002", "0001"]
    assert len({record.threshold_id for _, record in answers}) == 2
    found: list[Any] = service._judge([(one, Question(rows, 3)) for one in (before, service.served, before)])
    expected = [judge.anomaly_score(rows).tolist() for judge in (detector, other, detector)]
    assert [one.scores.tolist() for one in found] == expected
    assert [answer.judged.scores.tolist() for answer, _ in answers] == expected
    service.close()
