"""What Prometheus reads: requests, rows, alarms, rounds, of one process or of all workers; and drift, of the store."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from isthmus.errors import StoreError
from isthmus.service.store import reading
from isthmus.service.store.store import Store

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # a folder where workers keep their counts; set before a worker begins
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
GAUGES = {
    "isthmus_drift_distance": ("value", "How far a stream is from quiet time, by the last watch."),
    "isthmus_drift_limit": ("limit", "The distance beyond which it counts."),
    "isthmus_drift_raised": ("is_drift", "Whether it is drift: 1 or 0."),
}


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


def drift_metrics(store: Store, model: str) -> bytes:
    """The last findings of a model, as Prometheus reads them; nothing where the store cannot be asked."""
    registry = CollectorRegistry()
    registry.register(_Drift(store, model))
    return generate_latest(registry)


class _Drift(Collector):
    """Asks the store each time: the watch is another process, and any worker may be asked."""

    def __init__(self, store: Store, model: str) -> None:
        self.store, self.model = store, model

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for each stream; a store that is away is not waited for, since the counts are wanted now."""
        try:
            found = reading.latest_drift(self.store, self.model) if self.store.is_there() else []
        except StoreError:
            return
        for name, (column, sentence) in GAUGES.items():
            gauge = GaugeMetricFamily(name, sentence, labels=["model", "kind", "stream"])
            for row in found:
                if row[column] is not None:
                    gauge.add_metric([self.model, row["kind"], row["column"] or ""], float(row[column]))
            yield gauge
