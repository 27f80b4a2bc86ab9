"""`isthmus detect`: from files of normal and labelled rows to a detector and a verdict, or to an error and no file."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

import isthmus as package
from isthmus.cli import rows
from isthmus.cli.main import run
from isthmus.data import files, scanning
from isthmus.data.streams import Stream
from isthmus.report import Text
from isthmus.tasks.anomaly import page_blocks
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus, commands_on

PAGE = (ROOT / "docs" / "how-to" / "detect.md").read_text(encoding="utf-8")
QUICK = ("--epochs", "3", "--hidden-dims", "16", "--latent-dim", "4", "--quiet")
LABELS = ("--target", "kind", "--anomaly", "malignant")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without their charts, which take longer than all else."""
    monkeypatch.setattr(page_blocks, "find_spec", lambda name: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of normal and labelled rows, and a detector of the former."""
    path = tmp_path_factory.mktemp("detect")
    frame = load_breast_cancer(as_frame=True).frame.sort_values("target", ignore_index=True)
    frame["kind"] = frame.pop("target").map({0: "malignant", 1: "benign"})
    files.write(path / "normal.csv", frame[-250:].drop(columns="kind").reset_index(drop=True))
    files.write(path / "new.csv", frame[:5].drop(columns="kind"))
    files.write(path / "labelled.csv", frame[172:-250].reset_index(drop=True))
    words = ["detect", "fit", str(path / "normal.csv"), "--out", str(path / "detector"), "--alpha", "0.05"]
    assert run([*words, *QUICK]) == 0
    return path


def test_members_and_a_critic_can_be_asked_for(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    options = ("--members", 3, "--critic", "--alpha", 0.05, *QUICK)
    isthmus.ok("detect", "fit", folder / "normal.csv", "--out", tmp_path / "three", *options)
    members = package.load(tmp_path / "three").scorer_.members
    assert len(members) == 3 and all(member.critic is not None for member in members)


def test_a_detector_keeps_what_it_was_told(folder: Path) -> None:
    detector = package.load(folder / "detector")
    assert (detector.promise_.alpha, detector.promise_.n) == (0.05, 50)
    assert (detector.model_.epochs, detector.model_.hidden_dims, detector.model_.latent_dim_) == (3, (16,), 4)


def test_the_same_command_gives_the_same_detector_and_says_how_far_it_is(
    isthmus: Isthmus, folder: Path, tmp_path: Path
) -> None:
    fit = ("detect", "fit", folder / "normal.csv", "--out", tmp_path / "again", "--alpha", 0.05, *QUICK[:-1])
    told = isthmus.ok(*fit, "--json")
    again, first = package.load(tmp_path / "again"), package.load(folder / "detector")
    assert told.facts["detector"] == str(tmp_path / "again")
    assert told.facts["threshold"] == again.threshold_ == first.threshold_
    assert "epoch 3/3" in told.err and str(again.promise_) in told.err
    refused = isthmus(*fit)
    assert refused.code == 2 and "holds README.md" in refused.err


@pytest.mark.usefixtures("undrawn")
def test_an_evaluation_is_the_one_in_python(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    work = ("--rows-per-day", 2000, "--anomaly-share", 0.01, "--miss", 500, "--review", 5)
    words = ("detect", "evaluate", folder / "detector", folder / "labelled.csv", *LABELS, *work)
    facts = isthmus.ok(*words, "--train", folder / "normal.csv", "--report", tmp_path / "r.html", "--json").facts
    frame, normal = pd.read_csv(folder / "labelled.csv"), files.read(folder / "normal.csv")
    X, y = files.read(folder / "labelled.csv").drop_columns(["kind"]), frame["kind"] == "malignant"
    operation = package.Operation(rows_per_day=2000, anomaly_share=0.01, miss=500, review=5)
    found = package.evaluate(package.load(folder / "detector"), X, y, X_normal=normal, operation=operation)
    assert facts.pop("report") == str(tmp_path / "r.html")
    assert facts["confusion"] == found.confusion()._asdict()
    assert facts["figures"]["PCA"]["recall"] == found.figures()["PCA"]["recall"]._asdict()
    assert facts["saving_per_year"]["value"] == found.to_json()["saving_per_year"]["value"]
    assert "A year in money" in (tmp_path / "r.html").read_text()
    text = isthmus.ok(*words).out
    lines = text.splitlines()
    assert len(lines) == 4 and "No control was asked" in lines[2] and lines[3].startswith("Incidents: ")
    assert facts["incidents"] == [one._asdict() for one in found.incidents]


@pytest.mark.usefixtures("undrawn")
def test_the_page_names_commands_that_run(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISTHMUS_DETECT_FIT_EPOCHS", "3")
    for name in ("normal", "labelled", "new"):
        Path(f"{name}.csv").write_bytes((folder / f"{name}.csv").read_bytes())
    steps = [shlex.split(line)[1:] for line in commands_on(PAGE)]
    assert [step[:2] for step in steps] == [["detect", "fit"], ["score", "detector"], *[["detect", "evaluate"]] * 2]
    fitted, scored, judged, priced = [isthmus.ok(*step) for step in steps]
    assert fitted.paths == [Path("detector")] and scored.paths == [Path("scores.parquet")]
    assert package.load("detector").model_.epochs == 3
    assert judged.out.startswith("Autoencoder: ") and "benign" not in judged.out
    assert priced.facts["alerts_per_day"]["value"] > 0 and priced.facts["verdict"] is None
    assert "What is promised" in Path("fit.html").read_text()
    assert "Work saved" in Path("report.html").read_text()


@pytest.mark.slow
def test_the_page_of_an_evaluation_draws_and_asks_for_nothing(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    words = ("detect", "evaluate", folder / "detector", folder / "labelled.csv", *LABELS)
    isthmus.ok(*words, "--train", folder / "normal.csv", "--report", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert page.count('class="chart"') == 6
    assert "<script" not in page and "//" not in page.replace("http://www.w3.org", "")


BROKEN = {
    "nothing.csv": (b"", "DataFileError"),
    "binary.csv": (b"\x00\x01\x02\xff" * 50, "Error"),
    "names-only.csv": (b"a,b\n", "DataFileError"),
    "ragged.csv": (b"a,b\n1,2\n3\n4,5,6\n", "DataFileError"),
    "no-parquet.parquet": (b"PAR1 but not really", "DataFileError"),
    "words.csv": (b"a,b\nx,y\n", "TooFewRowsError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fit_that_fails_leaves_nothing(isthmus: Isthmus, tmp_path: Path, name: str) -> None:
    content, kind = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    told = isthmus("detect", "fit", tmp_path / name, "--out", tmp_path / "o", "--report", tmp_path / "r.html", *QUICK)
    assert (told.code, told.out) == (2, "")
    assert kind in told.err.partition(":")[0] and "Traceback" not in told.err
    assert [path.name for path in tmp_path.iterdir()] == [name]


UNCLEAR = {
    "no such column": (("--target", "knid"), "UnknownNameError", "Did you mean 'kind'?"),
    "no column named": ((), "UsageError", "--target COLUMN"),
    "no such label": (("--target", "kind", "--anomaly", "malignnat"), "UnknownNameError", "Did you mean 'malignant'?"),
    "no label named": (("--target", "kind"), "InputError", "--anomaly VALUE"),
    "one class": (("--target", "same"), "InputError", "normal rows only"),
    "gaps": (("--target", "gaps"), "InputError", "with 1 empty labels"),
    "other rows": ((*LABELS, "--train", "other.csv"), "ColumnError", ""),
    "a share": ((*LABELS, "--anomaly-share", "2"), "ParameterError", "anomaly_share=2.0"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_labels_that_tell_nothing_are_refused_and_no_page_is_touched(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words, kind, fix = UNCLEAR[name]
    frame = pd.read_csv(folder / "labelled.csv")
    if name in ("one class", "gaps"):
        column = frame.pop("kind") == "malignant"
        frame["same" if name == "one class" else "gaps"] = 0 if name == "one class" else column.astype(int)
        if name == "gaps":
            frame["gaps"] = frame["gaps"].where(frame.index > 0)
    files.write("labelled.csv", frame)
    files.write("other.csv", pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 3.0]}))
    Path("r.html").write_text("kept")
    told = isthmus("detect", "evaluate", folder / "detector", "labelled.csv", "--report", "r.html", *words)
    assert (told.code, told.out) == (2, "")
    assert f"\n{kind}: " in f"\n{told.err}" and fix in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labelled.csv", "other.csv", "r.html"]
    assert Path("r.html").read_text() == "kept"


def test_a_model_is_no_detector(isthmus: Isthmus, vae: Path, folder: Path) -> None:
    told = isthmus("detect", "evaluate", vae, folder / "labelled.csv", *LABELS)
    assert told.code == 2 and "which holds a VAE" in told.err and "isthmus detect fit" in told.err


class Diagnosis:
    """What a detector says of itself, with what it was asked."""

    verdict = "sound"

    def __init__(self, *asked: Any, **beside: Any) -> None:
        self.asked = [None if one is None else len(one) for one in (*asked, *beside.values())]

    def __str__(self) -> str:
        return f"sound, of {self.asked}"

    def as_dict(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "asked": self.asked}

    def blocks(self) -> list[Text]:
        return [Text("as it should be")]


def test_a_diagnosis_is_what_the_detector_says(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(self: Any, *asked: Any, **beside: Any) -> Diagnosis:
        return Diagnosis(*asked, **beside)

    monkeypatch.setattr(package.AnomalyDetector, "diagnose", said, raising=False)
    words, train = ("detect", "diagnose", folder / "detector"), ("--train", folder / "normal.csv")
    assert isthmus.ok(*words).out == "sound, of [None]\n"
    assert isthmus.ok(*words, *train).out == "sound, of [250]\n"
    labelled = (*words, folder / "labelled.csv", *LABELS, *train, "--json", "--report", tmp_path / "r.html")
    assert isthmus.ok(*labelled).facts == {"verdict": "sound", "asked": [147, 147, 250], "report": str(labelled[-1])}
    assert "as it should be" in (tmp_path / "r.html").read_text()
    monkeypatch.setattr(package, "load", lambda *where: SimpleNamespace(threshold_=1.0))
    told = isthmus(*words)
    assert told.code == 2 and told.err.startswith("AbilityError: ") and "it has no diagnosis" in told.err


@pytest.mark.usefixtures("undrawn")
def test_images_and_arrays_are_judged_as_well(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    images = files.read(data / "digits")
    fit = ("detect", "fit", data / "digits", "--alpha", 0.2, "--out", tmp_path / "d", "--epochs", 2, "--quiet")
    isthmus.ok(*fit)
    X = np.concatenate([images[:20], 255 - images[:10]])
    np.savez(tmp_path / "labelled.npz", X=X, y=np.repeat([0, 1], [20, 10]))
    words = ("detect", "evaluate", tmp_path / "d", tmp_path / "labelled.npz", "--train", data / "digits")
    facts = isthmus.ok(*words, "--report", tmp_path / "r.html", "--json").facts
    assert (facts["rows"], facts["anomalies"], facts["rows_seen_in_training"]) == (30, 10, 20)
    assert "The rows with the highest scores, from 0" in (tmp_path / "r.html").read_text()


def test_what_is_larger_than_memory_streams_or_is_refused(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    normal, others = tmp_path / "normal.parquet", tmp_path / "others.parquet"
    table = files.read(folder / "normal.csv").to_pandas()
    files.write(normal, table)
    files.write(others, table[::2] * 1.001)
    monkeypatch.setattr(rows, "read_or_scan", partial(scanning.read_or_scan, memory_bytes=100))
    assert type(rows.rows_of(normal)) is Stream
    fit = ("detect", "fit", normal, "--out", tmp_path / "d", "--alpha", 0.05, *QUICK)
    told = isthmus(*fit)
    assert told.code == 2 and "--score distortion --calibration-rows FILE" in told.err
    assert not (tmp_path / "d").exists()
    isthmus.ok(*fit, "--score", "distortion", "--calibration-rows", others)
    assert package.load(tmp_path / "d").promise_.n == 125
    told = isthmus("detect", "evaluate", tmp_path / "d", normal, *LABELS)
    assert told.code == 2 and "give a sample of them" in told.err.lower()
