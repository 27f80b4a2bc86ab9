"""What does a detector cost: to fit, to score many rows, to score one, and in memory, beside PyOD's AutoEncoder?

Rows are made up (`_rows.py`). Networks are matched in widths and batch, or each library's default. A whole fit counts
for what it does: ours trains, prices what is lost and calibrates; PyOD's trains and scores the rows it was given.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from _rows import rows
from core_speed import WIDTHS, beside_pyod, stored, times_n, trainer
from numpy.typing import NDArray

import isthmus
from isthmus.bench.answers import Figure
from isthmus.bench.machine import one_core
from isthmus.bench.peers import Peer
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import QUIET, latency, seconds_of
from isthmus.bench.worker import most_held
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("detection_speed", "What does a detector cost, beside PyOD's AutoEncoder?", ROOT)
QUESTION.peer("pyod", "pyod==3.6.7", "tqdm")
SIZES = {"100 000 x 50": (100_000, 50), "1 000 000 x 30": (1_000_000, 30)}
TOLD = 20_000  # rows that latencies' models learn from


@cache
def made(size: str) -> NDArray[np.float32]:
    """Rows of a size."""
    n, columns = SIZES[size]
    return rows(n, columns, seed=0)[0]


def single(**params: Any) -> Any:
    """A detector of one plain network that is read by its own cost."""
    return isthmus.AnomalyDetector(isthmus.Autoencoder(**params), score="distortion", members=1, random_state=0)


@QUESTION.line("training, matched, batch 1024, 1 000 000 x 30: rows/s over PyOD's", at_least=6.0)
def training(desk: Desk) -> Figure:
    """One epoch each, without preparation on either side."""
    return beside_pyod(desk, "train", train=trainer(1024))


def scored(size: str, ready: Callable[[], Any]) -> Any:
    """A line's measure: rows a second of a fitted detector over those of PyOD's."""

    def measure(desk: Desk) -> Figure:
        detector = ready().fit(made(size)[:TOLD])
        peer = desk.peers["pyod"]
        n = peer.ask("load", file=stored(size.replace(" ", "-"), made(size)[:100_000]), batch_size=1024)
        times = desk.interleave(
            {"ours": lambda: detector.anomaly_score(made(size)), "pyod": lambda: peer.ask("score")}, rounds=7
        )
        counts = {"ours": len(made(size)), "pyod": n}
        rates = {f"{name}, rows/s": round(count / times.time(name).value) for name, count in counts.items()}
        ratio = times_n(times.ratio("pyod", "ours"), counts["ours"] / n)
        return Figure(ratio, is_noisy=times.is_noisy, beside=rates)

    return measure


for title in SIZES:
    single_line = f"scoring {title}, single network: rows/s over PyOD's decision_function"
    QUESTION.line(single_line, at_least=35.0)(scored(title, lambda: single(**WIDTHS, epochs=1)))
    fusion_line = f"scoring {title}, the default: rows/s over PyOD's decision_function"
    QUESTION.line(fusion_line)(scored(title, lambda: isthmus.AnomalyDetector(random_state=0)))


@QUESTION.line("fit, each at its default, 100 000 x 50: PyOD's time over ours", at_least=1.0)
def fitted(desk: Desk) -> Figure:
    """Two networks with their prices and calibration against one network with its scores."""
    x = made("100 000 x 50")
    peer = desk.peers["pyod"]
    file = stored("fit", x)
    ask = {"train": file, "test": stored("few", x[:100]), "scores": stored("scores", x[:0]), "seed": 0}
    peer.start()
    before = desk.load.read()
    seconds = {
        "pyod": peer.ask("fit", **ask),
        "ours": seconds_of(lambda: isthmus.AnomalyDetector(random_state=0).fit(x)),
    }
    noisy = desk.load.read().others_since(before) > QUIET
    ratio = seconds["pyod"] / seconds["ours"]
    note = "one turn each, so without an interval"
    return Figure(Interval(ratio, ratio, ratio), note=note, is_noisy=noisy, beside=seconds)


def one_row(ready: Callable[[], Any]) -> Any:
    """A line's measure: microseconds of `anomaly_score` of one contiguous float32 row, on one core."""

    def measure(desk: Desk) -> Figure:
        x = made("100 000 x 50")
        detector = ready().fit(x[:TOLD])
        row = np.ascontiguousarray(x[TOLD : TOLD + 1])
        same = detector.anomaly_score(row)[0] == detector.anomaly_score(x[: 2 * TOLD])[TOLD]
        with one_core():
            times = latency(lambda: detector.anomaly_score(row), desk.load)
        beside = {"99th percentile": round(1e6 * times.time("p99").value, 1), "same bits as in a batch": bool(same)}
        return Figure(times_n(times.time("p50"), 1e6), holds=bool(same), is_noisy=times.is_noisy, beside=beside)

    return measure


single_row = "one row of 50 columns through a single network: median"
QUESTION.line(single_row, at_most=60.0, unit="us")(one_row(lambda: single(**WIDTHS, epochs=1)))
fusion_row = "one row of 50 columns through the default fusion: median"
QUESTION.line(fusion_row, unit="us")(one_row(lambda: isthmus.AnomalyDetector(random_state=0)))


@QUESTION.line("peak memory of fit and scores, 1 000 000 x 30: ours over PyOD's")
def memory(desk: Desk) -> Figure:
    """The most that a fresh process held, less what it held before the fit; PyOD's learns from a tenth of the rows."""
    file = stored("whole", made("1 000 000 x 30"))
    words = [sys.executable, __file__, "--peak", file]
    ours = float(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[-1])
    known = desk.peers["pyod"]
    peer = Peer("pyod", known.requirements, known.worker, known.folder.parent, desk.load)
    few = stored("tenth", made("1 000 000 x 30")[:100_000])
    before = peer.ask("peak")
    peer.ask("fit", train=few, test=file, scores=stored("scores", made("1 000 000 x 30")[:0]), seed=0)
    theirs = peer.ask("peak") - before
    peer.close()
    return Figure(Interval(*[ours / theirs] * 3), beside={"ours, MiB": round(ours), "PyOD's, MiB": round(theirs)})


def peak(file: str) -> float:
    """MiB that fitting and scoring added to this process at the most."""
    x = np.load(file)
    before = most_held()
    isthmus.AnomalyDetector(isthmus.Autoencoder(**WIDTHS, epochs=1), random_state=0).fit(x).anomaly_score(x)
    return most_held() - before


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print(peak(sys.argv[2]))
    else:
        raise SystemExit(QUESTION.main())
