"""What a service kept is watched as rows in files are, and what was found stands in the store and at /metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.cli.main import run as command
from isthmus.errors import TooFewRowsError
from isthmus.service.metrics import drift_metrics
from isthmus.service.served import Served
from isthmus.service.store import reading
from isthmus.service.store.records import Finding, Scoring
from isthmus.service.store.store import Store
from isthmus.service.watching import findings, history_kept
from isthmus.tasks.drift.history import History
from isthmus.tasks.drift.watch import watch
from tests.service.records import verdict
from tests.tasks.conftest import Tumours

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
BEGIN, ROWS, HOURS = datetime(2026, 5, 1, tzinfo=UTC), 40, 60
THRESHOLD = 2.0


def kept_by(store: Store, served: Served, columns: Any = None) -> Any:
    """Scores of sixty hours, the last ten of which lie higher, under the detector's name."""
    served.register(store)
    scores = np.random.default_rng(0).normal(size=(HOURS, ROWS))
    scores[-10:] += 2
    for hour, part in enumerate(scores):
        data = {} if columns is None else {i: columns[(hour * ROWS + i) % len(columns)] for i in range(ROWS)}
        moment = BEGIN + timedelta(hours=hour)
        alarms = np.flatnonzero(part > THRESHOLD)
        record = Scoring(f"r{hour}", served.threshold_id, moment, part, np.ones(ROWS), alarms, data)
        assert store.write([record]) == [None]
    return scores.ravel()


@pytest.mark.parametrize("url", BOTH, indirect=True)
def test_the_store_is_watched_as_the_same_scores_are(url: str, folder: Path, capsys: Any) -> None:
    store, served = Store.open(url), Served.open(str(folder))
    with pytest.raises(TooFewRowsError, match="version"):
        history_kept(store, served)
    scores = kept_by(store, served)
    other = Served(served.detector, served.name, "another version")
    other.register(store)
    none = np.array([], dtype=np.int64)
    store.write([Scoring("other", other.threshold_id, BEGIN, np.ones(1), np.ones(1), none, {})])
    store.write([verdict("r59-3"), verdict("r0-0")])
    history = history_kept(store, served)
    assert np.array_equal(history.scores, scores) and not history.columns
    assert history.verdicts is not None and np.flatnonzero(history.verdicts == "confirmed").tolist() == [0, 59 * 40 + 3]
    words = ["watch", str(folder), "--database", url, "--window", "hour", "--quiet", "40", "--fail-on-drift"]
    assert command(words) == 3
    assert "anomaly score" in capsys.readouterr().out
    (run,) = (run for run in reading.known_runs(store, served.name) if run["kind"] == "watch")
    assert run["outcome"] == "drift"
    same = History.of(None, scores=scores, time=history.time, verdicts=history.verdicts)
    judge = served.detector
    alone = watch(same, judge.threshold_, judge.promise_.alpha, window="hour", quiet=40)
    names = ("kind", "column", "value", "limit", "is_drift", "facts")
    written = [[row[name] for name in names] for row in reversed(reading.latest_drift(store, served.name))]
    assert written == [[getattr(one, name) for name in names] for one in findings(alone)]
    assert written[0][-1]["rows"] == ROWS
    gauges = drift_metrics(store, served.name).decode()
    assert f'isthmus_drift_raised{{kind="scores",model="{served.name}",stream="anomaly score"}} 1.0' in gauges
    store.close()


def test_gauges_tell_the_last_look_alone(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'scores.db'}", patience=0.0)
    assert b"{" not in drift_metrics(store, "pump")
    for value in (0.5, 0.25):
        store.note_drift("pump", [Finding("scores", value, value > 0.4, "anomaly score", 0.4)])
        store.note_drift("fan", [Finding("scores", 0.9, True, "anomaly score", 0.4)])
    lines = [line for line in drift_metrics(store, "pump").decode().splitlines() if not line.startswith("#")]
    assert [line.split()[-1] for line in lines] == ["0.25", "0.4", "0.0"]


def test_rows_that_are_all_kept_are_watched_as_well(folder: Path, tumours: Tumours, tmp_path: Path) -> None:
    store, served = Store.open(f"sqlite:///{tmp_path / 'scores.db'}"), Served.open(str(folder))
    kept_by(store, served, tumours.benign.tolist())
    history = history_kept(store, served)
    assert np.array_equal(history.columns["x3"][: len(tumours.benign)], tumours.benign[:, 3])
    store.close()


def test_a_watch_of_nothing_says_what_to_name(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.delenv("ISTHMUS_DATABASE_URL", raising=False)
    assert command(["watch", str(folder)]) == 2
    assert "--database" in capsys.readouterr().err
