"""Every detector that ever served, the one that does, and who said so.

    live/
      versions/0001/    a saved detector, as `save` writes it; never changed afterwards
      versions/0002/
      current           the name of the version that serves; one line, put in its place whole
      audit.jsonl       a line for each change: who, when, what, why
      feedback.jsonl    what people said of alarms

The line is written before the pointer is moved: a change that was cut short stands in the audit, and the version that
served goes on.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.errors import MissingFileError, ParameterError, UnknownNameError
from isthmus.estimator.persistence import load
from isthmus.tasks.learning.ledger import Ledger
from isthmus.training.checkpoints import replace_file

CURRENT, AUDIT, FEEDBACK, FOLDER = "current", "audit.jsonl", "feedback.jsonl", "versions"


@dataclass(frozen=True)
class Versions:
    """The versions of one detector in a folder.

    Args:
        path: The folder, made when the first version is added.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from isthmus import AnomalyDetector, Autoencoder
        >>> X = np.random.default_rng(0).normal(size=(60, 3))
        >>> detector = AnomalyDetector(Autoencoder(epochs=1), alpha=0.1, members=1, random_state=0).fit(X)
        >>> versions = Versions(Path(tempfile.mkdtemp()) / "live")
        >>> first = versions.add(detector, by="ann", why="the first")
        >>> versions.promote(first, by="ann", why="nothing serves yet")
        >>> versions.current, versions.names()
        ('0001', ['0001'])
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def current(self) -> str | None:
        """The version that serves; None before one was promoted."""
        pointer = self.path / CURRENT
        return pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else None

    @property
    def audit(self) -> Ledger:
        """Every change."""
        return Ledger(self.path / AUDIT)

    @property
    def feedback_path(self) -> Path:
        """Where what people say of alarms is kept."""
        return self.path / FEEDBACK

    def names(self) -> list[str]:
        """All versions, the oldest first."""
        folder = self.path / FOLDER
        return sorted(one.name for one in folder.glob("[0-9]*") if (one / "config.json").is_file())

    def folder(self, name: str) -> Path:
        """Where a version lies.

        Raises:
            UnknownNameError: there is none of that name.
        """
        if name not in self.names():
            raise UnknownNameError.among("version", name, self.names())
        return self.path / FOLDER / name

    def load(self, name: str | None = None, device: str = "cpu") -> Any:
        """A version, or the one that serves.

        Raises:
            MissingFileError: none serves yet.
            UnknownNameError: there is none of that name.
        """
        asked = name or self.current
        if asked is None:
            fix = "promote one: isthmus promote DIR DETECTOR --by NAME"
            raise MissingFileError(f"{self.path / CURRENT}", "it names the version that serves", fix)
        return load(self.folder(asked), device)

    def add(self, detector: Any, *, by: str, why: str = "", **facts: Any) -> str:
        """Save a detector as the next version, which does not serve yet; returns its name.

        Args:
            detector: Fitted.
            by: Who adds it.
            why: For the audit.
            **facts: What else the audit should know: rows, a verdict of the gate.
        """
        check_person(by)
        name = f"{1 + max((int(one) for one in self.names()), default=0):04d}"
        folder = self.path / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{name}.{os.getpid()}.part"
        detector.save(part)
        part.replace(folder / name)
        self.audit.add(action="add", version=name, by=by, why=why, **facts)
        return name

    def promote(self, name: str, *, by: str, why: str = "", **facts: Any) -> None:
        """Let a version serve.

        Args:
            name: Of the version.
            by: Who says so: a person, or the policy that was stated.
            why: For the audit.
            **facts: What else the audit should know.

        Raises:
            UnknownNameError: there is none of that name.
            ParameterError: nobody says so.
        """
        self._serve("promote", name, by, why, facts)

    def rollback(self, *, by: str, why: str = "", to: str | None = None) -> str:
        """Let the version that served before serve again; returns its name.

        Args:
            by: Who says so.
            why: For the audit.
            to: Another version; None for the one before.

        Raises:
            ParameterError: none served before.
        """
        name = to or self._before()
        if name is None:
            raise ParameterError(
                "rollback", "no other version has served", "promote one: versions.promote(name, by=...)"
            )
        self._serve("rollback", name, by, why, {})
        return name

    def served(self) -> list[str]:
        """The versions that served, in order; a change that was cut short is left out."""
        moves = [line["version"] for line in self.audit.lines() if line["action"] in ("promote", "rollback")]
        if moves and moves[-1] != self.current:
            moves.pop()  # its line was written, and the pointer never moved
        return moves

    def _before(self) -> str | None:
        """The version that served before the present one: going back twice goes back two steps, not to and fro."""
        stack: list[str] = []
        for name in self.served():
            if name in stack:
                del stack[stack.index(name) + 1 :]
            else:
                stack.append(name)
        return stack[-2] if len(stack) > 1 else None

    def _serve(self, action: str, name: str, by: str, why: str, facts: dict[str, Any]) -> None:
        """Write the line, then move the pointer."""
        check_person(by)
        self.folder(name)
        self.audit.add(action=action, version=name, instead_of=self.current, by=by, why=why, **facts)
        replace_file(self.path / CURRENT, f"{name}\n".encode())

    def sweep(self) -> None:
        """Remove what a process that was killed left half written."""
        for left in (self.path / FOLDER).glob(".*.part"):
            shutil.rmtree(left)


def check_person(by: str) -> None:
    """Refuse a change that nobody answers for.

    Raises:
        ParameterError: an empty name.
    """
    if not by.strip():
        raise ParameterError(f"by={by!r}", "every change has somebody who answers for it", "give your name: by='ann'")
