"""What does a served score cost, beside a bare echo of the same bytes and beside the scorer in one's own process?

The detector is a single network of 30 columns; its server keeps every score in SQLite before it answers. The echo is
FastAPI on uvicorn with one route. Both servers and the clients share this machine, in turns within each round.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from _clients import Request, Server, python
from _rows import rows

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import PATIENCE, QUIET, Timings, median_interval, seconds_of

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("service_load", "What does a served score cost, beside a bare echo and the scorer itself?", ROOT)
COLUMNS, TOLD, BATCH = 30, 20_000, 1000
CLIENTS = (1, 16, 128)
SPAN = 1.0  # seconds of a turn
ROUNDS = 7
CLOSING = ExitStack()
X = rows(TOLD + BATCH, COLUMNS, seed=0)[0]
KINDS: dict[str, Callable[[], Any]] = {
    "a single network": lambda: isthmus.AnomalyDetector(
        isthmus.Autoencoder(epochs=1, device="cpu"), score="distortion", members=1, random_state=0
    ),
    "the default fusion": lambda: isthmus.AnomalyDetector(random_state=0, device="cpu"),
}


def single() -> Request:
    """One row as JSON."""
    return Request("/api/v1/scores", json.dumps({"rows": X[TOLD : TOLD + 1].tolist()}).encode())


def batch() -> Request:
    """A thousand rows as a binary tensor."""
    cells = X[TOLD:].tobytes()
    given = {"name": "rows", "shape": [BATCH, COLUMNS], "datatype": "FP32"}
    given["parameters"] = {"binary_data_size": len(cells)}
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    length = f"Inference-Header-Content-Length: {len(head)}"
    return Request("/v2/models/served/infer", head + cells, (length, "Content-Type: application/octet-stream"))


@cache
def servers(kind: str) -> tuple[Server, Server, Any]:
    """Ours, the echo, and the detector itself; they live as long as this process."""
    detector, folder = KINDS[kind]().fit(X[:TOLD]), CLOSING.enter_context(tempfile.TemporaryDirectory())
    detector.save(Path(folder) / "served")
    told = ("--port", 0, "--database", f"sqlite:///{folder}/scores.db", "--quiet")
    ours = CLOSING.enter_context(Server(python("-m", "isthmus", "serve", Path(folder) / "served", *told)))
    echo = CLOSING.enter_context(Server(python(Path(__file__).with_name("_echo.py"))))
    return ours, echo, detector


def measured(
    desk: Desk, kind: str, request: Request, clients: int, figure: Callable[[Any], float]
) -> tuple[Timings, dict[str, Any], Any]:
    """A figure of each server's times, in turns, and more of the last round."""
    found: dict[str, list[float]] = {"ours": [], "echo": []}
    others, times = list[float](), dict[str, Any]()
    echoed = Request("/echo", request.body, request.headers)
    ours, echo, detector = servers(kind)
    desk.load.friends |= {ours.process.pid, echo.process.pid}
    turns = {"ours": (ours, request), "echo": (echo, echoed)}
    for server, asked in turns.values():
        server.ask(asked, clients, 0.5)
    for turn in range(ROUNDS):
        desk.load.wait(QUIET, PATIENCE)
        before = desk.load.read()
        for name in sorted(turns, reverse=bool(turn % 2)):
            server, asked = turns[name]
            times.setdefault(name, []).append(server.ask(asked, clients, SPAN))
            found[name].append(figure(times[name][-1]))
        others.append(desk.load.read().others_since(before))
    every = {name: np.concatenate(parts) for name, parts in times.items()}
    return Timings({name: np.array(values) for name, values in found.items()}, np.array(others)), every, detector


def slow_end(clients: int) -> Callable[[Desk], Figure]:
    """A line's measure: p99 of single rows over the echo's."""

    def measure(desk: Desk) -> Figure:
        timings, times, _ = measured(desk, "a single network", single(), clients, lambda t: float(np.percentile(t, 99)))
        beside = {
            f"{name} {mark}, ms": round(1e3 * float(np.percentile(taken, share)), 2)
            for name, taken in times.items()
            for mark, share in (("p50", 50), ("p99", 99))
        }
        beside |= {f"{name}, requests/s": round(len(taken) / ROUNDS / SPAN) for name, taken in times.items()}
        return Figure(timings.ratio("ours", "echo"), is_noisy=timings.is_noisy, beside=beside)

    return measure


def throughput(kind: str, clients: int) -> Callable[[Desk], Figure]:
    """A line's measure: rows a second of binary batches over the echo's."""

    def measure(desk: Desk) -> Figure:
        rate = lambda times: BATCH * len(times) / SPAN  # noqa: E731
        timings, times, detector = measured(desk, kind, batch(), clients, rate)
        alone = np.array([seconds_of(lambda: detector.anomaly_score(X[TOLD:]), 20) for _ in range(ROUNDS)])
        rates = {f"{name}, rows/s": round(BATCH * len(taken) / ROUNDS / SPAN) for name, taken in times.items()}
        rates["the scorer in its own process, rows/s"] = round(BATCH / median_interval(alone).value)
        rates |= {f"{name} p99, ms": round(1e3 * float(np.percentile(taken, 99)), 1) for name, taken in times.items()}
        return Figure(timings.ratio("ours", "echo"), is_noisy=timings.is_noisy, beside=rates)

    return measure


for number in CLIENTS:
    row_line = f"one row as JSON, {number} clients: p99 over the echo's"
    QUESTION.line(row_line, at_most=10.0)(slow_end(number))
for number in CLIENTS:
    for title, bounds in (("a single network", {"at_least": 0.5}), ("the default fusion", {})):
        batch_line = f"1000 rows as binary tensors, {title}, {number} clients: rows/s over the echo's"
        QUESTION.line(batch_line, **bounds)(throughput(title, number))


if __name__ == "__main__":
    with CLOSING:
        code = QUESTION.main()
    sys.exit(code)
