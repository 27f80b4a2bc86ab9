"""`isthmus fit --trim`: what stands out is set aside and listed, also when the run is resumed."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import isthmus as package
from isthmus.cli.requirements import squared_error
from isthmus.cli.run_folder import RunFolder
from isthmus.cli.trimmed import read
from isthmus.data import factors, files
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus, commands_on

DATA = factors(240, columns=10, anomalies=0.03, size=4.0)
PLANTED = np.flatnonzero(DATA.y).tolist()
SMALL = ("--model", "autoencoder", "--epochs", 15, "--latent-dim", 3, "--hidden-dims", 16)


def columns(X: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """A table's columns by name."""
    return {f"x{at}": column for at, column in enumerate(X.T)}


class Stopped(BaseException):
    """As if the process had ended here."""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of rows, of which a few are anomalies."""
    return files.write(tmp_path / "rows.csv", columns(DATA.X))


@pytest.mark.parametrize("share", ["auto", len(PLANTED) / 240])
def test_what_stands_out_is_listed(isthmus: Isthmus, rows: Path, tmp_path: Path, share: object) -> None:
    out = tmp_path / "run"
    told = isthmus.ok("fit", rows, *SMALL, "--out", out, "--trim", share)
    assert told.out == f"{out}\n"
    assert f"{len(PLANTED)} of 240 rows set aside" in told.err and f"see {out / 'trimmed.csv'}" in told.err
    assert f"fitting autoencoder to {240 - len(PLANTED)} rows" in told.err
    listed = files.read(out / "trimmed.csv").to_pydict()
    assert listed["row"] == read(out / "trimmed.csv") == PLANTED
    assert all(score > 0 for score in listed["anomaly_score"])
    assert tomllib.loads((out / "config.toml").read_text())["trim"] == share
    without = files.write(
        tmp_path / "without.csv", {f"x{at}": column for at, column in enumerate(DATA.X[DATA.y == 0].T)}
    )
    isthmus.ok("fit", without, *SMALL, "--out", tmp_path / "clean", "--quiet")
    weights = [(folder / "model.safetensors").read_bytes() for folder in (out, tmp_path / "clean")]
    assert weights[0] == weights[1]


def test_a_stopped_run_goes_on_without_the_same_rows(
    isthmus: Isthmus, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = ("fit", rows, *SMALL, "--trim", "auto", "--quiet")
    isthmus.ok(*fit, "--out", tmp_path / "whole")
    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", lambda *_: (_ for _ in ()).throw(Stopped))
        with pytest.raises(Stopped):
            isthmus(*fit, "--out", out)
    before = (out / "trimmed.csv").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("isthmus.tasks.anomaly.trimming.trim", None)  # what was found is not looked for again
        isthmus.ok("fit", "--out", out, "--resume", "--quiet")
    assert (out / "trimmed.csv").read_bytes() == before == (tmp_path / "whole" / "trimmed.csv").read_bytes()
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_rows_set_aside_by_a_run_that_never_trained_are_forgotten(isthmus: Isthmus, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "trimmed.csv").write_text("row,anomaly_score\n0,9.0\n")
    (out / "config.toml").write_text('model = "vae"\n')
    isthmus.ok("fit", rows, *SMALL, "--out", out, "--quiet")
    assert not (out / "trimmed.csv").exists()


def test_requirements_ask_about_the_rows_that_were_kept(isthmus: Isthmus, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    isthmus.ok("fit", rows, *SMALL, "--out", out, "--trim", 0.03, "--quiet")
    model = package.load(out)
    kept = DATA.X[np.setdiff1d(np.arange(240), read(out / "trimmed.csv"))]

    everything, fewer = (squared_error(model, pd.DataFrame(columns(X))) for X in (DATA.X, kept))
    bound = (fewer + everything) / 2
    assert fewer < bound < everything
    isthmus.ok("fit", "--out", out, "--resume", "--require", f"mse<{bound}", "--quiet")


def test_nothing_set_aside_is_an_empty_list(isthmus: Isthmus, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", factors(240, columns=10, anomalies=0.0).X)
    told = isthmus.ok("fit", tmp_path / "rows.npy", *SMALL, "--out", tmp_path / "run", "--trim", "auto")
    listed = read(tmp_path / "run" / "trimmed.csv")
    assert len(listed) <= 2
    assert f"{len(listed)} of 240 rows set aside" in told.err


@pytest.mark.parametrize(
    ("share", "kind", "part"),
    [(0.7, "ParameterError", "share=0.7"), (-1, "ParameterError", "share=-1"), ("most", "UsageError", "--trim")],
)
def test_shares_that_are_none_are_refused(
    isthmus: Isthmus, rows: Path, tmp_path: Path, share: object, kind: str, part: str
) -> None:
    told = isthmus("fit", rows, *SMALL, "--out", tmp_path / "run", "--trim", share)
    assert told.code == 2
    assert told.err.splitlines()[-1].startswith(f"{kind}: ")
    assert part in told.err


def test_resume_refuses_another_share(isthmus: Isthmus, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    isthmus.ok("fit", rows, *SMALL, "--out", out, "--trim", 0.03, "--quiet")
    told = isthmus("fit", "--out", out, "--resume", "--trim", 0.04)
    assert told.code == 2
    assert "--trim is 0.04 here, and 0.03 in" in told.err


def test_the_commands_of_the_page_run(isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "how-to" / "unlabelled.md").read_text(encoding="utf-8")
    for line in commands_on(page):
        (out,) = isthmus.ok(*shlex.split(line)[1:]).paths
        assert (out / "trimmed.csv").is_file()
    assert len(read(Path("runs/two-percent/trimmed.csv"))) == 11
