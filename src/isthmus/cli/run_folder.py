"""The folder of a run: what `isthmus fit` leaves on disk, and in what order.

    config.toml             the options, written first: `isthmus fit --config config.toml --out ...` repeats the run
    trimmed.csv             the rows that --trim set aside, where it was asked for
    metrics.jsonl           a line for each epoch
    checkpoint.safetensors  the run itself, while it lasts
    model.safetensors       the model, README.md and config.json with it, when the run is over

`isthmus.load` begins with config.json, which is put in its place last, and holds the digest of the weights: a folder
is a whole model or none.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

from isthmus.cli.origins import RECORD, read_toml
from isthmus.errors import ParameterError, UsageError

MODEL_FILES = ("model.safetensors", "README.md", "config.json")
NOTHING_LOST = {RECORD, "metrics.jsonl", "trimmed.csv"}
"""All that a run leaves which failed before its first checkpoint: the next one may begin there."""


class RunFolder:
    """The folder of a run at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / RECORD
        self.checkpoint = path / "checkpoint.safetensors"
        self.metrics = path / "metrics.jsonl"
        self.trimmed = path / "trimmed.csv"

    def has_work(self, options: dict[str, Any], resume: bool) -> bool:
        """Whether there is a run to begin or to go on with, rather than a finished one.

        Args:
            options: What the run is begun with, by name.
            resume: Whether the folder may hold a run already.

        Raises:
            UsageError: the folder holds something else, or a run that nobody asked to resume.
            ParameterError: the run in it was begun with other options.
        """
        if resume and self.record.is_file():
            self._check_same(options, read_toml(self.record))
            return not (self.path / MODEL_FILES[-1]).is_file()
        self._check_free()
        return True

    def begin(self, options: dict[str, Any]) -> None:
        """Make the folder where it is missing, and write down what the run is begun with."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.checkpoint.is_file():
            self.trimmed.unlink(missing_ok=True)  # of a run that never began to train, maybe with other options
        part = self.path / f".{RECORD}.part"
        part.write_text(as_toml(options), encoding="utf-8")
        part.replace(self.record)

    def finish(self, model: Any) -> None:
        """Put the model in its place, and remove what only an unfinished run needs."""
        beside = model.save(self.path / ".model.part")
        for name in MODEL_FILES:
            (beside / name).replace(self.path / name)
        self.sweep()

    def sweep(self) -> None:
        """Remove the checkpoint, and what a killed run left half written."""
        self.checkpoint.unlink(missing_ok=True)
        for left in self.path.glob(".*.part"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def last_epoch(self) -> dict[str, Any]:
        """The last line of the metrics."""
        last: dict[str, Any] = json.loads(self.metrics.read_text(encoding="utf-8").splitlines()[-1])
        return last

    def _check_free(self) -> None:
        """Refuse a folder that holds something: a run never overwrites."""
        if self.path.is_file():
            raise UsageError(f"--out {self.path}", "a run is a folder, and this is a file", "name a new folder")
        held = sorted(entry.name for entry in self.path.glob("[!.]*"))
        if set(held) - NOTHING_LOST:
            allowed = "a run begins in a new or empty folder, so that no model is overwritten"
            fix = "name another folder" + (", or add --resume to go on with the run in it" * (RECORD in held))
            raise UsageError(f"--out {self.path} holds {', '.join(held[:4])}", allowed, fix)

    def _check_same(self, options: dict[str, Any], begun: dict[str, Any]) -> None:
        """Refuse to go on with other options than the run was begun with."""
        given = tomllib.loads(as_toml(options))
        for name in sorted(given | begun):
            if given.get(name) != begun.get(name):
                raise ParameterError(
                    f"--{name.replace('_', '-')} is {given.get(name)!r} here, and {begun.get(name)!r} in {self.path}",
                    "a run is resumed with the options that it was begun with",
                    "leave the option out, or begin a new run in another folder",
                )


def as_toml(options: dict[str, Any]) -> str:
    """Options as TOML, without those that are None, for which TOML has no word.

    Example:
        >>> print(as_toml({"model": "vae", "hidden_dims": (64, 32), "target": None, "early_stopping": 5}), end="")
        model = "vae"
        hidden_dims = [64, 32]
        early_stopping = 5
    """
    given = {name: value for name, value in options.items() if value is not None}
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in given.items())
