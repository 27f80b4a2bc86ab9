"""What the commands work with: rows from files, models from folders, codes on their way into files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.cli.batch import TABLES
from isthmus.data import files
from isthmus.data.activation_files import MANIFEST
from isthmus.data.activations import Activations
from isthmus.data.datasets import is_at_hand, load
from isthmus.data.scanning import read_or_scan, scan_pieces
from isthmus.data.streams import Stream
from isthmus.data.table_files import to_table
from isthmus.errors import InputError, UnknownNameError, UsageError
from isthmus.tasks.anomaly.labels import anomalies_in
from isthmus.tasks.batches.answers import numbered_columns

MOST_LABELS = 20
"""That a message lists."""


def rows_of(path: Path, target: str | None = None, in_turn: bool = False) -> Any:
    """The rows of a file or folder, streamed where memory is too small, without the column called `target`.

    Where nothing is called so, the path may be the name of a data set at hand: what is known of its rows beside them
    is left out.

    Args:
        path: Of the rows.
        target: A column to leave out.
        in_turn: Stream every file whose format needs no look at the whole, however small; there may be no rows in it.

    Raises:
        DataFileError: the file cannot be read.
        UnknownNameError: it has no column of that name.
        UsageError: `target` is given for rows without named columns.
    """
    rows = collected(path)
    if rows is None:
        rows = scan_pieces(path) if in_turn else None
    if rows is None:
        rows = rows_at_hand(str(path)) if is_at_hand(path) else read_or_scan(path)
    if target is None:
        return rows
    if not hasattr(rows, "column_names"):
        raise UsageError(f"--target {target} for {path}", "it names a column, and this is no table", "leave it out")
    if target not in rows.column_names:
        raise UnknownNameError.among("--target", target, rows.column_names)
    return rows.drop_columns([target])


def collected(path: Path) -> Any:
    """The activations of a folder, of its first module or of the one whose name stands behind it; None of any other."""
    if (path / MANIFEST).is_file():
        return Activations.open(path)
    return Activations.open(path.parent, path.name) if (path.parent / MANIFEST).is_file() else None


def rows_at_hand(name: str) -> Any:
    """The rows of a bundled or made data set: a table with its columns' names, else an array."""
    found = load(name)
    return to_table(dict(zip(found.columns, found.X.T, strict=True))) if found.columns else found.X


def member_in(folder: Path, device: str) -> Any:
    """The model of a folder; a detector's own one where a detector was saved there."""
    import isthmus

    loaded = isthmus.load(folder, device)
    return getattr(loaded, "model_", loaded)


def told_rows(path: Path, target: str | None, condition: str | None) -> tuple[Any, Any]:
    """Rows, and what a conditional model is told beside them; None where no condition is named.

    Args:
        path: A file, a folder of images by class, or the name of a data set at hand.
        target: A column to leave out.
        condition: A column of the table; of what is no table the classes that are known beside the rows.

    Raises:
        UnknownNameError: no column of that name.
        DataFileError: nothing is known beside the rows.
        UsageError: the rows would not fit in memory.
    """
    if condition is None:
        return rows_of(path, target), None
    rows = rows_in_memory(path, target)
    names = getattr(rows, "column_names", ())
    if condition in names:
        return rows.drop_columns([condition]), rows.select([condition])
    if is_at_hand(path) and load(str(path)).y is not None:
        return rows, load(str(path)).y
    if names:
        raise UnknownNameError.among("--condition", condition, names)
    return files.read_labelled(path)


def written(model: Any, text: str | None) -> Any:
    """What a conditional model understands by a word of the command line."""
    return model.condition_.written(text) if text is not None and model.is_conditional else text


def as_columns(codes: Any, out: Path, letter: str = "z") -> Any:
    """Codes (n, Z) as columns z0, z1, ... where they go into a table."""
    return numbered_columns(codes, letter) if out.suffix in TABLES else codes


def put(path: Path, rows: Any) -> None:
    """Write rows under a name, where they appear when they are whole; without an ending it is a folder of images.

    Raises:
        UsageError: that folder holds something.
    """
    if path.suffix:
        files.write(path, rows)
        return
    if path.is_dir() and any(path.iterdir()):
        raise UsageError(f"{path} holds files", "images are written into a new folder", "name another, or add --resume")
    part = path.with_name(f".{path.name}-part")
    shutil.rmtree(part, ignore_errors=True)
    files.write(part, rows)
    part.replace(path)


def rows_in_memory(path: Path, target: str | None = None) -> Any:
    """The rows of a file or folder without the column called `target`, if there is one.

    Raises:
        UsageError: they would not fit in memory.
    """
    rows = rows_of(path)
    if isinstance(rows, Stream):
        came = f"{path}, whose rows would not fit in memory"
        raise UsageError(came, "these are looked at as a whole", "give a sample of them")
    return rows.drop_columns([target]) if target in getattr(rows, "column_names", ()) else rows


def labelled_rows(path: Path, target: str | None, anomaly: str | None) -> tuple[Any, Any]:
    """Rows and which of them are anomalies, (n,) booleans.

    Args:
        path: A file, a folder of images by class, or the name of a data set at hand.
        target: The column of a table that tells.
        anomaly: Which of its values is an anomaly; None for those that say so themselves.

    Raises:
        DataFileError: the file cannot be read, or tells nothing of its rows.
        InputError: a row without a label, or labels that do not say which are anomalies.
        UnknownNameError: no column `target`, or no label `anomaly`.
        UsageError: the rows would not fit in memory.
    """
    rows, y = (rows_at_hand(str(path)), load(str(path)).y) if is_at_hand(path) else _labelled(path, target)
    unknown = int(sum(label is None or label != label for label in y.tolist()))
    if unknown:
        came = f"{target or 'y'} of {path} with {unknown} empty labels"
        raise InputError(came, "each row is known to be normal or an anomaly", "leave those rows out")
    if anomaly is not None:
        words = [f"{label:g}" if isinstance(label, float) else str(label) for label in y.tolist()]
        if anomaly not in words:
            raise UnknownNameError.among("--anomaly", anomaly, sorted(set(words))[:MOST_LABELS])
        return rows, np.array([word == anomaly for word in words])
    try:
        return rows, anomalies_in(y, len(y))
    except InputError as unclear:
        fix = "name the label of the anomalies: --anomaly VALUE"
        raise InputError(unclear.came, "1 beside 0, -1 beside 1, or true mark an anomaly", fix) from unclear


def _labelled(path: Path, target: str | None) -> tuple[Any, Any]:
    """Rows and labels of a file or folder that fits in memory."""
    rows = rows_in_memory(path)
    if target is None and hasattr(rows, "column_names"):
        came = f"no --target for {path}"
        raise UsageError(came, "a column of the table tells which rows are anomalies", "name it: --target COLUMN")
    return files.read_labelled(path, target=target)
