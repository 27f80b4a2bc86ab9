"""A folder as one data set: its images, else its recordings, else its tables or arrays one below the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from isthmus.data.formats import Format, readable
from isthmus.errors import DataFileError

FIRST = ("images", "recordings")
"""Kinds that win over tables and arrays beside them, which describe them."""


@dataclass(frozen=True)
class Members:
    """The files of a folder that make one data set.

    Args:
        form: How they are read.
        paths: In the order of their names.
        classes: The subfolder that each lies in; empty where they lie in the folder itself.
    """

    form: Format
    paths: tuple[Path, ...]
    classes: tuple[str, ...]


def members(folder: Path) -> Members:
    """The data files of one kind that lie in a folder, or else in its subfolders, one for each class.

    Hidden files and those that begin with an underscore are passed over, and so is all that is no data.

    Raises:
        DataFileError: there are none, tables of several kinds, or files both in the folder and in subfolders.
    """
    own, below = _by_kind(sorted(folder.glob("*"))), _by_kind(sorted(folder.glob("*/*")))
    found = own or below
    for kind in FIRST:
        if kind in own and kind in below:
            fix = "put all of them in subfolders, one for each class, or none"
            came = f"{folder} with {len(own[kind])} {kind} beside subfolders with {len(below[kind])}"
            raise DataFileError(came, "subfolders stand for classes, which the others lack", fix)
        if kind in own or kind in below:
            found = {kind: own.get(kind) or below[kind]}
            break
    if not found:
        allowed = "a folder of data holds files that `isthmus.data.read` knows, or subfolders of them"
        raise DataFileError(f"{folder} without data files", allowed, "check the path, or name a file")
    if len(found) > 1:
        came = f"{folder} with files of the kinds {', '.join(found)}"
        allowed = "the files of a folder make one data set, so they are of one kind"
        raise DataFileError(came, allowed, "name one file, or move the others elsewhere")
    forms, paths = zip(*next(iter(found.values())), strict=True)
    nested = paths[0].parent != folder
    return Members(forms[0], paths, tuple(path.parent.name for path in paths) if nested else ())


def _by_kind(entries: Iterable[Path]) -> dict[str, list[tuple[Format, Path]]]:
    """The data files among these, by what they hold."""
    found: dict[str, list[tuple[Format, Path]]] = {}
    for path in entries:
        form = readable(path)
        if form is not None:
            found.setdefault(form.kind, []).append((form, path))
    return found
