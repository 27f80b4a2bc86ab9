"""How many rows does one machine score and train on, and what does sharing the work out cost?

Rows are made up (`_rows.py`), since speed does not depend on what they say. What is scored lies in Parquet files with
30 columns of float32, as `isthmus score` reads them; the answers are Parquet files too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache, partial
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from _rows import rows

import isthmus
from isthmus.bench.answers import Absent, Figure
from isthmus.bench.question import Desk, Question
from isthmus.bench.timing import ENOUGH, QUIET, median_interval
from isthmus.cli.main import run

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question("scale", "How many rows does one machine score, and what does sharing the work out cost?", ROOT)
COLUMNS, FILES, ROWS, TURNS = 30, 2, 131_072, 3
RANKS, PER_RANK, TRAINED, ROUNDS = 2, 8192, 40 * 2 * 8192, 9
HOME = Path(tempfile.gettempdir()) / f"isthmus-scale-{os.getuid()}"
KINDS = {
    "a single network": {"score": "distortion", "members": 1},
    "the default fusion": {},
}


@cache
def data() -> pa.Table:
    """The rows of one file."""
    return pa.table({f"x{i}": column for i, column in enumerate(rows(ROWS, COLUMNS, seed=0)[0].T)})


@cache
def folder(kind: str) -> Path:
    """The files, and a detector beside them."""
    HOME.mkdir(exist_ok=True)
    for number in range(FILES):
        pq.write_table(data(), HOME / f"in-{number}.parquet", row_group_size=1 << 17)
    model = isthmus.Autoencoder(epochs=1, device="cpu")
    detector = isthmus.AnomalyDetector(model, random_state=0, **KINDS[kind])  # type: ignore[arg-type]
    detector.fit(data().slice(0, 20_000)).save(HOME / kind.replace(" ", "-"))
    return HOME


def scored(desk: Desk, kind: str) -> Figure:
    """Rows a second of processor time through `isthmus score`, and beside it what plain calls make of such rows."""
    path, table = folder(kind) / kind.replace(" ", "-"), data()
    detector, before = isthmus.load(path), torch.get_num_threads()
    words = ["score", str(path), str(HOME / "in-*.parquet"), "--out", str(HOME / "out"), "--quiet"]
    batches = table.to_batches(max_chunksize=10_000)
    torch.set_num_threads(1)
    try:
        with redirect_stdout(StringIO()):
            times = in_turns(
                desk,
                {
                    "files": (FILES * ROWS, lambda: run(words)),
                    "batches": (ROWS, lambda: list(isthmus.score_batches(path)(iter(batches)))),
                    "memory": (ROWS, lambda: detector.anomaly_score(table)),
                },
            )
    finally:
        torch.set_num_threads(before)
    sizes = {name: sum(path.stat().st_size for path in HOME.glob(f"{name}-*.parquet")) for name in ("in", "out/in")}
    beside = {
        "bytes read, a row": round(sizes["in"] / FILES / ROWS, 1),
        "bytes written, a row": round(sizes["out/in"] / FILES / ROWS, 1),
        "record batches of 10 000, rows/s": round(float(np.median(times["batches"]))),
        "in memory, rows/s": round(float(np.median(times["memory"]))),
    }
    return Figure(median_interval(times["files"]), is_noisy=bool(max(times["others"]) >= QUIET), beside=beside)


def in_turns(desk: Desk, things: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, list[float]]:
    """Rows a second of this process's own time, of each thing in each round; and how busy others were.

    On one thread its own time is what a core of its own would take, but for waiting for the disk.
    """
    found: dict[str, list[float]] = {name: [] for name in (*things, "others")}
    for turn in range(TURNS + 1):
        load = desk.load.read()
        for name, (count, thing) in things.items():
            before = time.process_time()
            thing()
            found[name].append(count / (time.process_time() - before))
        found["others"].append(desk.load.read().others_since(load))
        if not turn:  # the first round warms up
            found = {name: [] for name in found}
    return found


for kind in KINDS:
    name = f"isthmus score, {kind}, Parquet files: rows per second of one core"
    QUESTION.line(name, unit="rows/s")(partial(scored, kind=kind))


@QUESTION.line(f"two ranks, {PER_RANK} rows each a step: rows/s over those of torch's wrapper", at_least=1.5)
def trained(desk: Desk) -> Figure | Absent:
    """How many times as many rows a second our loop takes in as torch's wrapper, in turns in the same processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}"]
    words = [*launcher, str(ROOT / "benchmarks" / "_ranks.py"), *map(str, (TRAINED, PER_RANK, ROUNDS))]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        return Absent(f"the ranks failed: {done.stderr.strip().splitlines()[-1][:200]}", is_due=True)
    found = {name: np.array(speeds) for name, speeds in json.loads(done.stdout).items()}
    is_noisy = int((found.pop("others") < QUIET).sum()) < ENOUGH
    beside = {f"{name}, rows/s": round(float(np.median(speeds))) for name, speeds in found.items()}
    return Figure(median_interval(found["ours"] / found["torch"]), is_noisy=is_noisy, beside=beside)


if __name__ == "__main__":
    raise SystemExit(QUESTION.main())
