"""A file to which lines are added and from which none is taken: each carries the digest of the one before.

One process at a time may add; any number may read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from isthmus.errors import CorruptFileError

FIRST = "0" * 64  # what the first line carries
LENGTH = 2**24  # of a line, in bytes


class Ledger:
    """JSON lines, numbered from 1.

    Args:
        path: The file, made when the first line is added.

    Example:
        >>> import tempfile
        >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "audit.jsonl")
        >>> ledger.add(action="promote", by="ann")["number"], ledger.add(action="rollback", by="bo")["number"]
        (1, 2)
        >>> [line["action"] for line in ledger.lines()]
        ['promote', 'rollback']
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        """All lines in their order.

        Raises:
            CorruptFileError: a line was changed, taken out or put in.
        """
        if not self.path.is_file():
            return []
        found, before = [], FIRST
        for number, text in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            line = _read(text)
            if line.get("number") != number or line.get("before") != before:
                came = f"{self.path}, line {number}"
                allowed = "each line carries the digest of the one before, so that none is changed unseen"
                raise CorruptFileError(came, allowed, "take the file from a copy")
            found.append(line)
            before = hashlib.sha256(text.encode()).hexdigest()
        return found

    def add(self, **fields: Any) -> dict[str, Any]:
        """Add a line with these fields, its number and the time; returns it."""
        lines = self.lines()
        before = hashlib.sha256(_written(lines[-1]).encode()).hexdigest() if lines else FIRST
        line = {"number": len(lines) + 1, "at": now(), **fields, "before": before}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(f"{_written(line)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        return line


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def name_of(row: Mapping[str, Any]) -> str:
    """The same for equal rows, whatever the order of their columns.

    Example:
        >>> name_of({"a": 1.0, "b": "x"}) == name_of({"b": "x", "a": 1.0})
        True
    """
    return hashlib.sha256(json.dumps(dict(row), sort_keys=True, default=str).encode()).hexdigest()[:16]


def _written(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False)


def _read(text: str) -> dict[str, Any]:
    """One line; {} where it is none."""
    try:
        found = json.loads(text) if len(text) < LENGTH else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
