"""The page about the command line: every command on it runs, in its order, and comes to what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from isthmus.data import files
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus

PAGE = (ROOT / "docs" / "how-to" / "command-line.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"```(bash|toml)\n(.*?)```", PAGE, re.DOTALL)


def test_every_command_of_the_page_runs(isthmus: Isthmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = load_iris(as_frame=True).frame.rename(columns={"target": "species"})
    for name in ("flowers.csv", "more-flowers.csv"):
        files.write(name, frame)
    (toml,) = (text for kind, text in BLOCKS if kind == "toml")
    Path("fit.toml").write_text(toml)
    commands = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
    for line in commands:
        words = shlex.split(line, comments=True)
        place = words.index("isthmus")
        with monkeypatch.context() as patch:
            for setting in words[:place]:
                patch.setenv(*setting.split("=", 1))
            told = isthmus(*words[place + 1 :])
        assert told.code == 0, f"{line}\n{told.err}"
    assert len(commands) > 10
    assert Path("runs/c/config.json").is_file() and Path("scores.parquet").is_file()
