"""What the command looks like from outside: help, names, errors, exit codes, streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import isthmus as package
from isthmus.cli.main import COMMANDS
from tests.cli.command import Isthmus, command_line, process

LEARN = ("demo", "data", "models", "fit", "tune", "detect")
USE = ("encode", "decode", "reconstruct", "sample", "score", "sae")
KEEP = ("serve", "export", "store", "watch", "retrain", "promote", "rollback", "backtest")
NAMES = (*LEARN, *USE, *KEEP, "doctor", "report", "version")
GROUPS = {
    "data": ("list", "get"),
    "detect": ("fit", "evaluate", "diagnose"),
    "sae": ("fit", "collect", "dashboard", "certify", "convert"),
    "store": ("export", "forget"),
}
LEAVES = [[name, *below] for name in NAMES for below in ([[one] for one in GROUPS.get(name, ())] or [[]])]
HEAVY = ("torch", "sklearn", "scipy", "numpy", "pandas", "polars", "pyarrow", "matplotlib")
LOOK = f"import sys; sys.exit(str(heavy) if (heavy := [name for name in {HEAVY} if name in sys.modules]) else 0)"
QUICK = [
    ["--help"],
    ["data", "get", "--help"],
    ["version"],
    ["version", "--json"],
    ["models"],
    ["fit", "--help"],
    ["fit", "--print-config"],
    ["detect", "fit", "--help"],
    ["detect", "evaluate", "--help"],
    ["sae", "collect", "--help"],
    ["sae", "fit", "--help"],
    ["sae", "dashboard", "--help"],
    ["sae", "certify", "--help"],
]


@pytest.mark.parametrize("words", [*QUICK, ["fit", "--model", "vae", "--help"], ["fit", "x.csv", "--modle", "vae"]])
def test_asking_loads_nothing_heavy(words: list[str]) -> None:
    program = f"from isthmus.cli.main import run; run({words!r}); {LOOK}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_lists_the_commands_in_the_order_of_a_day(isthmus: Isthmus) -> None:
    told = isthmus.ok("--help")
    places = [told.out.index(f"│ {name} ") for name in NAMES]
    assert places == sorted(places)
    assert len(COMMANDS) == len(NAMES)
    assert isthmus.ok().out == told.out


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_says_what_it_takes(isthmus: Isthmus, words: list[str]) -> None:
    told = isthmus.ok(*words, "--help")
    assert told.out.startswith(f"Usage: isthmus {' '.join(words)}")
    assert "--json" in told.out
    assert "_COMMAND_" not in told.out
    described = [line for line in told.out.splitlines() if line.startswith("│") and " --" in line]
    assert all(any(part for part in line.strip("│ *").split("  ")[1:]) for line in described), told.out


def test_models_names_the_family_with_its_papers(isthmus: Isthmus) -> None:
    facts = isthmus.ok("models", "--json").facts
    members = {fact["name"]: fact for fact in facts}
    family = package.family()
    assert members.keys() == family.keys()
    for name, member in family.items():
        assert members[name]["class"] == member.__name__
        assert members[name]["paper"] == member.paper
        assert " ".join(member.__doc__.split()).startswith(members[name]["sentence"])
    text = isthmus.ok("models").out
    assert all(fact["sentence"] in text and fact["paper"] in text for fact in facts)


def test_version_is_the_packages(isthmus: Isthmus) -> None:
    assert isthmus.ok("version").out == isthmus.ok("--version").out == f"isthmus {package.__version__}\n"
    assert isthmus.ok("version", "--json").facts["isthmus"] == package.__version__


UNUSABLE = [
    (["ftt"], "UsageError", ['Did you mean "fit"?']),
    (["fit", "--modle", "vae"], "UsageError", ["--modle", "isthmus fit --help", "Did you mean --model?"]),
    (["fit", "rows.csv", "--model", "vea", "--out", "o"], "UnknownNameError", ["model='vea'", "Did you mean 'vae'?"]),
    (["fit", "rows.csv", "--out", "o"], "UsageError", ["--model", "See isthmus fit --help."]),
    (["fit", "a.csv", "--model", "vae", "--out", "o", "--validation", "x"], "UsageError", ["--validation", '"x"']),
    (["fit", "a.csv", "--model", "vae", "--out", "o", "--schedule", "cosin"], "UsageError", ["cosin", "cosine"]),
    (["fit", "a.csv", "--config", "none.toml"], "UsageError", ["none.toml", "No such file"]),
    (["fit", "none.csv", "--model", "vae", "--out", "o"], "DataFileError", ["none.csv is not there"]),
    (["detect", "fit", "rows.csv", "--model", "vea", "--out", "o"], "UnknownNameError", ["Did you mean 'vae'?"]),
    (["detect", "fit", "none.csv", "--out", "o"], "DataFileError", ["none.csv is not there"]),
    (["detect", "evaluate", "nowhere", "none.csv"], "MissingFileError", ["nowhere", "config.json"]),
    (["score", "nowhere", "none.csv", "--out", "s.csv"], "MissingFileError", ["nowhere", "config.json"]),
    (["score", "nowhere", "none.csv", "--out", "s.npy"], "UsageError", ["s.npy", ".parquet"]),
    (["encode", "nowhere", "--out", "z.npy"], "UsageError", ["DATA requires"]),
    (["encode", "nowhere", "a.csv", "b.csv", "--out", "z.npy"], "UsageError", ["z.npy for 2 files", "name a folder"]),
]


@pytest.mark.parametrize(("words", "kind", "parts"), UNUSABLE, ids=lambda value: " ".join(value)[:40])
def test_what_cannot_be_used_exits_2_with_three_sentences(
    isthmus: Isthmus, words: list[str], kind: str, parts: list[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    told = isthmus(*words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(f"{kind}: ")
    assert [part for part in parts if part.lower() not in told.err.lower()] == []
    assert not os.listdir(".")
    as_json = isthmus(*words, "--json")
    fault = json.loads(as_json.err)
    assert (as_json.code, fault["error"]) == (2, kind)
    assert all(fault[part] for part in ("got", "allowed", "try"))


def test_what_the_system_refuses_exits_1(isthmus: Isthmus, vae: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = isthmus("sample", vae, "--out", tmp_path / "file" / "new.csv", "--json")
    assert (told.code, told.out) == (1, "")
    assert json.loads(told.err)["allowed"] == "the system refused it"


def test_a_reader_who_leaves_is_no_error_of_ours() -> None:
    with subprocess.Popen(command_line(["models"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as talking:
        assert talking.stdout is not None and talking.stderr is not None
        talking.stdout.close()
        assert talking.stderr.read() == b""
    assert talking.returncode == 1


def test_no_colour_in_a_pipe_or_where_none_is_wanted() -> None:
    told = process("--help", env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert "\x1b[3" not in told.stdout
    assert "\x1b" not in process("--help").stdout
