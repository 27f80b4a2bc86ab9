"""Files that cannot be read, and saved models that are not what was saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import isthmus
from isthmus.errors import CorruptFileError, DataFileError, MissingFileError, NewerFormatError
from tests.bad_input.case import ROWS, Case, fitted, model


def data(name: str, content: bytes | None) -> Callable[[Path], Any]:
    """The call that fits on a file with this content, or on none."""

    def call(folder: Path) -> Any:
        if content is not None:
            (folder / name).write_bytes(content)
        return model().fit(folder / name)

    return call


def cut_short(folder: Path) -> Any:
    """Fit on an array file that ends early."""
    np.save(folder / "rows.npy", ROWS)
    content = (folder / "rows.npy").read_bytes()
    return data("rows.npy", content[: len(content) // 2])(folder)


def pickled(folder: Path) -> Any:
    """Fit on an array file that carries a pickle."""
    np.save(folder / "rows.npy", np.array([{}], dtype=object))
    return model().fit(folder / "rows.npy")


def saved(change: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """The call that loads a saved model after something was done to its folder."""

    def call(folder: Path) -> Any:
        change(fitted("rows").save(folder / "model"))
        return isthmus.load(folder / "model")

    return call


def flip_a_byte(folder: Path) -> None:
    """Change one bit in the middle of the tensors."""
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def edit(old: str, new: str) -> Callable[[Path], Any]:
    """Replace words in the configuration."""
    return lambda folder: _rewrite(folder, lambda text: text.replace(old, new))


def _rewrite(folder: Path, change: Callable[[str], str]) -> None:
    """Pass the configuration through a function of its text."""
    path = folder / "config.json"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def newer(text: str) -> str:
    """The configuration as a later isthmus would number it."""
    return json.dumps({**json.loads(text), "format": 99})


AGAIN = "copy or write the file again"
WHOLE = "read only as it was written"

DATA = [
    Case("no such file", data("rows.csv", None), DataFileError, "rows.csv is not there", "folder", "check the path"),
    Case("an empty file", data("rows.csv", b""), DataFileError, "rows.csv", "at least one row", "again"),
    Case("a header without rows", data("rows.csv", b"a,b\n"), DataFileError, "names only", "at least one row", "check"),
    Case("a ragged table", data("rows.csv", b"a,b\n1,2\n3\n"), DataFileError, "as CSV", "Expected 2 columns", AGAIN),
    Case("an array cut short", cut_short, DataFileError, "as NPY", "its reader says", AGAIN),
    Case("a pickle", pickled, DataFileError, "Python objects", "never read", "np.save"),
    Case("text that claims to be an array", data("rows.npy", b"hello"), DataFileError, "hello", "NUMPY", "again"),
    Case(
        "a truncated Parquet file", data("rows.parquet", b"PAR1xx"), DataFileError, "as Parquet", "reader says", AGAIN
    ),
    Case("an unknown ending", data("rows.xyz", b"1,2\n"), DataFileError, "'.xyz'", ".parquet", ".csv"),
    Case("an empty folder", lambda folder: model().fit(folder), DataFileError, "without data files", "holds", "check"),
]

MODELS = [
    Case(
        "no such model",
        lambda folder: isthmus.load(folder / "none"),
        MissingFileError,
        "config.json",
        "holds config.json and model.safetensors",
        "check the path",
    ),
    Case(
        "a model without its tensors",
        saved(lambda folder: (folder / "model.safetensors").unlink()),
        MissingFileError,
        "model.safetensors",
        "holds config.json and model.safetensors",
        "save the model again",
    ),
    Case("a changed byte", saved(flip_a_byte), CorruptFileError, "model.safetensors: its digest", WHOLE, "again"),
    Case(
        "a changed configuration",
        saved(edit('"epochs": 1', '"epochs": 7')),
        CorruptFileError,
        "config.json: its digest",
        WHOLE,
        "again",
    ),
    Case(
        "half a configuration",
        saved(lambda folder: _rewrite(folder, lambda text: text[: len(text) // 2])),
        CorruptFileError,
        "config.json: it is not a config",
        WHOLE,
        "again",
    ),
    Case(
        "a newer format",
        saved(lambda folder: _rewrite(folder, newer)),
        NewerFormatError,
        "format 99",
        "reads formats up to 1",
        "upgrade isthmus",
    ),
]

CASES = DATA + MODELS
