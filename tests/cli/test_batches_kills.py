"""Many files under hard conditions: a process that is killed, and rows that no memory would hold."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus
from isthmus.cli.main import run
from tests.cli.command import command_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LONGEST = 120.0  # seconds until a process has begun
ALLOWED = 32 << 20  # bytes by which memory may grow
PROGRAM = """
import resource, sys
from isthmus.cli.main import run
model, small, large, out = sys.argv[1:]
peak = lambda: 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert run(["score", model, small, "--out", out + "/small.parquet", "--quiet"]) == 0
before = peak()
assert run(["score", model, large, "--out", out + "/large.parquet", "--quiet"]) == 0
print(peak() - before)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of thirty numbers."""
    fitted = isthmus.Autoencoder(hidden_dims=(8,), latent_dim=2, epochs=1, random_state=0).fit(numbers(500))
    return fitted.save(tmp_path_factory.mktemp("runs") / "model")


def numbers(rows: int, seed: int = 0) -> pa.Table:
    """Rows of thirty small numbers."""
    made = np.random.default_rng(seed).integers(0, 9, (rows, 30)).astype(np.float32)
    return pa.table({f"x{i}": column for i, column in enumerate(made.T)})


def test_a_killed_run_goes_on_to_the_same_files(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(60):
        pq.write_table(numbers(20_000, number), tmp_path / "in" / f"part-{number:02}.parquet")
    score = ["score", str(model), str(tmp_path / "in" / "*.parquet"), "--quiet", "--out"]
    assert run([*score, str(tmp_path / "whole")]) == 0
    records = tmp_path / "killed" / "_records"
    with subprocess.Popen(command_line([*score, tmp_path / "killed"]), stdout=subprocess.DEVNULL) as running:
        end = time.monotonic() + LONGEST
        while time.monotonic() < end and running.poll() is None and len(list(records.glob("part-*"))) < 5:
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    done = {path.name.removesuffix(".json") for path in records.glob("part-*")}
    assert 5 <= len(done) < 60
    kept = {name: (tmp_path / "killed" / name).stat().st_ino for name in done}
    assert run([*score, str(tmp_path / "killed"), "--resume"]) == 0
    assert {name: (tmp_path / "killed" / name).stat().st_ino for name in done} == kept
    one, other = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*")}
        for folder in ("whole", "killed")
    )
    assert len(one) == 61 and one == other


def test_ten_times_what_memory_may_hold_streams_through_it(model: Path, tmp_path: Path) -> None:
    group, small, large = numbers(100_000), tmp_path / "small.parquet", tmp_path / "large.parquet"
    pq.write_table(group, small)  # what reading one row group takes is there before
    groups = -(-10 * ALLOWED // group.nbytes)
    with pq.ParquetWriter(large, group.schema) as file:
        for _ in range(groups):
            file.write_table(group)
    words = [sys.executable, "-c", PROGRAM, str(model), str(small), str(large), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert pq.read_metadata(tmp_path / "large.parquet").num_rows == groups * 100_000
    grown = int(done.stdout.splitlines()[-1])
    assert grown < ALLOWED, f"{grown >> 20} MiB"
