"""`isthmus doctor`: text, JSON, a page, and the exit code that says whether something was found."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from isthmus.cli.score import FOUND
from isthmus.data import files
from isthmus.doctor.diagnosis import CHECKS
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus, commands_on


@pytest.fixture(scope="module")
def wide(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An autoencoder of the cancer table whose code is almost as wide."""
    from isthmus.cli.main import run

    out = tmp_path_factory.mktemp("runs") / "wide"
    words = ["fit", str(data / "cancer.npy"), "--model", "autoencoder", "--latent-dim", "29", "--epochs", "3"]
    assert run([*words, "--out", str(out), "--quiet"]) == 0
    return out


def test_findings_are_told_and_fail_only_where_asked(isthmus: Isthmus, data: Path, wide: Path) -> None:
    told = isthmus.ok("doctor", wide, data / "cancer.npy")
    headline = f"Autoencoder on 569 rows: 1 finding in {len(CHECKS)} checks"
    assert told.out.startswith(f"{headline}\n\nidentity-mapping\n")
    failed = isthmus("doctor", wide, data / "cancer.npy", "--fail-on-finding")
    assert failed.code == FOUND and failed.out == told.out


def test_health_does_not_fail(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    isthmus.ok("fit", data / "cancer.npy", "--model", "autoencoder", "--epochs", 30, "--out", tmp_path / "a", "--quiet")
    told = isthmus.ok("doctor", tmp_path / "a", data / "cancer.npy", "--fail-on-finding", "--json")
    assert told.facts["findings"] == {}


def test_unseen_rows_are_asked_for_by_name(isthmus: Isthmus, data: Path, wide: Path, tmp_path: Path) -> None:
    rows = np.load(data / "cancer.npy")
    files.write(tmp_path / "seen.npy", rows[:400])
    files.write(tmp_path / "unseen.npy", rows[400:])
    words = ("doctor", wide, tmp_path / "seen.npy", "--held-out", tmp_path / "unseen.npy", "--json")
    facts = isthmus.ok(*words).facts
    assert facts["rows"] == 400 and facts["held_out"] == 169
    assert {"holdout-error", "memorisation"} <= facts["sound"].keys()


def test_a_column_is_left_out_as_in_the_fit(isthmus: Isthmus, data: Path, vae: Path) -> None:
    assert isthmus.ok("doctor", vae, data / "iris.csv", "--target", "target", "--json").facts["rows"] == 150
    refused = isthmus("doctor", vae, data / "iris.csv")
    assert refused.code == 2 and "target" in refused.err


def test_a_page_is_written_beside_the_answer(isthmus: Isthmus, data: Path, wide: Path, tmp_path: Path) -> None:
    isthmus.ok("doctor", wide, data / "cancer.npy", "--out", tmp_path / "doctor.html")
    page = (tmp_path / "doctor.html").read_text(encoding="utf-8")
    assert "<h1>The doctor on wide</h1>" in page and "identity-mapping" in page


def test_the_commands_of_the_page_run(isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = commands_on((ROOT / "docs" / "how-to" / "doctor.md").read_text(encoding="utf-8"))
    told = [isthmus.ok(*shlex.split(command)[1:]) for command in commands]
    assert "identity-mapping" in told[1].out and list(told[2].facts["findings"]) == ["identity-mapping"]
    assert Path("doctor.html").is_file()
