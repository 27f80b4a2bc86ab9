"""`encode`, `decode`, `reconstruct`, `sample` and `score`: from any format into any."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import isthmus as package
from isthmus.cli import rows
from isthmus.cli.main import run
from isthmus.data import files, scanning
from isthmus.data.streams import Stream
from tests.cli.command import Isthmus

TABLES, ARRAYS = [".csv", ".parquet", ".arrow", ".jsonl"], [".npy", ".npz"]
VERBS, PLAIN = ("encode", "reconstruct", "score"), ("row", "anomaly_score")
LEAVING = ("--target", "target", "--quiet")


@pytest.fixture(scope="session")
def of_digits(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small VAE of images."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    assert run(["fit", str(data / "digits"), "--model", "vae", "--out", str(out), "--epochs", "2", "--quiet"]) == 0
    return out


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of malignant tumours."""
    X, benign = load_breast_cancer(return_X_y=True)
    model = package.Autoencoder(epochs=5, random_state=0)
    fitted = package.AnomalyDetector(model, alpha=0.05, random_state=0).fit(X[benign == 1])
    return fitted.save(tmp_path_factory.mktemp("runs") / "detector")


def test_symbols_go_into_a_table_as_whole_numbers(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path) -> None:
    rows, codes = files.read(data / "iris.csv").drop_columns(["target"]), tmp_path / "codes.parquet"
    model = package.VQVAE(codes=64, epochs=1, random_state=0).fit(rows)
    folder = model.save(tmp_path / "model")
    isthmus.ok("encode", folder, data / "iris.csv", "--tokens", "--out", codes, *LEAVING)
    held = files.read(codes)
    assert held.column_names == [f"t{place}" for place in range(model.tokens(rows).shape[1])]
    assert np.array_equal(np.column_stack([column.to_numpy() for column in held.columns]), model.tokens(rows))
    told = isthmus("encode", vae, data / "iris.csv", "--tokens", "--out", tmp_path / "none.csv", *LEAVING)
    assert told.code == 2
    assert "no integer form: use a VQVAE" in told.err


@pytest.mark.parametrize("ending", TABLES + ARRAYS)
def test_codes_go_into_a_file_and_come_back_as_rows(
    isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path, ending: str
) -> None:
    model = package.load(vae)
    table = files.read(data / "iris.csv").drop_columns(["target"])
    codes = tmp_path / f"codes{ending}"
    assert isthmus.ok("encode", vae, data / "iris.csv", "--out", codes, *LEAVING).out == f"{codes}\n"
    held = files.read(codes)
    if ending in TABLES:
        assert held.column_names == ["z0", "z1", "z2"]
        held = np.column_stack([column.to_numpy() for column in held.columns])
    np.testing.assert_allclose(held, model.transform(table), rtol=1e-6)
    isthmus.ok("decode", vae, codes, "--out", tmp_path / "rows.csv", "--quiet")
    decoded = files.read(tmp_path / "rows.csv")
    assert decoded.column_names == table.column_names
    expected = model.inverse_transform(model.transform(table))
    np.testing.assert_allclose(decoded.to_pandas(), expected.to_pandas(), rtol=1e-5)


def test_rebuilt_rows_have_the_columns_of_the_data(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path) -> None:
    isthmus.ok("reconstruct", vae, data / "iris.parquet", "--out", tmp_path / "rebuilt.parquet", *LEAVING)
    table = files.read(data / "iris.csv").drop_columns(["target"])
    rebuilt = files.read(tmp_path / "rebuilt.parquet")
    assert rebuilt.column_names == table.column_names
    np.testing.assert_allclose(rebuilt.to_pandas(), package.load(vae).reconstruct(table).to_pandas())


@pytest.mark.parametrize("name", ["digits", "digits.idx"])
def test_images_come_from_a_folder_and_from_idx(
    isthmus: Isthmus, data: Path, of_digits: Path, tmp_path: Path, name: str
) -> None:
    images = files.read(data / name)
    paths = [isthmus.ok(verb, of_digits, data / name, "--out", tmp_path / verb, "--quiet").paths for verb in VERBS]
    codes, rebuilt, scores = (files.read(path) for (path,) in paths)
    model = package.load(of_digits)
    np.testing.assert_array_equal(codes, model.transform(images).astype(codes.dtype))
    np.testing.assert_array_equal(rebuilt, model.reconstruct(images))
    np.testing.assert_array_equal(scores["anomaly_score"], model.anomaly_score(images))
    ending = "" if name == "digits" else ".npy"
    assert [path.name for (path,) in paths] == ["digits.npy", f"digits{ending}", "digits.parquet"]


def test_codes_and_draws_become_images_in_folders(
    isthmus: Isthmus, data: Path, of_digits: Path, tmp_path: Path
) -> None:
    isthmus.ok("encode", of_digits, data / "digits", "--out", tmp_path / "z.csv", "--quiet")
    (decoded,) = isthmus.ok("decode", of_digits, tmp_path / "z.csv", "--out", tmp_path / "decoded").paths
    assert decoded == tmp_path / "decoded" / "z"
    assert files.read(decoded).shape == (120, 8, 8)
    isthmus.ok("sample", of_digits, "-n", 5, "--out", tmp_path / "drawn")
    assert files.read(tmp_path / "drawn").shape == (5, 8, 8)
    told = isthmus("sample", of_digits, "--out", tmp_path / "drawn")
    assert (told.code, told.err.startswith("UsageError: ")) == (2, True)


def test_draws_are_the_same_for_the_same_seed(isthmus: Isthmus, vae: Path, tmp_path: Path) -> None:
    told = isthmus.ok("sample", vae, "--out", tmp_path / "a.csv", "--count", 7, "--json")
    assert told.facts == {"output": str(tmp_path / "a.csv"), "rows": 7}
    isthmus.ok("sample", vae, "--out", tmp_path / "b.csv", "--count", 7)
    isthmus.ok("sample", vae, "--out", tmp_path / "c.csv", "--count", 7, "--random-state", 1)
    drawn = [(tmp_path / f"{name}.csv").read_text() for name in "abc"]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0].startswith('"sepal length (cm)",')


def test_a_model_without_a_prior_says_why_it_draws_nothing(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    isthmus.ok("fit", data / "cancer.npy", "--model", "autoencoder", "--out", tmp_path / "run", "--epochs", 1)
    told = isthmus("sample", tmp_path / "run", "--out", tmp_path / "new.csv")
    assert told.code == 2
    assert told.err.startswith("AbilityError: Autoencoder.sample()")


def test_several_files_get_an_answer_each_and_resume_leaves_those_that_are_there(
    isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path
) -> None:
    out = tmp_path / "codes"
    encode = ("encode", vae, data / "iris.csv", "--out", out, "--target", "target")
    assert isthmus.ok(*encode).paths == [out / "iris.csv"]
    first = (out / "iris.csv").stat().st_ino
    both = (*encode, data / "iris.parquet")
    told = isthmus.ok(*both, "--resume", "--json")
    assert told.facts == {"outputs": [str(out / "iris.csv"), str(out / "iris.parquet")]}
    assert "1/2" in told.err and "was there" in told.err
    assert (out / "iris.csv").stat().st_ino == first
    assert files.read(out / "iris.parquet").num_rows == 150
    (out / "iris.csv").write_text("half")
    isthmus.ok(*both, "--resume")
    assert files.read(out / "iris.csv").num_rows == 150


def test_answers_of_one_name_are_refused(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path) -> None:
    told = isthmus("score", vae, data / "digits", data / "digits.idx", "--out", tmp_path / "scores")
    assert told.code == 2
    assert "digits.parquet" in told.err


@pytest.mark.parametrize("ending", [*TABLES, ".npz"])
def test_a_model_scores_rows(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"scores{ending}"
    isthmus.ok("score", vae, data / "iris.csv", "--out", out, *LEAVING)
    table = files.read(data / "iris.csv").drop_columns(["target"])
    row, score = (files.read(out, key=name) if ending == ".npz" else files.read(out)[name] for name in PLAIN)
    np.testing.assert_array_equal(row, np.arange(150))
    np.testing.assert_allclose(score, package.load(vae).anomaly_score(table))


def test_a_detector_scores_rows_and_finds_anomalies(
    isthmus: Isthmus, data: Path, detector: Path, tmp_path: Path
) -> None:
    X, benign = load_breast_cancer(return_X_y=True)
    files.write(tmp_path / "benign.npy", X[benign == 1][:1])
    score = ("score", detector, data / "cancer.npy", "--out", tmp_path / "scores", "--quiet")
    (path,) = isthmus.ok(*score).paths
    loaded, table = package.load(detector), files.read(path)
    assert table.column_names == ["row", "anomaly_score", "p_value", "is_anomaly"]
    np.testing.assert_array_equal(table["is_anomaly"], loaded.predict(X) == -1)
    np.testing.assert_array_equal(table["p_value"], loaded.p_value(X))
    assert isthmus(*score, "--fail-on-anomaly").code == 3
    assert isthmus(*score, "--fail-on-anomaly", "--resume").code == 3
    (path,) = isthmus.ok(*score, "--incidents").paths
    numbers = files.read(path)["incident"].to_numpy()
    assert [one.rows for one in loaded.incidents(X)] == [
        np.flatnonzero(numbers == number).tolist() for number in range(1, numbers.max() + 1)
    ]
    one = ("score", detector, tmp_path / "benign.npy", "--out", tmp_path / "one.npz", "--fail-on-anomaly")
    assert isthmus(*one).code == (3 if loaded.predict(X[benign == 1][:1])[0] == -1 else 0)


def test_what_is_larger_than_memory_is_fitted_and_scored_from_its_file(
    isthmus: Isthmus, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "read_or_scan", partial(scanning.read_or_scan, memory_bytes=100))
    assert type(rows.rows_of(data / "iris.parquet")) is Stream
    fit = ("fit", data / "iris.parquet", "--model", "vae", "--out", tmp_path / "run", "--epochs", 2, *LEAVING)
    isthmus.ok(*fit)
    isthmus.ok("score", tmp_path / "run", data / "iris.parquet", "--out", tmp_path / "streamed.npz", *LEAVING)
    monkeypatch.undo()
    isthmus.ok("score", tmp_path / "run", data / "iris.parquet", "--out", tmp_path / "read.npz", *LEAVING)
    streamed, read = (files.read(tmp_path / f"{how}.npz", key="anomaly_score") for how in ("streamed", "read"))
    np.testing.assert_array_equal(streamed, read)


def test_only_a_detector_fails_on_anomalies(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path) -> None:
    told = isthmus("score", vae, data / "iris.csv", "--out", tmp_path / "s.csv", "--fail-on-anomaly", *LEAVING)
    assert told.code == 2
    assert "holds a VAE" in told.err
    told = isthmus("score", vae, data / "iris.csv", "--out", tmp_path / "s.csv", "--incidents", *LEAVING)
    assert (told.code, told.out) == (2, "") and "a detector of a table puts alarms together" in told.err


def test_a_detector_lends_its_model_to_the_other_verbs(
    isthmus: Isthmus, data: Path, detector: Path, tmp_path: Path
) -> None:
    isthmus.ok("encode", detector, data / "cancer.npy", "--out", tmp_path / "z.npy")
    model = package.load(detector).model_
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), model.transform(load_breast_cancer().data), rtol=1e-6)


def test_a_column_to_leave_out_must_be_there(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path) -> None:
    told = isthmus("encode", vae, data / "iris.csv", "--out", tmp_path / "z.npy", "--target", "targt")
    assert told.code == 2
    assert told.err.startswith("UnknownNameError: --target='targt'") and "Did you mean 'target'?" in told.err
    told = isthmus("encode", vae, data / "cancer.npy", "--out", tmp_path / "z.npy", "--target", "target")
    assert told.code == 2
    assert "this is no table" in told.err
