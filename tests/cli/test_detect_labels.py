"""`isthmus detect` with a few labelled rows: two scores, one budget, and what each of them finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

import isthmus as package
from isthmus.cli.main import run
from isthmus.data import files
from isthmus.tasks.anomaly import page_blocks
from tests.cli.command import Isthmus

QUICK = ("--epochs", "3", "--hidden-dims", "16", "--latent-dim", "4", "--members", "1", "--quiet")
LABELS = ("--target", "kind", "--anomaly", "malignant")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normal rows, a few labelled ones, others to judge by, and a detector."""
    path = tmp_path_factory.mktemp("labels")
    frame = load_breast_cancer(as_frame=True).frame.sort_values("target", ignore_index=True)
    frame["kind"] = frame.pop("target").map({0: "malignant", 1: "benign"})
    ill, well = frame[frame.kind == "malignant"], frame[frame.kind == "benign"]
    files.write(path / "normal.csv", well[:250].drop(columns="kind").reset_index(drop=True))
    files.write(path / "looked-at.csv", pd.concat([ill[:30], well[250:290]], ignore_index=True))
    files.write(path / "judged.csv", pd.concat([ill[30:], well[290:]], ignore_index=True))
    files.write(path / "one-kind.csv", well[250:290].reset_index(drop=True))
    words = ["detect", "fit", str(path / "normal.csv"), "--out", str(path / "both"), "--alpha", "0.1"]
    assert run([*words, "--labelled", str(path / "looked-at.csv"), *LABELS, *QUICK]) == 0
    return path


def test_a_classifier_stands_beside_the_score(folder: Path) -> None:
    both = package.load(folder / "both")
    assert isinstance(both, package.FewLabelDetector)
    assert (both.labelled_.anomalies, both.labelled_.normal) == (30, 40)
    assert (both.promise_.alpha, both.promise_.n, both.classifier) == (0.1, 50, "boosting")


def test_the_same_command_gives_the_same_detector(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    words = ("detect", "fit", folder / "normal.csv", "--out", tmp_path / "d", "--alpha", 0.1)
    isthmus.ok(*words, "--labelled", folder / "looked-at.csv", *LABELS, *QUICK, "--report", tmp_path / "fit.html")
    assert "What is promised" in (tmp_path / "fit.html").read_text()
    rows = files.read(folder / "normal.csv")
    ours, theirs = package.load(tmp_path / "d"), package.load(folder / "both")
    np.testing.assert_array_equal(ours.both_scores(rows), theirs.both_scores(rows))


def test_the_verdict_says_what_each_score_finds(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_blocks, "find_spec", lambda name: None)  # charts take longer than all else
    words = ("detect", "evaluate", folder / "both", folder / "judged.csv", *LABELS)
    facts = isthmus.ok(*words, "--train", folder / "normal.csv", "--report", tmp_path / "r.html", "--json").facts
    frame = pd.read_csv(folder / "judged.csv")
    X, anomalous = files.read(folder / "judged.csv").drop_columns(["kind"]), (frame.kind == "malignant").to_numpy()
    both = package.load(folder / "both")
    alarms = both.predict(X) == -1
    figures = facts["figures"]["detector"]
    assert figures["recall"]["value"] == pytest.approx(alarms[anomalous].mean())
    assert figures["false_alarm_rate"]["value"] == pytest.approx(alarms[~anomalous].mean())
    each = [scores > end for scores, end in zip(both.both_scores(X), both.cuts_.ends(both.promise_.alpha), strict=True)]
    np.testing.assert_array_equal(each[0] | each[1], alarms)  # either raises an alarm
    for part, raised in zip(("anomaly score", "classifier"), each, strict=True):
        assert facts["scores"][part]["recall"]["value"] == pytest.approx(raised[anomalous].mean())
        assert facts["scores"][part]["false_alarm_rate"]["value"] == pytest.approx(raised[~anomalous].mean())
    assert facts["verdict"]["control"] in facts["figures"] and facts["promise"]["n"] == 50
    page = (tmp_path / "r.html").read_text()
    assert "By which score" in page and "classifier" in page
    lines = isthmus.ok(*words).out.splitlines()
    assert lines[1].startswith("Either score raises an alarm: the anomaly score alone finds")
    budgets = {line["name"]: line["threshold"] for line in facts["thresholds"]}
    assert budgets["5 %"] == pytest.approx(both.cuts_.threshold(0.05))
    assert "0.1 % (needs 1999 calibration rows)" in budgets


def test_scores_and_a_page_come_of_such_a_folder(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    isthmus.ok("score", folder / "both", folder / "normal.csv", "--out", tmp_path / "s.csv")
    scores = pd.read_csv(tmp_path / "s.csv")
    assert list(scores) == ["row", "anomaly_score", "p_value", "is_anomaly"]
    isthmus.ok("encode", folder / "both", folder / "normal.csv", "--out", tmp_path / "z.npy")
    assert np.load(tmp_path / "z.npy").shape == (250, 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--labelled", "one-kind.csv", *LABELS[:2]), "Name the label of the anomalies"),
        (("--labelled", "one-kind.csv", *LABELS[:2], "--anomaly", "malign"), "--anomaly='malign'"),
        (("--labelled", "looked-at.csv", "--target", "sort"), "sort"),
        (("--labelled", "looked-at.csv"), "no --target"),
        (("--labelled", "missing.csv", *LABELS), "missing.csv"),
        (("--labelled", "looked-at.csv", *LABELS, "--trim", "auto"), "--labelled beside --trim"),
        (("--anomaly", "malignant"), "--anomaly without --labelled"),
    ],
)
def test_what_cannot_teach_is_refused_and_leaves_nothing(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(folder)
    told = isthmus("detect", "fit", "normal.csv", "--out", tmp_path / "o", *words, *QUICK)
    assert told.code == 2 and said in told.err, told.err
    assert not (tmp_path / "o").exists()


def test_what_it_cannot_judge_by_is_refused(isthmus: Isthmus, folder: Path) -> None:
    words = ("detect", "evaluate", folder / "both")
    told = isthmus(*words, folder / "one-kind.csv", "--target", "kind", "--anomaly", "benign")
    assert told.code == 2 and "40 anomalies only" in told.err
    told = isthmus(*words, folder / "normal.csv", *LABELS)
    assert told.code == 2 and "kind" in told.err
    told = isthmus("detect", "diagnose", folder / "both", folder / "judged.csv", *LABELS)
    assert told.code == 2 and "isthmus detect evaluate" in told.err
