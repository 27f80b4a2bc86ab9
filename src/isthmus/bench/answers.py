"""Answers of a benchmark: figures with intervals, kept one by one so that a run can be stopped and continued."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.metrics.intervals import Interval


@dataclass(frozen=True)
class Figure:
    """What a line of a benchmark measured.

    Args:
        interval: The value with its ends.
        holds: Whether all else holds that the line asks for.
        note: What a reader must know to understand the figure.
        is_noisy: Whether other processes kept the machine busy.
        beside: Other figures worth knowing, by name.
    """

    interval: Interval
    holds: bool = True
    note: str = ""
    is_noisy: bool = False
    beside: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Absent:
    """A figure that is not there.

    Args:
        reason: Why.
        is_due: Whether it could be, so that the question has no answer without it.
    """

    reason: str
    is_due: bool = False


class Cache:
    """Results by question, data, seed and method, as long as the code is the same.

    Args:
        folder: Where they are kept.
        code: The code that they depend on, as one word.
    """

    def __init__(self, folder: Path, code: str) -> None:
        self.folder, self.code = folder, code

    def find(self, **key: object) -> Any:
        """What was kept under this key, or None."""
        file = self._file(key)
        return json.loads(file.read_text(encoding="utf-8"))["result"] if file.is_file() else None

    def keep(self, result: Any, **key: object) -> Any:
        """Keep a result under this key, and return it."""
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(".part")
        written.write_text(json.dumps({"key": key, "result": result}, default=str, indent=1), encoding="utf-8")
        written.replace(file)
        return result

    def get(self, make: Callable[[], Any], **key: object) -> Any:
        """What was kept under this key, else what `make` makes now."""
        found = self.find(**key)
        return self.keep(make(), **key) if found is None else found

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, key: dict[str, object]) -> Path:
        words = json.dumps([self.code, key], default=str, sort_keys=True)
        return self.folder / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}.json"


def fingerprint(folders: Iterable[Path]) -> str:
    """All Python code in some folders, as one word."""
    digest = hashlib.sha256()
    files = (file for folder in folders for file in folder.rglob("*.py") if ".environments" not in file.parts)
    for file in sorted(files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def commit(root: Path) -> str:
    """The commit that is checked out, with a mark where code differs from it; "unknown" outside a repository."""
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", "src", "benchmarks/*.py")
    return head + " with changes" * bool(changed) if head else "unknown"


def _git(root: Path, *words: str) -> str:
    """What git prints; nothing where it fails."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout.strip() if not done.returncode else ""
