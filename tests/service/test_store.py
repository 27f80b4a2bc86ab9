"""The store on both of its databases: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from isthmus.data import files
from isthmus.errors import ConflictError, ParameterError, StoreError, UnknownNameError
from isthmus.service.store import reading
from isthmus.service.store.engine import connect, migrate
from isthmus.service.store.records import Finding, Once
from isthmus.service.store.retention import export, forget
from isthmus.service.store.schema import METADATA, Moment, scorings
from isthmus.service.store.store import Store
from tests.service.databases import Postgres
from tests.service.records import registered, scoring, verdict


def test_scores_come_back_bit_for_bit_in_the_order_of_writing(store: Store) -> None:
    threshold = registered(store)
    first, second = scoring(threshold, 0.1, 2.5, 1 / 3), scoring(threshold, 7.25)
    assert store.write([first, second]) == [None, None]
    kept = reading.kept_scores(store, "pump", with_data=True)
    assert kept["anomaly_score"].tolist() == [0.1, 2.5, 1 / 3, 7.25]
    assert kept["p_value"].tolist() == [*first.p_values, *second.p_values]
    assert kept["is_anomaly"].tolist() == [False, True, False, True]
    assert kept["score_id"].tolist() == [*(f"{first.request}-{i}" for i in range(3)), f"{second.request}-0"]
    assert set(kept["threshold_version"].tolist()) == {threshold}
    assert kept["data"] == [[0.1], [2.5], [1 / 3], [7.25]]
    moments = [moment.replace(tzinfo=UTC) for moment in kept["scored_at"].tolist()]
    assert moments == [first.scored_at] * 3 + [second.scored_at]
    assert len(reading.kept_scores(store, "fan")["score_id"]) == 0


def test_alarms_have_rows_of_their_own_even_outside_the_sample(store: Store) -> None:
    threshold = registered(store)
    quiet, loud = scoring(threshold, 0.5, sampled=False), scoring(threshold, 0.5, 3.0, sampled=False)
    store.write([quiet, loud])
    (alert,) = reading.known_alerts(store)
    assert (alert["score_id"], alert["anomaly_score"], alert["data"]) == (f"{loud.request}-1", 3.0, [3.0])
    assert (alert["model"], alert["version"]) == ("pump", "v1")
    assert len(reading.kept_scores(store)["score_id"]) == 0
    assert store.write([verdict(f"{loud.request}-0")]) == [None]
    (refused,) = store.write([verdict(f"{quiet.request}-0")])
    assert isinstance(refused, UnknownNameError)


def test_a_verdict_on_a_score_that_is_not_there_is_refused(store: Store) -> None:
    record = scoring(registered(store), 0.5, 3.0)
    store.write([record])
    once = Once("feedback k", "d", "{}")
    for end in ("-2", "--1", "-1e0", "-", "-01234567890", "-1 "):
        for name in (f"{record.request}{end}", "nothing", "-", "x-1"):
            (outcome,) = store.write([verdict(name, once)])
            assert isinstance(outcome, UnknownNameError), name
    assert reading.known_feedback(store) == []
    assert store.write([verdict(f"{record.request}-1", once)]) == [None], "a refused request leaves its key free"


def test_a_verdict_copies_what_it_speaks_of_and_outlives_it(store: Store) -> None:
    record = scoring(registered(store), 0.5, 3.0)
    store.write([record, verdict(f"{record.request}-1")])
    gone = forget(store, datetime.now(UTC) + timedelta(seconds=1), by="me", why="a test")
    assert gone == {"alerts": 1, "scorings": 1, "answers": 0}
    (kept,) = reading.known_feedback(store)
    told = ("confirmed", "me", "seen", 3.0, 0.03, [3.0], "pump")
    assert (
        tuple(kept[name] for name in ("verdict", "given_by", "why", "anomaly_score", "p_value", "data", "model"))
        == told
    )
    assert [line["what"] for line in reading.audit_trail(store)] == ["forget", "threshold"]


def test_a_repeated_request_is_told_what_it_was_told_and_written_once(store: Store) -> None:
    threshold = registered(store)
    once = Once("scores k", "digest", '{"answer": 1}')
    first = scoring(threshold, 3.0, once=once)
    again = scoring(threshold, 3.0, once=Once("scores k", "digest", '{"answer": 2}'))
    other = scoring(threshold, 4.0, once=Once("scores k", "another", '{"answer": 3}'))
    assert store.write([first]) == [None]
    assert store.write([again])[0] == once.answer
    together = store.write([other, again, scoring(threshold, 0.0)])
    assert isinstance(together[0], ConflictError)
    assert together[1:] == [once.answer, None]
    assert reading.kept_scores(store)["anomaly_score"].tolist() == [3.0, 0.0]


def test_what_is_written_again_after_an_unknown_end_is_there_once(store: Store) -> None:
    threshold = registered(store)
    record = scoring(threshold, 0.5, 3.0)
    said = verdict(f"{record.request}-1")
    for _ in range(3):
        assert store.write([record, said]) == [None, None]
    assert len(reading.kept_scores(store)["score_id"]) == 2
    assert [len(read(store)) for read in (reading.known_alerts, reading.known_feedback)] == [1, 1]


def test_many_writers_at_once_write_each_key_once(url: str) -> None:
    store = Store.open(url)
    threshold, outcomes = registered(store), list[Any]()

    def work(writer: int) -> None:
        own = Store.open(url)
        for key in range(10):
            once = Once(f"scores {key}", "d", f"{writer}")
            outcomes.append((key, writer, own.write([scoring(threshold, float(key), once=once)])[0]))
        own.close()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = {key: str(writer) for key, writer, told in outcomes if told is None}
    assert len(outcomes) == 40 and winners.keys() == set(range(10))
    assert all(told in (None, winners[key]) for key, _, told in outcomes)
    assert sorted(reading.kept_scores(store)["anomaly_score"].tolist()) == list(range(10))
    store.close()


def test_several_may_migrate_at_once(url: str) -> None:
    faults = list[Exception]()

    def work() -> None:
        try:
            Store.open(url).close()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    store = Store.open(url)
    assert registered(store) == registered(store) == 1
    store.close()


def test_the_steps_lead_to_the_tables_that_the_code_knows(store: Store) -> None:
    with store.engine.connect() as connection:
        options = {"compare_type": _other_type, "include_object": lambda _, name, *rest: name != "alembic_version"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def _other_type(context: Any, inspected: Any, column: Any, there: Any, here: Any) -> bool | None:
    """Moments are compared by what they are kept as."""
    return False if isinstance(here, Moment) and isinstance(there, sa.DateTime | sa.TIMESTAMP) else None


def test_a_database_from_the_future_is_refused(store: Store) -> None:
    store.changed(lambda connection: connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StoreError, match=r"revision 9999: this isthmus knows 0001"):
        migrate(store.engine)


def test_thresholds_of_one_model_are_told_apart_and_leave_a_trail(store: Store) -> None:
    one, other, later = registered(store), registered(store, value=2.0), registered(store, "v2")
    assert len({one, other, later}) == 3
    assert registered(store) == one
    known = reading.known_thresholds(store, "pump")
    assert [(row["threshold_version"], row["value"], row["version"]) for row in known] == [
        (later, 1.0, "v2"),
        (other, 2.0, "v1"),
        (one, 1.0, "v1"),
    ]
    trail = reading.audit_trail(store)
    assert [(line["who"], line["subject"]) for line in trail] == [
        ("me", "pump v2"),
        ("me", "pump v1"),
        ("me", "pump v1"),
    ]
    assert trail[0]["facts"]["promise"] == {"alpha": 0.05, "n": 99}


def test_drift_and_runs_are_kept(store: Store) -> None:
    number = store.begin_run("watch", "pump", rows=500)
    store.note_drift("pump", [Finding("scores", 0.4, True, limit=0.1, facts={"window": "7 days"})])
    store.note_drift("fan", [Finding("inputs", 0.01, False, column="speed")])
    store.end_run(number, "drift")
    (run,) = reading.known_runs(store, "pump")
    assert (run["outcome"], run["facts"]) == ("drift", {"rows": 500})
    assert run["ended_at"] >= run["begun_at"]
    assert [row["column"] for row in reading.known_drift(store)] == ["speed", None]
    assert reading.known_drift(store, "pump")[0]["facts"] == {"window": "7 days"}


def test_a_clock_that_goes_backwards_changes_no_order_and_forgets_nothing_new(url: str) -> None:
    moments = [datetime(2026, 5, day, tzinfo=UTC) for day in (10, 9, 1)]
    store = Store.open(url)
    threshold = registered(store)
    for day, moment in enumerate(moments):
        store.write([scoring(threshold, float(day), at=moment)])
    assert reading.kept_scores(store)["anomaly_score"].tolist() == [0.0, 1.0, 2.0]
    since = reading.kept_scores(store, since=moments[1], until=moments[0])
    assert since["anomaly_score"].tolist() == [1.0]
    assert forget(store, moments[1], by="me", why="")["scorings"] == 1
    assert reading.kept_scores(store)["anomaly_score"].tolist() == [0.0, 1.0]
    store.close()


def test_the_store_leaves_as_parquet(store: Store, tmp_path: Path) -> None:
    record = scoring(registered(store), 0.1, 3.0)
    store.write([record, verdict(f"{record.request}-1")])
    written = {path.stem: files.read(path).to_pylist() for path in export(store, tmp_path / "out")}
    assert written.keys() == {"models", "thresholds", "alerts", "feedback", "audit", "scores-00001"}
    assert [row["anomaly_score"] for row in written["scores-00001"]] == [0.1, 3.0]
    (said,) = written["feedback"]
    assert (json.loads(said["data"]), said["given_by"], said["anomaly_score"]) == ([3.0], "me", 3.0)
    assert said["given_at"].replace(tzinfo=UTC) == reading.known_feedback(store)[0]["given_at"]


def test_what_nobody_can_make_again_waits_for_the_disk(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'flushed.db'}")
    levels = list[int]()

    def look(connection: sa.Connection) -> None:
        levels.append(connection.connection.cursor().execute("PRAGMA synchronous").fetchone()[0])

    sa.event.listen(store.engine, "commit", look)
    record = scoring(registered(store), 3.0)
    store.write([record])
    store.write([verdict(f"{record.request}-0")])
    store.note("me", "promote", "pump")
    normal, full = 1, 2
    assert levels == [full, normal, full, full]
    store.close()


def test_a_full_disk_is_said_and_nothing_half_written_stays(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'full.db'}", patience=0.2)
    threshold = registered(store)

    def limit(raw: sqlite3.Connection, *_: Any) -> None:
        raw.execute(f"PRAGMA max_page_count={raw.execute('PRAGMA page_count').fetchone()[0] + 8}")

    store.engine.dispose()
    sa.event.listen(store.engine, "connect", limit)
    records = [scoring(threshold, *np.linspace(2, 3, 100), request=f"r{number}") for number in range(20)]
    outcomes = [store.write([record])[0] for record in records]
    kept = {name for name, outcome in zip((r.request for r in records), outcomes, strict=True) if outcome is None}
    full = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(one, StoreError) and "full" in str(one) and str(tmp_path) not in str(one) for one in full)
    assert full
    sa.event.remove(store.engine, "connect", limit)
    store.engine.dispose()
    there = store.read(lambda connection: set(connection.scalars(sa.select(scorings.c.request))))
    assert there == kept
    assert len(reading.known_alerts(store, most=10**6)) == 100 * len(kept)
    assert store.write([scoring(threshold, 1.0)]) == [None], "with room again it goes on"
    store.close()


def test_a_restarted_database_is_waited_for(postgres: Postgres) -> None:
    store = Store.open(postgres.new_database())
    threshold, stop, outcomes = registered(store), threading.Event(), list[Any]()

    def work() -> None:
        number = 0
        while not stop.is_set():
            record = scoring(threshold, float(number), request=f"r{number}")
            outcomes.append((record.request, store.write([record])[0]))
            number += 1

    thread = threading.Thread(target=work)
    thread.start()
    before = len(outcomes)
    postgres.restart()
    after = len(outcomes)
    while len(outcomes) < after + 20 and thread.is_alive():
        stop.wait(0.01)
    stop.set()
    thread.join()
    assert len(outcomes) >= before + 20
    assert [outcome for _, outcome in outcomes if outcome is not None] == []
    there = store.read(lambda connection: connection.scalars(sa.select(scorings.c.request)).all())
    assert sorted(there) == sorted(name for name, _ in outcomes)
    store.close()


def test_a_database_that_stays_away_is_an_error_without_its_password() -> None:
    store = Store(connect("postgresql://me:secret@127.0.0.1:1/scores"), patience=0.1)
    assert not store.is_there()
    with pytest.raises(StoreError) as fault:
        registered(store)
    assert "secret" not in str(fault.value)
    assert isinstance(fault.value.__cause__, OperationalError)


@pytest.mark.parametrize("url", ["mysql://db/scores", "sqlite://", "sqlite:///:memory:", "scores.db"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ParameterError, match="SQLite file or a PostgreSQL"):
        connect(url)
