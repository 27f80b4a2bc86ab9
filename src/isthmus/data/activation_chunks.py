"""A chunk of activations: rows of some modules with the token, position and document of each, packed or as numbers.

In a file a chunk is safetensors: tokens, positions and documents (n,); of each module its rows (n, d), and for int8 the
scale of each row (n,). A file has its full size from the start and is filled row by row in any order, so that rows can
be put where a random permutation wants them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.errors import CorruptFileError

LABELS = ("tokens", "positions", "documents")
ROWS, SCALE = "rows.", "scale."  # before a module's path: its rows, and what one step of an int8 row is worth
TYPES: dict[str, npt.DTypeLike] = {"F32": np.float32, "I32": np.int32, "BF16": np.uint16, "I8": np.int8}
PRECISIONS = {"float32": "F32", "bfloat16": "BF16", "int8": "I8"}
STEPS = 127  # of int8 on each side of zero

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Form:
    """What all chunks of one collection hold together.

    Args:
        widths: d of each module, by its path.
        precision: "float32", "bfloat16" or "int8".
        rows: n.
        chunk_rows: Of each chunk but the last.
    """

    widths: dict[str, int]
    precision: str
    rows: int
    chunk_rows: int

    @property
    def sizes(self) -> list[int]:
        """Rows of each chunk."""
        return [min(self.chunk_rows, self.rows - first) for first in range(0, self.rows, self.chunk_rows)]

    @property
    def nbytes(self) -> int:
        """What all rows take on the disk."""
        return self.rows * row_bytes(self.widths, self.precision)

    def fields(self, rows: int) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each array in a chunk of so many rows; types of four bytes first, so that all lie even."""
        scaled = self.widths if self.precision == "int8" else {}
        thin = {name: ("I32", (rows,)) for name in LABELS} | {f"{SCALE}{name}": ("F32", (rows,)) for name in scaled}
        tag = PRECISIONS[self.precision]
        return thin | {f"{ROWS}{name}": (tag, (rows, width)) for name, width in self.widths.items()}


def row_bytes(widths: Mapping[str, int], precision: str) -> int:
    """Bytes of one row with its labels.

    Example:
        >>> row_bytes({"encoder": 384}, "int8")
        400
    """
    each = np.dtype(TYPES[PRECISIONS[precision]]).itemsize
    scales = 4 * len(widths) if precision == "int8" else 0
    return 4 * len(LABELS) + scales + each * sum(widths.values())


def packed(x: Tensor, name: str, precision: str) -> dict[str, npt.NDArray[Any]]:
    """Rows as a chunk keeps them, by field.

    Args:
        x: (rows, d) float32.
        name: Path of the module.
        precision: Of `PRECISIONS`.
    """
    field = f"{ROWS}{name}"
    if precision == "bfloat16":
        return {field: x.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)}
    if precision == "int8":
        scale = (x.abs().amax(1) / STEPS).clamp_min(torch.finfo(torch.float32).tiny)
        return {field: (x / scale[:, None]).round().to(torch.int8).numpy(), f"{SCALE}{name}": scale.numpy()}
    return {field: x.numpy()}


def unpacked(chunk: Arrays, name: str, rows: Any) -> npt.NDArray[np.float32]:
    """Some rows of a chunk as float32, (rows, d).

    Example:
        >>> x = torch.tensor([[0.5, -2.0, 1.0]])
        >>> unpacked(packed(x, "m", "int8"), "m", slice(None)).round(1)
        array([[ 0.5, -2. ,  1. ]], dtype=float32)
        >>> unpacked(packed(x, "m", "bfloat16"), "m", slice(None))
        array([[ 0.5, -2. ,  1. ]], dtype=float32)
    """
    values = np.asarray(chunk[f"{ROWS}{name}"][rows])
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    if values.dtype == np.int8:
        scale = np.asarray(chunk[f"{SCALE}{name}"][rows])[..., None]
        return np.asarray(values * scale, dtype=np.float32)
    return np.array(values, dtype=np.float32)


class Chunks(Protocol):
    """Rows in chunks, wherever those lie; `facts` says where the rows come from."""

    form: Form
    facts: dict[str, Any]

    def chunk(self, number: int) -> Arrays:
        """The arrays of one chunk, as `Form.fields` names them."""


class Held:
    """Chunks in memory.

    Args:
        form: What they hold.
        facts: Where the rows come from.
    """

    def __init__(self, form: Form, facts: dict[str, Any]) -> None:
        self.form, self.facts = form, facts
        self.done = 0
        fields = [form.fields(rows) for rows in form.sizes]
        self.chunks = [{name: np.zeros(shape, TYPES[tag]) for name, (tag, shape) in one.items()} for one in fields]

    def chunk(self, number: int) -> Arrays:
        """The arrays of one chunk."""
        return self.chunks[number]

    def keep(self, done: int) -> None:
        """Nothing outlives the process."""

    def finish(self) -> None:
        """All rows are there."""


def header_of(form: Form, rows: int) -> bytes:
    """The head of a safetensors file: its length, then JSON that says type, shape and place of each array."""
    entries, place = {}, 0
    for name, (tag, shape) in form.fields(rows).items():
        end = place + math.prod(shape) * np.dtype(TYPES[tag]).itemsize
        entries[name] = {"dtype": tag, "shape": shape, "data_offsets": [place, end]}
        place = end
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def lay_out(path: Path, form: Form, rows: int) -> None:
    """Make the file of a chunk with its full size and no rows yet."""
    head = header_of(form, rows)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + rows * row_bytes(form.widths, form.precision))


def mapped(path: Path, form: Form, rows: int, mode: Any) -> Arrays:
    """The arrays of a chunk's file, mapped into memory.

    Raises:
        CorruptFileError: the file has another size or head.
    """
    head = header_of(form, rows)
    size = len(head) + rows * row_bytes(form.widths, form.precision)
    if not path.is_file() or path.stat().st_size != size:
        raise corrupt(path, f"a chunk of {rows:,} rows has {size:,} bytes")
    whole = np.memmap(path, np.uint8, mode)
    if whole[: len(head)].tobytes() != head:
        raise corrupt(path, "its head is not that of this collection")
    arrays, place = {}, len(head)
    for name, (tag, shape) in form.fields(rows).items():
        end = place + math.prod(shape) * np.dtype(TYPES[tag]).itemsize
        arrays[name] = whole[place:end].view(TYPES[tag]).reshape(shape)
        place = end
    return arrays


def corrupt(path: Path, why: str) -> CorruptFileError:
    """The error for a file that is not what was written."""
    return CorruptFileError(f"{path}: {why}", "activations are read only as they were written", "collect them again")
