"""Ways to call `isthmus` in tests: in this process, or in one of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.main import run


@dataclass(frozen=True)
class Told:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def paths(self) -> list[Path]:
        """Standard output as paths, one a line."""
        return [Path(line) for line in self.out.splitlines()]


class Isthmus:
    """Calls the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: object) -> Told:
        """Carry out one command line."""
        self.capsys.readouterr()
        code = run([str(word) for word in words])
        said = self.capsys.readouterr()
        return Told(code, said.out, said.err)

    def ok(self, *words: object) -> Told:
        """Carry out one that must go well."""
        told = self(*words)
        assert told.code == 0, told.err
        return told


def command_line(words: Sequence[object]) -> list[str]:
    """`isthmus` as another process."""
    return [sys.executable, "-m", "isthmus", *map(str, words)]


def commands_on(page: str) -> list[str]:
    """Every command on a page of documentation, in order."""
    blocks: list[str] = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Carry out one command line in a process of its own."""
    return subprocess.run(command_line(words), capture_output=True, text=True, **options)
