"""`isthmus watch`, `retrain`, `promote`, `rollback` and `backtest`, as a day with a detector has them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from isthmus.cli.main import run
from tests.cli.command import Isthmus, Told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of ten days, a history of forty more whose last eight have other units, and fresh rows."""
    folder = tmp_path_factory.mktemp("keep")
    random = np.random.default_rng(0)
    n, before = 40 * 48, 10 * 48
    z = random.normal(size=(before + n, 2))
    x = z @ random.normal(size=(2, 4)) + random.normal(scale=0.3, size=(before + n, 4)) + 10
    time = pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(n) * 30, unit="min")
    pd.DataFrame(x[:before], columns=list("abcd")).to_parquet(folder / "normal.parquet", index=False)
    frame = pd.DataFrame(x[before:], columns=list("abcd")).assign(time=time)
    frame.iloc[30 * 48 :].drop(columns="time").to_csv(folder / "fresh.csv", index=False)
    frame.iloc[: 30 * 48].to_parquet(folder / "recent.parquet", index=False)
    frame.loc[32 * 48 :, "a"] *= 3.28
    frame.to_parquet(folder / "history.parquet", index=False)
    words = ["detect", "fit", str(folder / "normal.parquet"), "--out", str(folder / "detector"), "--alpha", "0.02"]
    assert run([*words, "--members", "1", "--epochs", "10", "--quiet"]) == 0
    assert run(["promote", str(folder / "live"), str(folder / "detector"), "--by", "ann"]) == 0
    return folder


def watched(isthmus: Isthmus, folder: Path, *words: object) -> Told:
    """`isthmus watch` over the history by day."""
    history = ("--time", "time", "--window", "day", "--quiet", "25", "--run-length", "30")
    return isthmus("watch", folder / "live", folder / "history.parquet", *history, *words)


class Hook(BaseHTTPRequestHandler):
    """Takes alerts in."""

    taken: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        """One message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_watch_finds_the_unit_writes_its_page_and_calls_once(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hook = ("--alerts", tmp_path / "alerts.jsonl", "--webhook", f"http://127.0.0.1:{server.server_port}/alerts")
    try:
        told = watched(isthmus, folder, *hook, "--report", tmp_path / "watch.html", "--json", "--fail-on-drift")
        assert told.code == 3, told.err
        again = watched(isthmus, folder, *hook)
    finally:
        server.shutdown()
        server.server_close()
    facts = told.facts
    raised = [alert for alert in facts["alerts"] if alert["stream"] == "a"]
    assert "as if multiplied by 3.2" in raised[0]["note"]
    assert all(alert["first"] >= "2026-04-02" for alert in facts["alerts"])
    assert len(Hook.taken) == 1 and len(Hook.taken[0]["alerts"]) == len(facts["alerts"])
    assert "0 new alerts" in again.err and "as if multiplied" in again.out
    assert "Distances from quiet time" in (tmp_path / "watch.html").read_text()


@pytest.mark.slow
def test_a_cause_in_a_file_keeps_it_from_calling(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    causes = tmp_path / "causes.csv"
    causes.write_text("first,last,cause\n2026-04-01,2026-05-01,feet since April\n")
    told = watched(isthmus, folder, "--causes", causes, "--fail-on-drift")
    assert told.code == 0 and "known: feet since April" in told.out


def test_a_webhook_asks_for_a_file_of_what_was_sent(isthmus: Isthmus, folder: Path) -> None:
    told = watched(isthmus, folder, "--webhook", "http://127.0.0.1:1/")
    assert told.code == 2 and "without --alerts" in told.err


def test_a_version_is_learnt_promoted_and_rolled_back(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    live = folder / "live"
    odd = pd.read_csv(folder / "fresh.csv").iloc[[3]].assign(a=99.0)
    verdicts = tmp_path / "verdicts.csv"
    pd.concat([odd.assign(verdict="confirmed", by="ann")]).to_csv(verdicts, index=False)
    words = ("--time", "time", "--days", "25", "--by", "bo", "--fresh", folder / "fresh.csv", "--verdicts", verdicts)
    told = isthmus("retrain", live, folder / "recent.parquet", *words, "--json")
    assert told.code == 0, told.err
    facts = told.facts
    assert (facts["version"], facts["serves"]) == ("0002", "0001")
    assert facts["gate"]["champion_found"] == facts["gate"]["challenger_found"] == 1
    before = isthmus.ok("score", live / "versions" / "0001", folder / "fresh.csv", "--out", tmp_path / "a.csv")
    assert before.code == 0
    assert isthmus.ok("promote", live, "0002", "--by", "ann", "--json").facts["serves"] == "0002"
    assert (live / "current").read_text() == "0002\n"
    assert isthmus.ok("rollback", live, "--by", "ann").out == "0001 serves\n"
    lines = [json.loads(line) for line in (live / "audit.jsonl").read_text().splitlines()]
    assert [line["action"] for line in lines] == ["add", "promote", "add", "promote", "rollback"]
    assert isthmus("rollback", live, "--by", "ann").code == 2
    assert isthmus("retrain", folder / "detector", folder / "fresh.csv", *words[4:]).code == 2


@pytest.mark.slow
def test_a_backtest_answers_from_files(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(folder / "recent.parquet").assign(label=False)
    at = slice(20 * 48, 20 * 48 + 6)
    frame.loc[frame.index[at], "b"] += 15.0
    frame.loc[frame.index[at], "label"] = True
    frame.to_parquet(tmp_path / "history.parquet", index=False)
    (tmp_path / "policy.toml").write_text(
        '[history]\ntime = "time"\nlabel = "label"\ntrain_days = 10\n'
        "[detector]\nmembers = 1\nepochs = 8\nalpha = 0.02\n[costs]\nmiss = 100\nreview = 1\n"
        "[policies.never]\n[policies.often]\nretrain_days = 10\nreviews = 5\n"
    )
    words = ("backtest", tmp_path / "history.parquet", "--policy", tmp_path / "policy.toml")
    facts = isthmus.ok(*words, "--report", tmp_path / "page.html", "--json").facts
    assert [one["missed"] for one in facts["policies"]] == [0, 0]
    assert "Policies side by side" in (tmp_path / "page.html").read_text()
