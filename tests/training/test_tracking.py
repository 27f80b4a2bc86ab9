"""What trackers wrote, read back from their own files, is what the history says."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, load_iris

import isthmus
from isthmus import Checkpoint, MLflow, TensorBoard, WeightsAndBiases
from isthmus.errors import MissingExtraError, ParameterError, UnknownNameError
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run
from isthmus.training.samples import FEW, Samples

DIGITS = load_digits()
IMAGES, LABELS = (15 * DIGITS.images[:160]).astype(np.uint8), DIGITS.target[:160]
STEP_NAMES = {"epoch", "stage"}


def fitted(*callbacks: Callback, epochs: int = 6, X: Any = IMAGES, y: Any = LABELS) -> Any:
    model = isthmus.VAE(latent_dim=3, hidden_dims=(16,), architecture="mlp", epochs=epochs, random_state=0)
    return model.set_callbacks(*callbacks).fit(X, y, validation=IMAGES[-32:] if X is IMAGES else None)


class Stop(Callback):
    """Breaks a fit off after an epoch, as Ctrl-C does."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def epoch_ended(self, run: Run) -> bool:
        if len(run.history) == self.epoch:
            raise KeyboardInterrupt
        return False


@pytest.fixture
def tensorboard() -> Any:
    reason = 'tensorboard is not installed: pip install "isthmus[tensorboard]"'
    return pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=reason)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        folder = tmp_path_factory.mktemp("mlflow")
        patch.chdir(folder)  # where artifacts go
        pytest.importorskip("mlflow", reason='mlflow is not installed: pip install "isthmus[track]"')
        pytest.importorskip("alembic", reason='alembic is not installed: pip install "isthmus[track]"')
        yield f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    return pytest.importorskip("wandb", reason='wandb is not installed: pip install "isthmus[wandb]"')


def read_events(library: Any, folder: Path) -> Any:
    events = library.EventAccumulator(str(folder), size_guidance=dict.fromkeys(("scalars", "images"), 0))
    return events.Reload()


def test_tensorboard_has_the_history(tensorboard: Any, tmp_path: Path) -> None:
    model = fitted(TensorBoard(tmp_path))
    events = read_events(tensorboard, tmp_path)
    tags = {"loss": "train/loss", "validation_rate": "validation/rate", "learning_rate": "run/learning_rate"}
    for name, tag in tags.items():
        written = [(event.step, event.value) for event in events.Scalars(tag)]
        assert written == [(line["epoch"], pytest.approx(line[name])) for line in model.history_]
    assert len(events.Tags()["scalars"]) == len(set(model.history_[0]) - STEP_NAMES)
    assert b"VAE(" in events.Tensors("model/text_summary")[0].tensor_proto.string_val[0]


def test_tensorboard_has_reconstructions_and_codes(tensorboard: Any, tmp_path: Path) -> None:
    model = fitted(TensorBoard(tmp_path, rows=50, pictures=3))
    pictures = read_events(tensorboard, tmp_path).Images("reconstructions")
    assert [picture.step for picture in pictures] == [2, 4, 6]
    assert {(picture.height, picture.width) for picture in pictures} == {(3 * 8, FEW * 8)}
    folder = tmp_path / "00006" / "codes"
    codes = np.loadtxt(folder / "tensors.tsv")
    labels = (folder / "metadata.tsv").read_text().split()
    everything = model.transform(IMAGES)
    place = [int(abs(everything - code).sum(1).argmin()) for code in codes]
    assert np.allclose(codes, everything[place], atol=1e-5)
    assert labels == [str(LABELS[row]) for row in place]
    assert len(set(place)) == 50
    assert (folder / "sprite.png").stat().st_size > 0


def test_tensorboard_forgets_what_a_killed_run_wrote_too_much(tensorboard: Any, tmp_path: Path) -> None:
    def callbacks() -> tuple[Callback, ...]:
        return TensorBoard(tmp_path / "events", rows=0), Checkpoint(tmp_path / "run.safetensors", resume=True)

    with pytest.raises(KeyboardInterrupt):
        fitted(*callbacks(), Stop(4))
    model = fitted(*callbacks())
    written = [event.step for event in read_events(tensorboard, tmp_path / "events").Scalars("train/loss")]
    assert written == [line["epoch"] for line in model.history_]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload``:DeprecationWarning")
def test_mlflow_has_the_history_the_parameters_and_the_model(store: str) -> None:
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    callback = MLflow(store, experiment="digits", name="first")
    model = fitted(callback)
    client = MlflowClient(store)
    run = client.get_run(callback.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.runName"] == "first"
    assert (run.data.params["latent_dim"], run.data.params["batch_size"]) == ("3", "32")
    assert set(run.data.metrics) == set(model.history_[0]) - STEP_NAMES
    told = client.get_metric_history(callback.run_id, "validation_loss")
    assert [(one.step, one.value) for one in told] == [(row["epoch"], row["validation_loss"]) for row in model.history_]
    kept = download_artifacts(run_id=callback.run_id, artifact_path="model", tracking_uri=store)
    assert np.array_equal(isthmus.load(kept).anomaly_score(IMAGES), model.anomaly_score(IMAGES))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload``:DeprecationWarning")
def test_mlflow_goes_on_with_the_run_that_was_broken_off(store: str, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    def callbacks() -> tuple[MLflow, Callback]:
        return MLflow(store, "resumed", model=False), Checkpoint(tmp_path / "run.safetensors", resume=True)

    first, second = callbacks(), callbacks()
    client = MlflowClient(store)
    with pytest.raises(KeyboardInterrupt):
        fitted(*first, Stop(4))
    assert client.get_run(first[0].run_id).info.status == "FAILED"
    model = fitted(*second)
    assert second[0].run_id == first[0].run_id
    assert client.get_run(first[0].run_id).info.status == "FINISHED"
    told = client.get_metric_history(first[0].run_id, "loss")
    assert [(one.step, one.value) for one in told] == [(line["epoch"], line["loss"]) for line in model.history_]
    assert not client.list_artifacts(first[0].run_id)


def offline_records(file: Path) -> Iterator[Any]:
    """The records of an offline run: a LevelDB log (blocks of 32 KiB, chunks led by crc, length, type) of protobuf."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, whole = file.read_bytes(), 7, b""  # seven bytes say what the file is
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last chunk of one
            yield Record.FromString(whole)
            whole = b""


def test_weights_and_biases_has_the_history_offline(wandb: Any, tmp_path: Path) -> None:
    callback = WeightsAndBiases("digits", tmp_path, name="first")
    model = fitted(callback)
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    records = list(offline_records(file))
    (begun,) = (record.run for record in records if record.WhichOneof("record_type") == "run")
    assert (begun.project, begun.display_name, begun.run_id) == ("digits", "first", callback.run_id)
    config = {item.key: item.value_json for item in begun.config.update}
    assert config["latent_dim"] == '"3"'
    lines = [record.history for record in records if record.WhichOneof("record_type") == "history"]
    told = [{"/".join(item.nested_key): item.value_json for item in line.item} for line in lines]
    assert [float(line["loss"]) for line in told] == pytest.approx([line["loss"] for line in model.history_])
    assert [int(line["_step"]) for line in told] == [line["epoch"] for line in model.history_]
    (end,) = (record.exit for record in records if record.WhichOneof("record_type") == "exit")
    assert end.exit_code == 0


@pytest.mark.parametrize("name", ["tensorboard", "store", "wandb"])
@pytest.mark.filterwarnings("ignore:The ``noload``:DeprecationWarning")
def test_being_watched_changes_no_bit(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = request.getfixturevalue(name)
    watcher: Callback
    if name == "tensorboard":
        watcher = TensorBoard(tmp_path, pictures=6)
    else:
        watcher = MLflow(place, model=False) if name == "store" else WeightsAndBiases(path=tmp_path)
    watched, alone = fitted(watcher, epochs=3), fitted(epochs=3)
    assert np.array_equal(watched.anomaly_score(IMAGES), alone.anomaly_score(IMAGES))


@pytest.mark.parametrize(
    ("callback", "module", "extra"),
    [
        (TensorBoard("runs"), "torch.utils.tensorboard", "tensorboard"),
        (MLflow(), "mlflow", "track"),
        (WeightsAndBiases(), "wandb", "wandb"),
    ],
)
def test_a_missing_library_is_said_before_anything_is_learnt(
    callback: Callback, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{type(callback).__name__}.*isthmus\[{extra}\]"):
        fitted(callback)


def test_what_cannot_be_tracked_is_refused() -> None:
    with pytest.raises(ParameterError, match="rows=-1, pictures=10"):
        TensorBoard("runs", rows=-1)
    with pytest.raises(UnknownNameError, match="mode='ofline'.*Did you mean 'offline'"):
        WeightsAndBiases(mode="ofline")


FRAME = pd.DataFrame({"length": np.arange(40.0), "kind": ["a", "b"] * 20, "width": np.arange(40.0) ** 2})


@pytest.mark.parametrize(
    ("rows", "kind", "shape"),
    [
        (IMAGES, "image", (24, FEW * 8, 1)),
        (np.stack([IMAGES] * 3, -1), "image", (24, FEW * 8, 3)),
        (isthmus.Images(IMAGES), "image", (24, FEW * 8, 1)),
        (load_iris().data, "table", (3 * FEW * 8, 4 * 8, 1)),
        (FRAME, "table", (3 * FEW * 8, 2 * 8, 1)),
        (scipy.sparse.csr_matrix(load_iris().data), "table", (3 * FEW * 8, 4 * 8, 1)),
        (np.zeros((30, 5, 2)), "series", (3 * FEW * 8, 10 * 8, 1)),
    ],
)
def test_a_picture_shows_originals_answers_and_residuals(rows: Any, kind: str, shape: tuple[int, ...]) -> None:
    samples = Samples.of(rows, None, 20, kind)
    assert samples is not None
    picture = samples.picture(samples.few)
    assert picture.shape == shape
    original, answer, residual = np.split(picture, 3)
    assert np.array_equal(original, answer)
    assert np.allclose(residual, 0.5)
    assert 0 <= picture.min() <= picture.max() <= 1


def test_rows_that_are_not_in_memory_are_not_sampled() -> None:
    assert Samples.of("rows.parquet", None, 20, "table") is None
    assert Samples.of(IMAGES, LABELS, 0, "image") is None


def test_labels_that_are_not_those_of_the_rows_are_left_out() -> None:
    kept = Samples.of(IMAGES, LABELS[:50], 20, "image")
    assert kept is not None
    assert kept.labels is None
