"""What is said of a data file that its library cannot read, whichever library that is."""

from __future__ import annotations

import csv
import wave
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isthmus.errors import DataFileError, IsthmusError

# What pyarrow, numpy, Pillow and the standard library raise at a file that is damaged or of another kind.
DAMAGED = (OSError, EOFError, ValueError, SyntaxError, MemoryError, OverflowError, RuntimeError) + (
    csv.Error,
    wave.Error,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    """Around the reading of one file: what its library raises becomes one kind of error that names the file.

    Args:
        path: The file.
        form: What it is read as: "Parquet".

    Raises:
        DataFileError: the library could not read it.

    Example:
        >>> with reading(Path("a.npy"), "NPY"):
        ...     raise ValueError("no")
        Traceback (most recent call last):
            ...
        isthmus.errors.DataFileError: a.npy cannot be read as NPY: its reader says: no. Copy or write the file again...
    """
    try:
        yield
    except IsthmusError:
        raise
    except PermissionError as closed:
        fix = f"allow it: chmod u+r {path}"
        raise DataFileError(f"{path} cannot be opened", "this user may not read it", fix) from closed
    except DAMAGED as broken:
        said = str(broken).strip() or type(broken).__name__
        fix = "copy or write the file again, for it is cut short or damaged; or give it the ending of what it holds"
        came = f"{path} cannot be read as {form}"
        raise DataFileError(came, f"its reader says: {said.splitlines()[0]}", fix) from broken


def check_alike(paths: Sequence[Path], forms: Sequence[Any]) -> None:
    """Refuse files of one data set with rows of different forms.

    Args:
        paths: The files.
        forms: What the rows of each are like: shape, type, column names.

    Raises:
        DataFileError: the form of some file is not that of the first.
    """
    for path, form in zip(paths, forms, strict=True):
        if form != forms[0]:
            allowed = f"the files of one data set are alike, and {paths[0].name} has {forms[0]}"
            raise DataFileError(f"{path} with {form}", allowed, "put files of different kinds in folders of their own")
