"""`isthmus export`: a folder that runs without torch, or a refusal."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer

import isthmus as package
from tests.cli.command import Isthmus


def test_a_detector_leaves_for_numpy_and_overwrites_nothing(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    model = package.Autoencoder(epochs=2, device="cpu")
    detector = package.AnomalyDetector(model, score="distortion", members=1, alpha=0.05, random_state=0)
    X = load_breast_cancer().data
    saved = detector.fit(X).save(tmp_path / "saved")
    words = ("export", saved, data / "cancer.npy", "--out", tmp_path / "pump", "--format", "numpy")
    told = isthmus.ok(*words)
    assert told.paths == [tmp_path / "pump"]
    assert f"{2 * len(X)} rows replayed: 0 flipped verdicts" in told.err
    assert (package.load_exported(tmp_path / "pump").predict(X) == detector.predict(X)).all()
    again = isthmus(*words)
    assert again.code == 2
    assert "an export overwrites nothing" in again.err
    without = isthmus("export", saved, "--out", tmp_path / "other", "--format", "numpy")
    assert without.code == 2
    assert "no rows to replay" in without.err
