"""`isthmus tune`, and success stated before a fit."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import isthmus as package
from isthmus.data import load
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus, commands_on

pytest.importorskip("optuna", reason='optuna is not installed: pip install "isthmus[tune]"')

QUICK = ("--epochs", 3, "--trials", 3)


@pytest.mark.parametrize("name", ["vae", "autoencoder"])
def test_a_search_ends_with_a_model_and_says_what_it_tried(isthmus: Isthmus, tmp_path: Path, name: str) -> None:
    out = tmp_path / "run"
    told = isthmus.ok("tune", "iris", "--model", name, "--out", out, *QUICK)
    assert told.paths == [out]
    trials = [json.loads(line) for line in (out / "tuning.jsonl").read_text().splitlines()]
    assert [trial["number"] for trial in trials] == [0, 1, 2]
    assert sum(line.startswith("trial ") for line in told.err.splitlines()) == 3
    best = min(trials, key=lambda trial: trial["validation_loss"])
    begun = tomllib.loads((out / "config.toml").read_text())
    assert {key: begun[key] for key in best["params"]} == best["params"]
    model = package.load(out)
    assert model.learning_rate == best["params"]["learning_rate"]
    page = (out / "tuning.html").read_text()
    assert ("Width of the code" in page) == (name == "autoencoder") == ("is the knee" in told.err)
    assert "The best 3 of 3 trials" in page


def test_what_is_given_is_kept(isthmus: Isthmus, tmp_path: Path) -> None:
    given = ("--latent-dim", 2, "--learning-rate", 0.005)
    told = isthmus.ok("tune", "iris", "--model", "autoencoder", "--out", tmp_path / "run", *QUICK, *given)
    assert "knee" not in told.err
    model = package.load(tmp_path / "run")
    assert (model.latent_dim, model.learning_rate) == (2, 0.005)
    again = isthmus("tune", "iris", "--model", "autoencoder", "--out", tmp_path / "run", *QUICK)
    assert again.code == 2 and "holds README.md" in again.err


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (["validation_mse<100", "loss<1e3"], 0),
        (["validation_mse<0.0001"], 1),
        (["loss<1e3", "mse > 100"], 1),
        (["validation_msee<1"], 2),
        (["mse=1"], 2),
    ],
)
def test_success_is_what_was_required(isthmus: Isthmus, tmp_path: Path, wanted: list[str], code: int) -> None:
    out = tmp_path / "run"
    words = [word for one in wanted for word in ("--require", one)]
    told = isthmus("fit", "iris", "--model", "vae", "--epochs", 2, "--out", out, "--validation", 0.2, "--quiet", *words)
    assert told.code == code, told.err
    assert out.exists() == (code < 2)
    if code == 1:
        assert "was required" in told.err and told.paths == [out]
        relaxed = isthmus("fit", "--out", out, "--resume", "--quiet", "--require", "mse<1e9")
        assert relaxed.code == 0


def test_a_figure_of_held_out_rows_needs_such_rows(isthmus: Isthmus, tmp_path: Path) -> None:
    told = isthmus("fit", "iris", "--model", "vae", "--out", tmp_path / "run", "--require", "validation_mse<1")
    assert told.code == 2 and "Add --validation" in told.err
    assert not (tmp_path / "run").exists()


def test_the_error_that_is_required_is_that_of_the_rows(isthmus: Isthmus, tmp_path: Path) -> None:
    X = load("iris").X
    isthmus.ok("fit", "iris", "--model", "autoencoder", "--epochs", 2, "--out", tmp_path / "run", "--quiet")
    model = package.load(tmp_path / "run")
    scale = model.spec_.scale.numpy()
    answer = model.reconstruct(pd.DataFrame(X, columns=load("iris").columns)).to_pandas().to_numpy()
    mse = float((((answer - X) / scale) ** 2).mean())
    fit = ("fit", "--out", tmp_path / "run", "--resume", "--quiet", "--require")
    assert isthmus(*fit, f"mse<{1.0001 * mse}").code == 0
    assert isthmus(*fit, f"mse<{0.9999 * mse}").code == 1


@pytest.mark.slow
def test_the_commands_of_the_page_run(isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "how-to" / "tune.md").read_text(encoding="utf-8")
    search, fit = (shlex.split(line)[1:] for line in commands_on(page))
    assert (search[0], fit[0]) == ("tune", "fit")
    isthmus.ok(*search[: search.index("--trials")], "--trials", 2, "--epochs", 2, "--quiet")  # the page's take minutes
    isthmus.ok(*fit, "--quiet")
