"""A detector in a folder, a database of either kind, and servers that are ended by their own number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import isthmus
from isthmus.service.store.store import Store
from tests.service.databases import Postgres, postgres_server
from tests.service.nursery import Nursery
from tests.service.running import Running
from tests.tasks.conftest import Tumours, detector, quick, tumours

__all__ = ["Tumours", "detector", "quick", "tumours"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    yield from postgres_server()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'scores.db'}"
    return str(request.getfixturevalue("postgres").new_database())


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store in an empty database of either kind."""
    opened = Store.open(url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def folder(detector: isthmus.AnomalyDetector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved detector of benign tumours."""
    return detector.save(tmp_path_factory.mktemp("served") / "tumours")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where servers are born that need not be the command itself."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def running(folder: Path, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of its own process, which all tests of protocols share."""
    database = f"sqlite:///{tmp_path_factory.mktemp('running') / 'scores.db'}"
    with Running(folder, "--database", database, "--keep-rows", "all", nursery=nursery) as server:
        yield server
