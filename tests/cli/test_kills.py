"""Runs that are killed or interrupted from outside, at any moment, and taken up again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import isthmus
from isthmus.cli.main import run
from isthmus.errors import MissingFileError
from tests.cli.command import command_line

LONGEST = 60.0  # seconds that a process may take to come to a moment


def begun(data: Path, out: Path, epochs: int) -> Sequence[object]:
    """The command that fits a small model to the breast-cancer data."""
    fit = ("fit", data / "cancer.npy", "--model", "vae", "--out", out, "--epochs", epochs, "--hidden-dims", "8")
    return (*fit, "--validation", 0.1, "--early-stopping", epochs, "--resume", "--quiet")


def carried_out(words: Sequence[object]) -> None:
    """Carry out a command to its end, in this process."""
    assert run([str(word) for word in words]) == 0


def stopped(words: Sequence[object], sign: int, metrics: Path, lines: int, delay: float) -> int:
    """Begin a command, send it a signal some time after so many epochs, and return its exit code."""
    with subprocess.Popen(command_line(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        end = time.monotonic() + LONGEST
        while time.monotonic() < end and running.poll() is None and count(metrics) < lines:
            time.sleep(0.002)
        time.sleep(delay)
        running.send_signal(sign)
    return running.returncode


def count(metrics: Path) -> int:
    """How many epochs a run has told of."""
    return metrics.read_bytes().count(b"\n") if metrics.is_file() else 0


def check_whole_or_none(out: Path) -> None:
    """What a killed run left is no model, or a whole one."""
    if (out / "config.json").exists():
        isthmus.load(out)
    else:
        with pytest.raises(MissingFileError):
            isthmus.load(out)


def test_a_killed_run_goes_on_to_the_same_bits(data: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "killed"
    carried_out(begun(data, whole, 12))
    code = stopped(begun(data, out, 12), signal.SIGKILL, out / "metrics.jsonl", 3, 0.0)
    assert code == -signal.SIGKILL
    check_whole_or_none(out)
    assert (out / "checkpoint.safetensors").is_file()
    carried_out(["fit", "--out", out, "--resume", "--quiet"])
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert count(out / "metrics.jsonl") == 12


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ctrl_c_keeps_the_checkpoint_and_exits_130(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert stopped(begun(data, out, 2000), signal.SIGINT, out / "metrics.jsonl", 3, 0.0) == 130
    assert (out / "checkpoint.safetensors").is_file()
    check_whole_or_none(out)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_runs_killed_at_twenty_random_moments_go_on_to_the_same_bits(data: Path, tmp_path: Path) -> None:
    epochs, moments = 40, random.Random(0)
    whole = tmp_path / "whole"
    carried_out(begun(data, whole, epochs))
    for number in range(20):
        out = tmp_path / str(number)
        lines, delay = moments.randrange(epochs), moments.random() * 0.1
        stopped(begun(data, out, epochs), signal.SIGKILL, out / "metrics.jsonl", lines, delay)
        check_whole_or_none(out)
        carried_out(begun(data, out, epochs))
        same = (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
        assert same, f"killed {delay:.3f} s after epoch {lines}"
        assert count(out / "metrics.jsonl") == epochs
