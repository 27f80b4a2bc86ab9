"""Data larger than memory: read as the same rows, shuffled, entered again at any step, within the memory stated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow
import pyarrow.parquet
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from torch import Tensor

from isthmus.data import pieces
from isthmus.data.arrays import Images
from isthmus.data.files import read, write
from isthmus.data.pieces import ArrayPieces, ParquetPieces, whole_rows
from isthmus.data.scanning import read_or_scan, scan
from isthmus.data.streams import Stream, StreamBatches
from isthmus.data.tables import encode_table, learn_table
from isthmus.errors import DataFileError, ParameterError, UnknownNameError

ENDINGS = [".parquet", ".arrow", ".csv", ".npy"]
CANCER: npt.NDArray[np.float64] = load_breast_cancer().data


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces small enough for the sets at hand to have many."""
    monkeypatch.setattr(pieces, "ARRAY_BYTES", 4096)
    monkeypatch.setattr(pieces, "TEXT_BYTES", 4096)
    monkeypatch.setattr(pieces, "CHUNK_CELLS", 512)


def written(folder: Path, ending: str, X: Any = CANCER, rows: int = 50) -> Path:
    """A file of that kind, with `rows` rows in a row group or record batch."""
    path = folder / f"rows{ending}"
    if ending == ".parquet":
        table = X if isinstance(X, pyarrow.Table) else frame(X)
        pyarrow.parquet.write_table(table, path, row_group_size=rows)
    elif ending == ".arrow":
        with pyarrow.ipc.new_file(path, frame(X).schema) as sheet:
            sheet.write_table(frame(X), max_chunksize=rows)
    else:
        write(path, X)
    return path


def frame(X: npt.NDArray[Any]) -> pyarrow.Table:
    """An array as a table."""
    return pyarrow.Table.from_arrays(list(X.T.copy()), names=[f"x{i}" for i in range(X.shape[1])])


def numbered(folder: Path, ending: str, n: int = 600, rows: int = 50) -> StreamBatches:
    """Batches of rows that hold their own number, unscaled, through a buffer of 128."""
    X = np.stack([np.arange(n), np.arange(n) % 7], axis=1).astype(float)
    return scan(written(folder, ending, X, rows)).learn("none").batches(16, seed=3, buffer_rows=128)


def epoch_of(batches: StreamBatches, number: int, start: int = 0) -> list[Tensor]:
    """Copies of an epoch's x."""
    return [batch.x.clone() for batch in batches.epoch(number, start)]


# --------------------------------------------------------------------------------------------- the same rows


@pytest.mark.parametrize("ending", ENDINGS)
def test_blocks_are_the_rows_as_if_read_whole(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path, ending)
    source, whole = scan(path).learn(), read(path)
    expected = encode_table(whole, source.spec)
    assert len(source.pieces.sizes) > 5
    assert len(source) == len(CANCER) and source.spec.shape == (30,)
    for start, stop in [(0, 64), (64, 128), (128, 569), (7, 9), (9, 11), (568, 569), (0, 569), (5, 5)]:
        assert torch.equal(source.block(start, stop), expected[start:stop])


@pytest.mark.parametrize("scaling", ["standard", "robust", "log", "none"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_learnt_in_pieces_is_what_is_learnt_at_once(ending: str, scaling: str, tmp_path: Path) -> None:
    path = written(tmp_path, ending)
    learnt, whole = scan(path).learn(scaling).spec, learn_table(read(path), scaling)
    assert torch.allclose(learnt.center, whole.center, rtol=1e-9)
    assert torch.allclose(learnt.scale, whole.scale, rtol=1e-9)
    assert [column.dtype for column in learnt.columns] == [column.dtype for column in whole.columns]
    assert learnt.container == whole.container


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_mixed_table_streams(ending: str, tmp_path: Path) -> None:
    bunch = load_iris(as_frame=True)
    iris = bunch.frame.drop(columns="target")
    iris["species"] = bunch.target_names[bunch.target]
    iris["grown"] = np.arange(150) % 3 == 0
    iris.iloc[100, 0], iris.iloc[120, 4] = None, None
    path = written(tmp_path, ending, pyarrow.Table.from_pandas(iris) if ending == ".parquet" else iris)
    source = scan(path).learn()
    assert source.spec.columns[4].categories == ("setosa", "versicolor", "virginica")
    assert [column.kind for column in source.spec.columns[3:]] == ["numeric", "categorical", "boolean"]
    assert [column.gaps for column in source.spec.columns] == [True, False, False, False, True, False]
    x = source.block(0, 150)
    assert x[100, 0].isnan() and x[120, 4].isnan() and x.isnan().sum() == 2
    batches = list(source.batches(50, seed=0, buffer_rows=50).epoch(0))
    assert all(batch.observed is not None and torch.equal(batch.observed, ~batch.x.isnan()) for batch in batches)


def test_columns_are_dropped_as_an_arrow_table_drops_them(tmp_path: Path) -> None:
    path = written(tmp_path, ".parquet")
    rows, whole = scan(path).drop_columns(["x1", "x29"]), read(path).drop_columns(["x1", "x29"])
    assert rows.column_names == whole.column_names and rows.shape == (569, 28)
    source = rows.learn()
    assert torch.equal(source.block(0, 569), encode_table(whole, source.spec))
    with pytest.raises(UnknownNameError, match="column='x30'"):
        rows.drop_columns(["x30"])


def test_a_folder_and_a_list_of_files_are_one_below_the_other(tmp_path: Path) -> None:
    files = [write(tmp_path / "parts" / f"{i}.parquet", CANCER[100 * i : 100 * i + 100]) for i in range(3)]
    expected = frame(CANCER[:300])
    for rows in (scan(tmp_path / "parts"), scan(files)):
        source = rows.learn()
        assert torch.equal(source.block(0, 300), encode_table(expected, source.spec))
    write(tmp_path / "parts" / "3.parquet", CANCER[:, :5])
    with pytest.raises(DataFileError, match="3.parquet with .*0.parquet has"):
        scan(tmp_path / "parts")


def test_a_memory_map_streams_and_a_tag_says_what_it_is(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "raw", np.float32, "w+", shape=(569, 30))
    mapped[:] = CANCER
    table = scan(mapped).learn()
    assert torch.equal(table.block(0, 569), encode_table(np.asarray(mapped), table.spec))
    digits = load_digits().images
    images = scan(Images(digits)).learn()
    assert images.spec.kind == "image" and images.spec.shape == (1, 8, 8)
    assert torch.equal(images.block(3, 5)[:, 0], torch.from_numpy(digits[3:5] / 16).float())
    assert len(next(images.batches(32, seed=0).epoch(0)).x) == 31  # 1797 rows in 57 equal batches
    grey = scan(write(tmp_path / "digits.npy", digits.astype(np.uint8)))
    assert not grey.is_table and grey.learn().spec.factor == 255


# ------------------------------------------------------------------------------------------------- shuffling


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_row_is_seen_once_an_epoch(ending: str, tmp_path: Path) -> None:
    batches = numbered(tmp_path, ending)
    first, second = epoch_of(batches, 0), epoch_of(batches, 1)
    for seen in (first, second):
        together = torch.cat(seen)
        assert len(seen) == batches.steps == 38
        assert torch.equal(together[:, 0].sort().values, torch.arange(600.0))
        assert torch.equal(together[:, 1], together[:, 0] % 7)
        assert {len(x) for x in seen} == {15, 16}
    assert not torch.equal(torch.cat(first), torch.cat(second))


@pytest.mark.parametrize("start", [0, 1, 7, 8, 9, 20, 37, 38])
def test_an_epoch_is_entered_again_at_any_step(start: int, tmp_path: Path) -> None:
    whole = epoch_of(numbered(tmp_path, ".parquet"), 2)
    rest = epoch_of(numbered(tmp_path, ".parquet"), 2, start)
    assert len(rest) == len(whole) - start
    assert all(torch.equal(a, b) for a, b in zip(whole[start:], rest, strict=True))


def test_entering_late_reads_only_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches, opened, chunks = numbered(tmp_path, ".parquet"), [], ParquetPieces.chunks
    monkeypatch.setattr(ParquetPieces, "chunks", lambda self, i: opened.append(i) or chunks(self, i))
    epoch_of(batches, 0)
    assert sorted(opened) == list(range(12))
    opened.clear()
    epoch_of(batches, 0, 37)
    assert len(opened) <= 3


def test_sorted_files_are_shuffled_as_well_as_is_stated() -> None:
    """The share of a class in a batch varies with f (1 - f) (1 / B + r / M), the formula of the docstring."""
    n, r, B, M, f = 64_000, 64, 64, 6_400, 0.5
    X = np.repeat([[0.0], [1.0]], n // 2, axis=0)
    rows = ArrayPieces([X])
    rows.places, rows.sizes = [(0, start) for start in range(0, n, r)], [r] * (n // r)
    source = Stream(rows).learn("none")
    batches = source.batches(B, seed=0, buffer_rows=M)
    shares = torch.tensor([batch.x.mean() for number in range(4) for batch in batches.epoch(number)])
    stated = f * (1 - f) * (1 / B + r / M)
    assert 0.85 < shares.var().item() / stated < 1.15
    unshuffled = source.batches(B, seed=0, buffer_rows=B)
    assert torch.tensor([batch.x.mean() for batch in unshuffled.epoch(0)]).var() > 10 * stated


def test_a_buffer_holds_a_batch(tmp_path: Path) -> None:
    source = scan(written(tmp_path, ".npy")).learn()
    with pytest.raises(ParameterError, match="buffer_rows=10 with batch_size=20.*buffer_rows=2000"):
        source.batches(20, seed=0, buffer_rows=10)


# -------------------------------------------------------------------------------------------- CSV in blocks


@pytest.mark.parametrize(
    ("late", "kind"), [("1.5", "double"), ("x", "string"), ("", "int64"), ("true", "string"), ("7", "int64")]
)
def test_the_type_of_a_column_holds_for_all_blocks(late: str, kind: str, tmp_path: Path) -> None:
    lines = [f"{i % 5},a" for i in range(3000)] + [f"{late},b"]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *lines]))
    rows = scan(tmp_path / "t.csv")
    tables = [chunk for i in range(len(rows.pieces.sizes)) for chunk in rows.pieces.chunks(i)]
    assert len(tables) > 2 and {str(table.schema.field("x").type) for table in tables} == {kind}
    assert pyarrow.concat_tables(tables).equals(read(tmp_path / "t.csv").combine_chunks())


@pytest.mark.parametrize("heading", ["x,y\n", "", '"x\nx",y\n'])
def test_lines_within_quotation_marks_are_not_cut(heading: str, tmp_path: Path) -> None:
    cells = [f'{i},"line one\nline two of {i % 9} ""quoted"""\n' for i in range(500)]
    (tmp_path / "t.csv").write_text("\ufeff" * (heading == "") + heading + "".join(cells))
    rows = scan(tmp_path / "t.csv")
    texts = [cell for i in range(len(rows.pieces.sizes)) for t in rows.pieces.chunks(i) for cell in t[1].to_pylist()]
    assert texts == read(tmp_path / "t.csv")[1].to_pylist()
    assert len(texts) >= 499


def test_a_quotation_mark_that_is_never_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 10_000)
    (tmp_path / "t.csv").write_text("x,y\n" + '1,"a\n' + "2,b\n" * 10_000)
    with pytest.raises(DataFileError, match=r"without the end of a row in the .* from byte 4 on.*[Cc]lose"):
        scan(tmp_path / "t.csv")


def test_whole_rows_end_outside_quotation_marks() -> None:
    assert whole_rows(b"1,2\n3,4") == 4
    assert whole_rows(b'1,2\n3,"a\nb') == 4
    assert whole_rows(b'"a\nb') == 0


# ------------------------------------------------------------------------------------------ stream or memory


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_larger_than_it_may_be_streams(ending: str, tmp_path: Path) -> None:
    path, size = written(tmp_path, ending), 4 * CANCER.size
    assert isinstance(read_or_scan(path, memory_bytes=size - 1), Stream)
    assert not isinstance(read_or_scan(path, memory_bytes=size), Stream)
    assert not isinstance(read_or_scan(path), Stream)


def test_what_does_not_stream_is_read_whole(tmp_path: Path) -> None:
    npz, folder = write(tmp_path / "a.npz", CANCER), write(tmp_path / "digits", load_digits().images.astype(np.uint8))
    assert read_or_scan(npz, memory_bytes=1).shape == CANCER.shape
    assert read_or_scan(folder, memory_bytes=1).shape == (1797, 8, 8)
    with pytest.raises(DataFileError, match=r"a.npz, a file of NPZ.*CSV, Parquet, Arrow, NPY.*[Rr]ead it whole"):
        scan(npz)
    with pytest.raises(DataFileError, match="a.csv is not there.*'a.npz'"):
        scan(tmp_path / "a.csv")
    (tmp_path / "none.parquet").write_bytes(written(tmp_path, ".parquet", CANCER[:0]).read_bytes())
    with pytest.raises(DataFileError, match="none.parquet with names only"):
        scan(tmp_path / "none.parquet")


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".csv"])
def test_a_file_that_is_damaged_between_scan_and_epoch(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path, ending)
    source = scan(path).learn()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataFileError):
        source.block(0, 569)


# ------------------------------------------------------------------------------------------------- memory

PEAK = """
import sys, threading, time
from pathlib import Path
import numpy as np, pyarrow, pyarrow.csv, pyarrow.parquet, torch
from isthmus.data.files import write
from isthmus.data.scanning import scan

def held():
    line = next(line for line in open("/proc/self/status") if line.startswith("RssAnon"))
    return 1024 * int(line.split()[1])

def work(path, buffer_rows):
    source = scan(path).learn()
    for batch in source.batches(1024, 0, buffer_rows=buffer_rows).epoch(0):
        pass
    for start in range(0, len(source), 4096):
        source.block(start, min(start + 4096, len(source)))

def watch():
    global peak
    while not done:
        peak = max(peak, held())
        time.sleep(0.002)

file = Path(sys.argv[1])
work(write(file.with_name("small" + file.suffix), np.ones((2000, 30), np.float32)), 2000)
before, peak, done = held(), 0, False
watching = threading.Thread(target=watch)
watching.start()
work(file, 100_000)
done = True
watching.join()
print((peak - before) / 2**20)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc, which Linux has")
@pytest.mark.parametrize(
    "ending", [".parquet", *(pytest.param(ending, marks=pytest.mark.slow) for ending in (".npy", ".csv"))]
)
def test_the_peak_is_the_buffer_and_what_is_stated_beside_it(ending: str, tmp_path: Path) -> None:
    """A file ten times the buffer (114 MiB of x, a buffer of 11.4): learning, an epoch and scoring stay below."""
    X = np.random.default_rng(0).integers(10, size=(1_000_000, 30), dtype=np.int8).astype(np.float32)
    path = written(tmp_path, ending, X, rows=20_000)
    measure = [sys.executable, "-c", PEAK, str(path)]
    done = subprocess.run(measure, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    growth, buffer, beside = float(done.stdout), X.nbytes / 10 / 2**20, 40
    assert buffer < growth < buffer + beside + 8  # what the allocators keep for later is no part of what is needed
