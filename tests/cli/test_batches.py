"""Many files, here and at URLs: an answer for each, once, whatever happens on the way."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

import isthmus as package
from isthmus.data import files
from tests.cli.command import Isthmus

SCORES = ["row", "anomaly_score", "p_value", "is_anomaly"]
DAYS = ("day=1/part-0", "day=1/part-1", "day=2/part-0", "day=2/part-1")


def table() -> pa.Table:
    """Breast cancer under the names that an array's columns get."""
    X = load_breast_cancer().data
    return pa.table({f"x{i}": column for i, column in enumerate(X.T)})


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of malignant tumours."""
    benign = table().filter(pa.array(load_breast_cancer().target == 1))
    model = package.Autoencoder(epochs=2, hidden_dims=(8,), random_state=0)
    fitted = package.AnomalyDetector(model, alpha=0.05, members=1, random_state=0).fit(benign)
    return fitted.save(tmp_path_factory.mktemp("runs") / "detector")


def parts() -> dict[str, pa.Table]:
    """The same in parts, of which one has no rows."""
    starts = (0, 200, 200, 201, 569)
    return {name: table().slice(starts[i], starts[i + 1] - starts[i]) for i, name in enumerate(DAYS)}


@pytest.fixture
def days(tmp_path: Path) -> Path:
    """The parts as Parquet files in folders by day, a row group for every 64 rows."""
    for name, part in parts().items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(part, tmp_path / "in" / f"{name}.parquet", row_group_size=64)
    return tmp_path / "in"


def manifest(folder: Path) -> dict[str, Any]:
    """What a folder says of its answers."""
    answers: dict[str, Any] = json.loads((folder / "_manifest.json").read_text())["answers"]
    return answers


def test_a_pattern_gets_an_answer_for_each_file_and_a_manifest(
    isthmus: Isthmus, detector: Path, days: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    told = isthmus.ok("score", detector, days / "*" / "*.parquet", "--out", out)
    assert told.paths == [out / f"{name}.parquet" for name in DAYS]
    answers = [pq.ParquetFile(path).read() for path in told.paths]
    assert [answer.column_names for answer in answers] == [SCORES] * 4
    assert [answer.num_rows for answer in answers] == [200, 0, 1, 368]
    loaded = package.load(detector)
    whole = pa.concat_tables(answers)
    np.testing.assert_array_equal(whole["anomaly_score"], loaded.anomaly_score(table()))
    np.testing.assert_array_equal(answers[3]["row"], np.arange(368))
    records = manifest(out)
    assert [records[f"{name}.parquet"]["rows"] for name in DAYS] == [200, 0, 1, 368]
    assert sum(record["anomalies"] or 0 for record in records.values()) == sum(whole["is_anomaly"].to_pylist())
    (version,) = {record["model"] for record in records.values()}
    assert version == json.loads((detector / "config.json").read_text())["config_sha256"]
    assert not (out / "_records").exists()


def test_what_is_half_is_redone_and_what_is_whole_is_kept(
    isthmus: Isthmus, detector: Path, days: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    score = ("score", detector, days / "*" / "*.parquet", "--out", out)
    isthmus.ok(*score)
    first, last = (out / f"{DAYS[i]}.parquet" for i in (0, 3))
    digests, kept = {name: record["sha256"] for name, record in manifest(out).items()}, first.stat().st_ino
    last.write_bytes(last.read_bytes()[:100])
    (last.parent / f".{last.name}.99.part").write_bytes(b"left by a process that was killed")
    told = isthmus.ok(*score, "--resume")
    assert told.err.count("was there") == 3 and "4/4" in told.err
    assert {name: record["sha256"] for name, record in manifest(out).items()} == digests
    assert first.stat().st_ino == kept and not list(out.rglob("*.part"))


def test_other_data_another_model_and_other_options_are_refused(
    isthmus: Isthmus, detector: Path, days: Path, tmp_path: Path
) -> None:
    out, changed = tmp_path / "out", days / f"{DAYS[0]}.parquet"
    score = ("score", detector, days / "*" / "*.parquet", "--out", out)
    isthmus.ok(*score)
    before = (out / "_manifest.json").read_bytes()
    told = isthmus(*score, "--resume", "--incidents")
    assert told.code == 2 and "incidents=False, here True" in told.err
    pq.write_table(table().slice(0, 9), changed)
    told = isthmus(*score, "--resume")
    assert told.code == 2 and f"{DAYS[0]}.parquet answers" in told.err and "remove" in told.err
    other = package.load(detector).model_.save(tmp_path / "other")
    told = isthmus("score", other, days / "*" / "*.parquet", "--out", out, "--resume")
    assert told.code == 2 and "is by model" in told.err
    assert (out / "_manifest.json").read_bytes() == before
    (out / f"{DAYS[0]}.parquet").unlink()
    assert isthmus.ok(*score, "--resume").err.count("was there") == 3
    assert manifest(out)[f"{DAYS[0]}.parquet"]["rows"] == 9


def test_urls_are_read_and_written(isthmus: Isthmus, detector: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason='fsspec is not installed: pip install "isthmus[data]"')
    store = fsspec.filesystem("memory")
    for name, part in parts().items():
        with store.open(f"/in/{name}.parquet", "wb") as file:
            pq.write_table(part, file)
    try:
        score = ("score", detector, "memory://in/*/*.parquet", "--out", "memory://out")
        told = isthmus.ok(*score)
        assert told.out.splitlines() == [f"memory://out/{name}.parquet" for name in DAYS]
        with store.open(f"/out/{DAYS[3]}.parquet") as file:
            scores = pq.read_table(file)["anomaly_score"]
        np.testing.assert_array_equal(scores, package.load(detector).anomaly_score(table().slice(201)))
        assert isthmus.ok(*score, "--resume").err.count("was there") == 4
        assert store.glob("/out/**/*.json") == ["/out/_manifest.json"]
        isthmus.ok("score", detector, f"memory://in/{DAYS[0]}.parquet", "--out", tmp_path / "one.csv")
        assert files.read(tmp_path / "one.csv").num_rows == 200
        store.pipe(f"/in/{DAYS[0]}.parquet", b"other")
        assert "answers" in isthmus(*score, "--resume").err
    finally:
        store.rm("/in", recursive=True)
        store.rm("/out", recursive=True)


def test_a_pattern_that_fits_nothing_and_a_url_that_is_not_there_say_so(
    isthmus: Isthmus, detector: Path, tmp_path: Path
) -> None:
    told = isthmus("score", detector, tmp_path / "*.parquet", "--out", tmp_path / "out")
    assert told.code == 2 and "which fits no file" in told.err
    told = isthmus("score", detector, "memory://none/a.parquet", "--out", tmp_path / "out.csv")
    assert told.code == 2 and "memory://none/a.parquet is not there" in told.err
    told = isthmus("score", detector, "nosuch://none/a.parquet", "--out", tmp_path / "out.csv")
    assert told.code == 2 and "Protocol not known" in told.err


@pytest.mark.timeout(300)
def test_ray_gives_the_bits_of_one_process(
    isthmus: Isthmus, detector: Path, days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason='ray is not installed: pip install "isthmus[ray]"')
    score = ("score", detector, days / "*" / "*.parquet", "--out")
    isthmus.ok(*score, tmp_path / "local")
    isthmus.ok(*score, tmp_path / "ray", "--engine", "ray")
    for name in DAYS:
        one, other = (tmp_path / engine / f"{name}.parquet" for engine in ("local", "ray"))
        assert one.read_bytes() == other.read_bytes()
    assert manifest(tmp_path / "ray") == manifest(tmp_path / "local")
    told = isthmus("score", detector, detector / "config.json", "--out", tmp_path / "x.csv", "--engine", "ray")
    assert told.code == 2 and told.err.startswith("DataFileError: ")


def test_without_ray_the_engine_says_how_to_get_it(
    isthmus: Isthmus, detector: Path, days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    told = isthmus("score", detector, days / f"{DAYS[2]}.parquet", "--out", tmp_path / "x.csv", "--engine", "ray")
    assert told.code == 2 and 'pip install "isthmus[ray]"' in told.err
