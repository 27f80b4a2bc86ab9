"""A beginner's four steps are four commands, and each does what the page says."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

import isthmus as package
from isthmus.data import files
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus, commands_on

PAGE = (ROOT / "docs" / "how-to" / "first-steps.md").read_text(encoding="utf-8")


def own_rows() -> pd.DataFrame:
    """A table as people have them: numbers, a category, a date, gaps, and a column to compare with."""
    rows = load_wine(as_frame=True).frame.rename(columns={"target": "class"})
    rows["region"] = np.array(["north", "south", None], dtype=object)[np.arange(len(rows)) % 3]
    rows["bottled"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(len(rows)), unit="D")
    rows.loc[::11, "hue"] = np.nan
    return rows


def test_the_four_steps(isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISTHMUS_FIT_EPOCHS", "5")  # how well they fit is told elsewhere
    files.write("rows.csv", own_rows())
    steps = [shlex.split(line)[1:] for line in commands_on(PAGE)]
    assert [step[0] for step in steps] == ["fit", "fit", "fit", "report"]
    told = [isthmus.ok(*step) for step in steps]
    assert [path for step in told for path in step.paths] == [
        Path("runs/digits"),
        Path("runs/drawer"),
        Path("runs/rows"),
        Path("runs/drawer/report.html"),
    ]
    assert package.load("runs/drawer").sample(2, random_state=0).shape == (2, 8, 8)
    columns = {column.name: column.kind for column in package.load("runs/rows").spec_.columns}
    assert (columns["region"], columns["bottled"], columns["alcohol"]) == ("categorical", "datetime", "numeric")
    assert "class" not in columns
    page = Path("runs/drawer/report.html").read_text()
    assert "What goes in" in page and "held-out rows" in page and "One unit of the code moved" in page


def test_what_the_page_says_on_the_way_is_true(
    isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write("rows.csv", own_rows())
    isthmus.ok("fit", "rows.csv", "--model", "vae", "--epochs", 1, "--target", "class", "--out", "runs/rows", "--quiet")
    for command in (
        "isthmus report runs/rows --data rows.csv --target class",
        "isthmus data get digits",
    ):
        assert f"`{command}`" in PAGE
        isthmus.ok(*shlex.split(command)[1:])
    assert Path("digits.npz").is_file()
