"""`isthmus fit`: every format of data, the folder it leaves, and going on where a run stopped."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import isthmus as package
from isthmus.cli.run_folder import RunFolder
from isthmus.errors import MissingFileError
from tests.cli.command import Isthmus

FINISHED = ["README.md", "config.json", "config.toml", "metrics.jsonl", "model.safetensors"]
DATA = ("iris.csv", "iris.parquet", "cancer.npy", "cancer.npz", "digits.idx", "digits")
SMALL = ("--epochs", 2, "--hidden-dims", "8", "--quiet")


def cases() -> list[Any]:
    """Each file with each model that takes such data and nothing beside it; the usual run has a model's first file."""
    kinds = {"iris": "table", "canc": "table", "digi": "image"}
    takes = {name: member.kinds for name, member in package.family().items() if not member.is_conditional}
    pairs = [(name, model) for name in DATA for model in takes if kinds[name[:4]] in takes[model]]
    first = {model: name for name, model in reversed(pairs)} | {"autoencoder": "", "vae": ""}
    return [
        pytest.param(name, model, marks=[pytest.mark.slow] * (first[model] not in ("", name))) for name, model in pairs
    ]


@pytest.mark.parametrize(("name", "model"), cases())
def test_every_model_reads_every_format(isthmus: Isthmus, data: Path, tmp_path: Path, name: str, model: str) -> None:
    out = tmp_path / "run"
    small = SMALL if "hidden_dims" in package.family()[model]().get_params() else ("--epochs", 2, "--quiet")
    told = isthmus.ok("fit", data / name, "--model", model, "--out", out, *small)
    assert (told.out, told.err) == (f"{out}\n", "")
    assert sorted(entry.name for entry in out.iterdir()) == FINISHED
    scores = package.load(out).anomaly_score(str(data / name))
    assert len(scores) == {"iris": 150, "canc": 569, "digi": 120}[name[:4]]


def test_the_folder_tells_the_run(isthmus: Isthmus, vae: Path) -> None:
    begun = tomllib.loads((vae / "config.toml").read_text())
    assert (begun["model"], begun["target"], begun["epochs"], begun["random_state"]) == ("vae", "target", 3, 0)
    lines = [json.loads(line) for line in (vae / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(line["validation_loss"] > 0 for line in lines)
    assert package.load(vae).feature_names_in_.tolist()[0] == "sepal length (cm)"


def test_the_record_repeats_the_run(isthmus: Isthmus, vae: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    facts = isthmus.ok("fit", "--config", vae / "config.toml", "--out", again, "--json", "--quiet").facts
    assert (again / "model.safetensors").read_bytes() == (vae / "model.safetensors").read_bytes()
    assert (facts["model"], facts["epoch"]) == (str(again), 3)


def test_progress_goes_to_standard_error_and_quiet_ends_it(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    fit = ("fit", data / "iris.csv", "--model", "autoencoder", "--epochs", 40)
    told = isthmus.ok(*fit, "--out", tmp_path / "a", "--validation", 0.1)
    assert told.out == f"{tmp_path / 'a'}\n"
    epochs = [line for line in told.err.splitlines() if line.startswith("epoch ")]
    assert len(epochs) == 10
    assert "validation_loss" in epochs[-1] and "epoch 40/40" in epochs[-1]
    assert isthmus.ok(*fit, "--out", tmp_path / "b", "--quiet").err == ""


def test_what_steers_reaches_the_run(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    fit = ("fit", data / "iris.csv", "--model", "vae", "--quiet", "--epochs", 30)
    isthmus.ok(*fit, "--out", tmp_path / "a", "--schedule", "constant", "--early-stopping", 1, "--validation", 0.5)
    history = package.load(tmp_path / "a").history_
    assert len({line["learning_rate"] for line in history}) == 1
    isthmus.ok(*fit, "--out", tmp_path / "b")
    isthmus.ok(*fit, "--out", tmp_path / "c", "--clip", 1e-3)
    weights = [(tmp_path / run / "model.safetensors").read_bytes() for run in "bc"]
    assert weights[0] != weights[1]


def test_a_run_overwrites_nothing(isthmus: Isthmus, data: Path, vae: Path, tmp_path: Path) -> None:
    fit = ("fit", data / "iris.csv", "--model", "vae", "--epochs", 1, "--quiet")
    told = isthmus(*fit, "--out", vae)
    assert told.code == 2
    assert "holds README.md" in told.err and "--resume" in told.err
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("you")
    for out in (tmp_path / "letters", tmp_path / "letters" / "dear.txt"):
        told = isthmus(*fit, "--out", out, "--resume")
        assert told.code == 2
        assert "--resume to" not in told.err
    assert (tmp_path / "letters" / "dear.txt").read_text() == "you"


def test_a_run_that_failed_at_once_may_begin_again(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    fit = ("fit", data / "iris.csv", "--model", "autoencoder", "--epochs", 1, "--quiet", "--out", tmp_path)
    told = isthmus(*fit, "--latent-dim", 7)
    assert (told.code, told.err.partition(":")[0]) == (2, "LatentTooWideError")
    with pytest.raises(MissingFileError):
        package.load(tmp_path)
    isthmus.ok(*fit, "--latent-dim", 2)


def test_resume_finds_a_finished_run_finished(isthmus: Isthmus, vae: Path) -> None:
    before = {entry: entry.stat().st_mtime_ns for entry in vae.iterdir()}
    told = isthmus.ok("fit", "--out", vae, "--resume", "--json")
    assert told.facts["epoch"] == 3
    assert "finished" in told.err
    assert {entry: entry.stat().st_mtime_ns for entry in vae.iterdir()} == before


def test_resume_refuses_other_options(isthmus: Isthmus, vae: Path) -> None:
    told = isthmus("fit", "--out", vae, "--resume", "--epochs", 4)
    assert told.code == 2
    assert "--epochs is 4 here, and 3 in" in told.err


class Stopped(BaseException):
    """As if the process had ended here."""


STEERED = ("--validation", 0.2, "--early-stopping", 3, "--clip", 1, "--schedule", "plateau", "--epochs", 3, "--quiet")


@pytest.mark.parametrize("moment", range(12))
def test_a_run_that_stops_before_any_file_appears_goes_on_to_the_same_bits(
    isthmus: Isthmus, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    fit = ("fit", data / "iris.csv", "--model", "denoising-autoencoder", "--target", "target", *STEERED)
    isthmus.ok(*fit, "--out", tmp_path / "whole")
    passed = 0

    def guarded(rename: Any) -> Any:
        def renamed(path: Path, target: Path) -> Path:
            nonlocal passed
            passed += 1
            if passed > moment:
                raise Stopped
            return rename(path, target)  # type: ignore[no-any-return]

        return renamed

    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", guarded(Path.replace))
        patch.setattr(Path, "rename", guarded(Path.rename))
        try:
            isthmus(*fit, "--out", out)
            assert moment > 8
        except Stopped:
            with pytest.raises(MissingFileError):
                package.load(out)
    isthmus.ok(*fit, "--out", out, "--resume")
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert sorted(entry.name for entry in out.iterdir()) == FINISHED


def test_resume_refuses_data_that_changed(isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b,c\n" + "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(60)))
    fit = ("fit", rows, "--model", "autoencoder", "--out", tmp_path / "run", "--epochs", 2, "--quiet")
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", lambda *_: (_ for _ in ()).throw(Stopped))
        with pytest.raises(Stopped):
            isthmus(*fit)
    rows.write_text(rows.read_text() + "1,2,3\n")
    told = isthmus(*fit, "--resume")
    assert told.code == 2
    assert "belongs to another run" in told.err
