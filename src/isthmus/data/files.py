"""Data files in and out, by their ending.

A table comes as an Arrow table, an array as NumPy's, images as uint8 (n, h, w) or (n, h, w, c), recordings as float32
(n, t, c). A folder is one data set: see `folders`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.array_files import read_npz
from isthmus.data.folders import members
from isthmus.data.formats import FORMATS, check_content, check_there, format_of
from isthmus.data.pictures import write_pictures
from isthmus.errors import DataFileError, ParameterError, UnknownNameError


def read(path: str | os.PathLike[str], *, key: str | None = None) -> Any:
    r"""What a data file or folder holds.

    Args:
        path: .csv, .parquet, .arrow, .jsonl, .npy, .npz, .idx (and MNIST's own names), .wav, .png, .jpg, or a folder
            of such files.
        key: Which array of an .npz file; None takes the one called X, or the only one.

    Returns:
        An Arrow table, a NumPy array, or the SciPy matrix that an .npz file holds.

    Raises:
        DataFileError: the file is missing, unreadable, cut short, empty, or not what its ending says.
        ParameterError: `key` is given for another format.
        UnknownNameError: the file has no array of that name.
        MissingExtraError: the library that reads it is not installed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "rows.csv"
        >>> _ = file.write_text("age,sex\n31,f\n,m\n")
        >>> read(file).to_pydict()
        {'age': [31, None], 'sex': ['f', 'm']}
    """
    path = Path(path)
    check_there(path)
    if path.is_dir() and key is None:
        folder = members(path)
        for member in folder.paths:
            check_content(member, format_of(member))
        return _with_rows(path, folder.form.read(folder.paths))
    form = format_of(path)
    check_content(path, form)
    if key is not None and form.name != "NPZ":
        raise ParameterError(f"key={key!r} for {path}", "only an .npz file has arrays with names", "leave it out")
    return _with_rows(path, form.read([path]) if key is None else read_npz(path, key))


def _with_rows(path: Path, rows: Any) -> Any:
    """The rows, if there are any."""
    if not rows.shape or not rows.shape[0]:
        came = f"{path} with an array of shape {rows.shape}" if hasattr(rows, "dtype") else f"{path} with names only"
        raise DataFileError(came, "a data file holds at least one row", "check how the rows were selected")
    return rows


def read_labelled(path: str | os.PathLike[str], *, target: str | None = None) -> tuple[Any, Any]:
    """Rows with the class of each: X and y of an .npz file, images by subfolder, or a table and one of its columns.

    Args:
        path: As in `read`.
        target: The column of a table that holds the classes; it is taken out of the rows.

    Returns:
        X as `read` gives it, and y (n,).

    Raises:
        DataFileError: the file carries no classes, or cannot be read.
        UnknownNameError: the table has no column of that name.
    """
    path, rows = Path(path), read(path)
    if target is not None and hasattr(rows, "column_names"):
        if target not in rows.column_names:
            raise UnknownNameError.among("target", target, rows.column_names)
        return rows.drop_columns([target]), rows[target].to_numpy()
    classes = members(path).classes if path.is_dir() else ()
    if classes:
        return rows, np.array(classes)
    if path.suffix.lower() == ".npz":
        return rows, read(path, key="y")
    allowed = "classes stand in a column of a table, in the array y of an .npz file, or in the names of subfolders"
    fix = "name the column: target='...'" if hasattr(rows, "column_names") else "save X and y together as .npz"
    raise DataFileError(f"{path} without classes (target={target!r})", allowed, fix)


def write(path: str | os.PathLike[str], rows: Any) -> Path:
    """Write rows into a file by its ending; a name without one is a folder of PNG images.

    A file appears under its name when it is whole: nobody reads half of it, and what stood there stays until then.

    Args:
        path: .csv, .parquet, .arrow, .jsonl, .npy, .npz, or the name of a new folder. Its parents are made.
        rows: A frame of pandas, polars or Arrow, {name: column}, or an array; images (n, h, w[, c]) of uint8.

    Returns:
        The path.

    Raises:
        DataFileError: no format that can be written has this ending, or the folder is not empty.
        InputError: the format has no place for such rows.

    Example:
        >>> import tempfile
        >>> file = write(Path(tempfile.mkdtemp()) / "scores.parquet", {"row": [0, 1], "anomaly_score": [0.5, 2.0]})
        >>> read(file).column_names
        ['row', 'anomaly_score']
    """
    path = Path(path)
    if not path.suffix:
        write_pictures(path, np.asarray(rows))
        return path
    form = format_of(path)
    if form.write is None:
        endings = ", ".join(one.endings[0] for one in FORMATS if one.write)
        raise DataFileError(f"{path} to be written", f"{endings} can be", "choose one of those, or a folder for images")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            form.write(file, rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
