"""The kinds of data files there are: their endings, how their content begins, and who reads and writes them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from isthmus.data import array_files as arrays
from isthmus.data import table_files as tables
from isthmus.data.delimited import read_csv
from isthmus.data.extras import arrow
from isthmus.data.idx import read_idx
from isthmus.data.pictures import read_pictures
from isthmus.data.reading import check_alike, reading
from isthmus.data.waves import read_waves
from isthmus.errors import DataFileError


def stacked(read: Callable[[Path], Any]) -> Callable[[Sequence[Path]], Any]:
    """A reader of several files, from the reader of one: their rows one below the other."""

    def read_all(paths: Sequence[Path]) -> Any:
        """All files as one data set."""
        parts = [read(path) for path in paths]
        if len(parts) == 1:
            return parts[0]
        forms = [getattr(part, "column_names", None) or part.shape[1:] for part in parts]
        check_alike(paths, forms)
        if isinstance(parts[0], np.ndarray):
            return np.concatenate(parts)
        with reading(paths[0].parent, "one table"):
            return arrow("lib", "reading tables").concat_tables(parts, promote_options="permissive")

    return read_all


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Args:
        name: As messages call it.
        kind: What its files hold: those of one kind make one data set.
        endings: Of its file names, in small letters.
        magic: How its content begins; nothing for text.
        read: Files of its kind as one data set.
        write: Rows into an open file; None where it is only read.
    """

    name: str
    kind: str
    endings: tuple[str, ...]
    magic: bytes
    read: Callable[[Sequence[Path]], Any]
    write: Callable[[BinaryIO, Any], None] | None = None


FORMATS = (
    Format("CSV", "CSV", (".csv",), b"", stacked(read_csv), tables.write_csv),
    Format("gzipped CSV", "CSV", (".csv.gz",), b"\x1f\x8b", stacked(read_csv)),
    Format("Parquet", "Parquet", (".parquet",), b"PAR1", stacked(tables.read_parquet), tables.write_parquet),
    Format("Arrow", "Arrow", (".arrow", ".feather"), b"ARROW1", stacked(tables.read_arrow), tables.write_arrow),
    Format("JSON lines", "JSON lines", (".jsonl",), b"", stacked(tables.read_jsonl), tables.write_jsonl),
    Format("NPY", "NPY", (".npy",), b"\x93NUMPY", stacked(arrays.read_npy), arrays.write_npy),
    Format("NPZ", "NPZ", (".npz",), b"PK", stacked(arrays.read_npz), arrays.write_npz),
    Format("idx", "idx", (".idx", "-ubyte"), b"\0\0", stacked(read_idx)),
    Format("gzipped idx", "idx", (".idx.gz", "-ubyte.gz"), b"\x1f\x8b", stacked(read_idx)),
    Format("WAV", "recordings", (".wav",), b"RIFF", read_waves),
    Format("PNG", "images", (".png",), b"\x89PNG", read_pictures),
    Format("JPEG", "images", (".jpg", ".jpeg"), b"\xff\xd8\xff", read_pictures),
)


def format_of(path: Path) -> Format:
    """The format that a file's ending stands for.

    Raises:
        DataFileError: no format has that ending.

    Example:
        >>> format_of(Path("train-images-idx3-ubyte.gz")).name
        'gzipped idx'
    """
    found = _by_ending(path)
    if found is None:
        endings = ", ".join(ending for one in FORMATS for ending in one.endings)
        allowed = f"the ending says what a file holds, and data is read from {endings}"
        fix = "rename it, or save it as .csv or .parquet"
        raise DataFileError(f"{path} with the ending {path.suffix!r}", allowed, fix)
    return found


def _by_ending(path: Path) -> Format | None:
    """The format that a file's ending stands for, if any does."""
    name = path.name.lower()
    return next((one for one in FORMATS if name.endswith(one.endings)), None)


def readable(path: Path) -> Format | None:
    """The format of a visible file of data in a folder; None for any other entry."""
    hidden = path.name.startswith((".", "_"))
    return None if hidden or not path.is_file() else _by_ending(path)


def check_there(path: Path) -> None:
    """Refuse a path at which nothing lies, with the nearest names in its folder.

    Raises:
        DataFileError: there is no such file or folder.
    """
    if path.exists():
        return
    folder = path.absolute().parent
    if not folder.is_dir():
        fix = "check the path"
        raise DataFileError(f"{path} is not there", f"neither is its folder {folder}", fix)
    names = sorted(entry.name for entry in folder.iterdir())
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    held = ", ".join(map(repr, near or names[:5])) or "nothing"
    fix = f"did you mean {path.with_name(near[0])}?" if near else "check the path"
    raise DataFileError(f"{path} is not there", f"its folder holds {held}" + (" and more" * (len(names) > 5)), fix)


def check_content(path: Path, form: Format) -> None:
    """Refuse an empty file, and one that does not begin as its ending says.

    Raises:
        DataFileError: it is empty, or begins otherwise.
    """
    with reading(path, form.name), path.open("rb") as file:
        head = file.read(16)
    if not head:
        raise DataFileError(f"{path} with 0 bytes", "a data file holds at least one row", "write the file again")
    begins = [one for one in FORMATS if one.magic and head.startswith(one.magic)]
    if head.startswith(form.magic) and (form.magic or not begins):
        return
    allowed = f"a file of {form.name} begins with {form.magic!r}" if form.magic else f"{form.name} is text"
    fix = f"rename it to {begins[0].endings[0]}, which it begins like" if begins else "write the file again"
    raise DataFileError(f"{path} begins with {head[:8]!r}", allowed, fix)
