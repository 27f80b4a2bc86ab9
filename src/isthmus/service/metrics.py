"""What Prometheus reads: requests, rows, alarms, rounds; of one process, or of all workers together."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # a folder where workers keep their counts; set before a worker begins
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


class Metrics:
    """The counts of one application; durations come from a clock that never goes backwards."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter("isthmus_requests", "Requests answered.", ["route", "status"], registry=own)
        self.seconds = Histogram(
            "isthmus_request_seconds", "From a request to its answer.", ["route"], buckets=SECONDS, registry=own
        )
        self.rows = Counter("isthmus_rows", "Rows judged and kept.", ["model", "version"], registry=own)
        self.alarms = Counter("isthmus_alarms", "Rows that raised an alarm.", ["model", "version"], registry=own)
        self.feedback = Counter("isthmus_feedback", "Verdicts of people.", ["verdict"], registry=own)
        self.round = Histogram("isthmus_round_requests", "Requests judged in one pass.", buckets=SIZES, registry=own)
        self.busy = Gauge("isthmus_requests_now", "Requests being answered.", registry=own, multiprocess_mode="livesum")

    def text(self) -> bytes:
        """All of it as Prometheus reads it; with several workers the sums over them, the dead ones included."""
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        every = CollectorRegistry()
        MultiProcessCollector(every)  # type: ignore[no-untyped-call]
        return generate_latest(every)
