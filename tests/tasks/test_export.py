"""Exports: the same answers by other means, proved, and refused without proof."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import isthmus
from isthmus.errors import (
    AbilityError,
    ColumnError,
    InputError,
    MissingFileError,
    MissingValueError,
    ModelFileError,
    ParameterError,
    ParityError,
    UnknownNameError,
    ValueRangeError,
)
from isthmus.tasks.export import layouts, loading, row_scorer
from isthmus.tasks.export.exporting import export
from isthmus.tasks.export.loading import load_exported

PARTS = 3  # of an error


def as_new(detector: Any, X: Any) -> Any:
    """The scores of rows, whatever the detector remembers of them."""
    return detector.scorer_.scored(detector.scorer_.terms(X))


@pytest.fixture(scope="module")
def folder(detector: Any, tumours: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default fusion of two members, for NumPy alone."""
    return detector.export(tmp_path_factory.mktemp("exports") / "tumours", tumours.benign, format="numpy")


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A copy of the export that a test may spoil."""
    return Path(shutil.copytree(folder, tmp_path / "tumours"))


def told(file: Path, **changes: Any) -> None:
    """Change what a proof says."""
    proof = json.loads(file.read_text())
    file.write_text(json.dumps({**proof, **changes}))


# The scorer of single rows. ------------------------------------------------------------------------------------------


def test_the_scorer_of_single_rows_answers_as_the_fusion_of_two(folder: Path, detector: Any, tumours: Any) -> None:
    exported = load_exported(folder)
    for rows in (tumours.benign, tumours.malignant):
        expected = as_new(detector, rows)
        found = exported.anomaly_score(rows)
        assert np.abs(found - expected).max() < exported.proof["allowed"]
        assert np.abs(found - expected)[expected > detector.threshold_ - 1].max() < 1e-4  # where it decides
    assert (exported.predict(tumours.malignant) == detector.predict(tumours.malignant)).all()
    assert exported.p_value(tumours.malignant) == pytest.approx(detector.p_value(tumours.malignant), abs=0.02)


def test_the_proof_says_what_was_replayed(folder: Path, detector: Any, tumours: Any, tmp_path: Path) -> None:
    proof = json.loads((folder / row_scorer.PROOF).read_text())
    n = len(tumours.benign)
    assert proof["rows"] == {"given": n, "made_up": n}
    assert proof["flipped"] == 0 < proof["alarms"] < 2 * n
    assert 0 < proof["largest_difference"] == max(proof["differences"].values()) <= proof["allowed"]
    saved = json.loads((detector.save(tmp_path / "saved") / "config.json").read_text())
    assert proof["sha256"]["original"] == saved["tensors_sha256"]
    assert set(proof["sha256"]["files"]) == {row_scorer.PLAN, row_scorer.WEIGHTS, "scorer.py"}
    assert proof["versions"]["isthmus"] == isthmus.__version__


def test_rows_that_the_detector_keeps_do_where_none_are_given(detector: Any, tmp_path: Path) -> None:
    proof = load_exported(export(detector, tmp_path / "kept", format="numpy")).proof
    assert proof["rows"]["given"] == len(detector.scorer_.examples.x)


ALONE = """
import sys

class Closed:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "isthmus", "sklearn", "scipy"):
            raise ImportError(f"{name} is closed")

sys.meta_path.insert(0, Closed())
import numpy, scorer
score, rows = scorer.load(), numpy.load(sys.argv[1])
print([score(row) for row in rows], sum(score(row) > score.threshold for row in rows))
"""


def test_the_copied_scorer_needs_numpy_alone(folder: Path, tumours: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", tumours.malignant[:20])
    words = [sys.executable, "-c", ALONE, str(tmp_path / "rows.npy")]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    exported = load_exported(folder)
    alarms = int((exported.predict(tumours.malignant[:20]) == -1).sum())
    assert done.stdout.split() == f"{exported.anomaly_score(tumours.malignant[:20]).tolist()} {alarms}".split()


def test_loading_needs_no_torch(folder: Path) -> None:
    program = f"import sys, isthmus; isthmus.load_exported({str(folder)!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


KINDS = {"density": "tanh", "distortion": "relu", "latent": "sigmoid", "mahalanobis": "leaky-relu"}


@pytest.mark.parametrize("score", KINDS)
def test_every_score_and_activation(score: str, tumours: Any, tmp_path: Path) -> None:
    model = isthmus.Autoencoder(epochs=2, latent_dim=3, hidden_dims=(8,), activation=KINDS[score], device="cpu")
    detector = isthmus.AnomalyDetector(model, score=score, members=1, alpha=0.05, random_state=0)
    rows = tumours.benign.astype(np.float32)
    detector.fit(rows[:200], X_calibration=rows[200:])
    exported = load_exported(detector.export(tmp_path / "it", rows[200:], format="numpy"))
    assert exported.proof["dtype"] == "float32"
    assert exported.anomaly_score(rows) == pytest.approx(as_new(detector, rows), rel=1e-4, abs=1e-4)
    assert (exported.predict(rows[200:]) == detector.predict(rows[200:])).all()


# What is refused. ----------------------------------------------------------------------------------------------------


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no proof": (lambda home: (home / row_scorer.PROOF).unlink(), "is not there"),
    "no JSON": (lambda home: (home / row_scorer.PROOF).write_text("{"), "is no proof"),
    "other weights": (lambda home: (home / row_scorer.WEIGHTS).write_bytes(b"other"), "not the file that was proved"),
    "other scorer": (lambda home: (home / "scorer.py").write_text("pass"), "not the file that was proved"),
    "outside": (lambda home: told(home / row_scorer.PROOF, model="../weights.npz"), "not the file that was proved"),
    "flipped": (lambda home: told(home / row_scorer.PROOF, flipped=1), "1 flipped verdicts"),
    "far off": (lambda home: told(home / row_scorer.PROOF, largest_difference=1.0), "differ by up to 1"),
    "no number": (lambda home: told(home / row_scorer.PROOF, largest_difference=float("nan")), "differ by up to nan"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_nothing_is_loaded_without_a_proof_that_holds(case: str, copied: Path) -> None:
    spoil, part = SPOILT[case]
    load_exported(copied)
    spoil(copied)
    with pytest.raises(ParityError, match=part) as caught:
        load_exported(copied)
    assert len([part for part in (caught.value.came, caught.value.allowed, caught.value.fix) if part]) == PARTS
    with pytest.raises(row_scorer.Refused, match=part):
        row_scorer.load(copied)


def test_bad_rows_are_refused_as_the_original_refuses_them(folder: Path, tumours: Any) -> None:
    import pandas as pd

    exported, row = load_exported(folder), tumours.benign[:1].copy()
    for bad, kind in ((np.nan, MissingValueError), (np.inf, ValueRangeError), (1e39, ValueRangeError)):
        wrong = row.copy()
        wrong[0, 4] = bad
        with pytest.raises(kind, match="row 0, column 'x4'"):
            exported.anomaly_score(wrong)
        with pytest.raises(row_scorer.Refused, match="cell 'x4' holds"):
            row_scorer.load(folder)(wrong[0])
    for wrong in (row[:, :7], row[0], row[:0], np.array([["a"] * 30])):
        with pytest.raises(InputError):
            exported.predict(wrong)
    with pytest.raises(row_scorer.Refused, match="30 columns"):
        row_scorer.load(folder)(row)
    exported.predict(pd.DataFrame(row))
    exported.proof["columns"] = [f"column{i}" for i in range(30)]
    with pytest.raises(ColumnError, match="fitted on"):
        exported.predict(pd.DataFrame(row))
    with pytest.raises(AbilityError, match="code of an exported AnomalyDetector"):
        exported.transform(row)


def test_bad_paths_and_formats_are_refused(detector: Any, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="overwrites nothing"):
        detector.export(folder, format="numpy")
    with pytest.raises(UnknownNameError, match="format='onx'"):
        detector.export(tmp_path / "new", format="onx")
    for name in ("..", "a b", "-x", "x" * 64, ".hidden"):
        with pytest.raises(ParameterError, match="a server calls the model so"):
            detector.export(tmp_path / name, format="numpy")
    with pytest.raises(MissingFileError):
        load_exported(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_says_why(tumours: Any, quick: Any, tmp_path: Path) -> None:
    import pandas as pd

    with pytest.raises(NotFittedError):
        isthmus.AnomalyDetector().export(tmp_path / "new")
    mixed = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 10, "b": ["x", "y", "y", "x"] * 10})
    with pytest.raises(AbilityError, match="has categorical columns"):
        export(isthmus.Autoencoder(epochs=1).fit(mixed), tmp_path / "new", mixed)
    with pytest.raises(AbilityError, match="detectors of series look back"):
        isthmus.TimeSeriesDetector().export(tmp_path / "new")
    vae = isthmus.AnomalyDetector(isthmus.VAE(epochs=1), score="distortion", members=1, alpha=0.05).fit(tumours.benign)
    with pytest.raises(AbilityError, match="means of a normal posterior"):
        vae.export(tmp_path / "new", tumours.benign, format="numpy")
    with pytest.raises(InputError, match="no rows to replay"):
        vae.export(tmp_path / "new", format="numpy")
    assert list(tmp_path.iterdir()) == []


# Graphs. -------------------------------------------------------------------------------------------------------------


def fields(text: str, side: str) -> list[tuple[str, str, list[int]]]:
    """Inputs or outputs of Triton's configuration: name, type, dims."""
    block = re.search(rf"^{side} \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    found = re.findall(r'name: "(\w+)" data_type: TYPE_(\w+) dims: \[ ([-\d, ]+) \]', block[1] if block else "")
    return [(name, kind, [int(axis) for axis in dims.split(",")]) for name, kind, dims in found]


def check_layout(home: Path, name: str) -> None:
    """What stands in the files that servers read is what the graph has."""
    import onnx

    repository = home / "models" / name
    graph = onnx.load(str(repository / "1" / "model.onnx")).graph
    named = {1: "FP32", 9: "BOOL", 11: "FP64"}
    text = (repository / "config.pbtxt").read_text()
    facts = json.loads((home / "metadata.json").read_text())
    for side, values in (("input", graph.input), ("output", graph.output)):
        types = [value.type.tensor_type for value in values]
        shapes = [[axis.dim_value or -1 for axis in kind.shape.dim] for kind in types]
        names = [value.name for value in values]
        expected = list(zip(names, [named[kind.elem_type] for kind in types], shapes, strict=True))
        assert fields(text, side) == expected
        assert [(one["name"], one["datatype"], one["shape"]) for one in facts[f"{side}s"]] == expected
        assert all(shape[0] == -1 for shape in shapes)
    assert text.startswith(f'name: "{name}"\nbackend: "onnxruntime"\nmax_batch_size: 0\n')
    service = (home / "inference-service.yaml").read_text()
    assert f"name: {name}\n" in service and "protocolVersion: v2\n" in service and f"models/{name}/models" in service


def test_servers_find_what_a_graph_has(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason='onnx is not installed: pip install "isthmus[onnx]"')
    from onnx import TensorProto, helper

    rows = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, ["batch", 3])
    score = helper.make_tensor_value_info("anomaly_score", TensorProto.DOUBLE, ["batch"])
    alarm = helper.make_tensor_value_info("is_anomaly", TensorProto.BOOL, ["batch"])
    graph = helper.make_graph([], "pump", [rows], [score, alarm])
    home = tmp_path / "pump"
    assert layouts.write_kserve(home, "pump", onnx.helper.make_model(graph)) == "models/pump/1/model.onnx"
    check_layout(home, "pump")


@pytest.mark.slow
def test_a_graph_answers_as_the_default_detector(detector: Any, tumours: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install "isthmus[onnx]"')
    home = detector.export(tmp_path / "tumours", tumours.benign, format="kserve")
    check_layout(home, "tumours")
    exported = load_exported(home)
    assert exported.proof["flipped"] == 0
    rows = np.concatenate([tumours.benign, tumours.malignant])
    assert np.abs(exported.anomaly_score(rows) - as_new(detector, rows)).max() < exported.proof["allowed"]
    assert (exported.predict(tumours.malignant) == detector.predict(tumours.malignant)).all()
    assert exported.p_value(tumours.malignant) == pytest.approx(detector.p_value(tumours.malignant), abs=0.02)
    broken = np.full((2, 30), np.nan)
    told = loading.graph_runner((home / exported.proof["model"]).read_bytes())(broken)
    assert told["is_anomaly"].all() and (told["p_value"] < 0.02).all()
    one = np.concatenate([exported.anomaly_score(row[None]) for row in rows[:9]])
    assert (one == exported.anomaly_score(rows)[:9]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "score", ["density", "distortion", "fusion", "latent", "mahalanobis", "reconstruction-probability"]
)
def test_the_graph_of_every_score_with_gaps(score: str, tumours: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install "isthmus[onnx]"')
    model = isthmus.VAE(epochs=3, device="cpu") if score == "reconstruction-probability" else "auto"
    rows = tumours.benign.copy()
    rows[np.random.default_rng(0).random(rows.shape) < 0.02] = np.nan
    detector = isthmus.AnomalyDetector(model, score=score, alpha=0.05, random_state=0).fit(rows)
    exported = load_exported(detector.export(tmp_path / "it", rows))
    assert exported.proof["flipped"] == 0
    assert np.abs(exported.anomaly_score(rows) - as_new(detector, rows)).max() < exported.proof["allowed"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_the_graph_of_a_model_has_its_code_and_what_comes_out(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install "isthmus[onnx]"')
    X = load_digits().data
    model = isthmus.family()[name](epochs=2, random_state=0, device="cpu").fit(X[:400])
    exported = load_exported(export(model, tmp_path / name, X[400:700]))
    X = X[700:800]
    assert exported.transform(X) == pytest.approx(np.asarray(model.transform(X)), rel=1e-4, abs=1e-4)
    assert exported.reconstruct(X) == pytest.approx(np.asarray(model.reconstruct(X)), rel=1e-3, abs=1e-3)
    assert exported.anomaly_score(X) == pytest.approx(model.anomaly_score(X), rel=1e-4)


@pytest.mark.slow
def test_convolutions_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install "isthmus[onnx]"')
    X = (15 * load_digits().images[:80]).astype(np.uint8)
    model = isthmus.ConvolutionalAutoencoder(epochs=1, device="cpu").fit(X)
    with pytest.raises(AbilityError, match="torch cannot trace it"):
        export(model, tmp_path / "digits", X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_graph_of_hot_images(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install "isthmus[onnx]"')
    good = isthmus.data.phantoms(80, 0, size=32)[0]
    ill = isthmus.data.phantoms(20, 1, size=32, lesions=1, contrast=0.4)[0]
    model = isthmus.Autoencoder(architecture="mlp", epochs=10, device="cpu")
    detector = isthmus.ImageDetector(model, alpha=0.1, random_state=0).fit(good)
    exported = load_exported(detector.export(tmp_path / "phantoms", np.concatenate([good, ill])))
    assert exported.anomaly_score(ill) == pytest.approx(detector.anomaly_score(ill), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2_annthyroid", "40_vowels", "19_landsat"])
@pytest.mark.parametrize("format", ["numpy", "onnx"])
def test_no_verdict_flips_on_real_tables(name: str, format: str, real_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason='onnxscript is not installed: pip install "isthmus[onnx]"')
    table = np.load(real_data / "adbench" / f"{name}.npz")
    X, y = table["X"], table["y"].ravel()
    normal = X[y == 0]
    detector = isthmus.AnomalyDetector(alpha=0.05, random_state=0).fit(normal[::2], X_calibration=None)
    exported = load_exported(detector.export(tmp_path / "it", normal[1::2], format=format))
    assert exported.proof["flipped"] == 0
    assert (exported.predict(X[y == 1]) == np.where(as_new(detector, X[y == 1]) > detector.threshold_, -1, 1)).all()
