"""A conditional model on the command line: told a column when it is fitted, and a value when it is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import isthmus as package
from isthmus.data import files
from tests.cli.command import Isthmus

SMALL = ("--epochs", 3, "--hidden-dims", "8", "--quiet")


def test_a_column_is_told_and_asked_for(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    out, iris = tmp_path / "run", data / "iris.csv"
    isthmus.ok("fit", iris, "--model", "conditional-vae", "--condition", "target", "--out", out, *SMALL)
    model = package.load(out)
    assert model.condition_.spec.columns[0].name == "target"
    assert "target" not in model.feature_names_in_
    isthmus.ok("sample", out, "--y", "2", "-n", 5, "--out", tmp_path / "new.csv", "--quiet")
    assert files.read(tmp_path / "new.csv").num_rows == 5
    isthmus.ok("score", out, iris, "--out", tmp_path / "own.csv", "--quiet")
    isthmus.ok("score", out, iris, "--y", "1", "--target", "target", "--out", tmp_path / "one.csv", "--quiet")
    own, one = (np.asarray(files.read(tmp_path / name)["anomaly_score"]) for name in ("own.csv", "one.csv"))
    assert np.array_equal(own[50:100], one[50:100])
    assert (own[:50] != one[:50]).all()
    isthmus.ok("encode", out, iris, "--out", tmp_path / "codes.npy", "--quiet")
    isthmus.ok("decode", out, tmp_path / "codes.npy", "--y", "0", "--out", tmp_path / "rows.csv", "--quiet")
    assert files.read(tmp_path / "rows.csv").num_rows == 150
    told = isthmus.ok("doctor", out, iris, "--held-out", iris, "--json").facts
    assert told["rows"] == told["held_out"] == 150 and "code-bypassed" in told["not_asked"]


def test_what_is_not_there_is_said(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    fit = ("fit", data / "iris.csv", "--model", "conditional-vae", "--out", tmp_path / "run", *SMALL)
    told = isthmus(*fit)
    assert told.code == 2
    assert "requires y to be passed" in told.err
    told = isthmus(*fit, "--condition", "targte")
    assert told.code == 2
    assert "Did you mean 'target'?" in told.err
