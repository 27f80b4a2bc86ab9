"""The layouts by name: which one a folder has, and the way in and out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from isthmus.errors import MissingFileError, ModelFileError, UnknownNameError
from isthmus.parts.exchange import dictionary_learning, gemma_scope, saelens, sparsify
from isthmus.parts.exchange.record import Record


class Layout(NamedTuple):
    """One library's files.

    Args:
        files: Their names in a folder.
        is_here: Whether a folder has them.
        read: The dictionary of a folder.
        write: A dictionary into a folder.
    """

    files: tuple[str, ...]
    is_here: Callable[[Path], bool]
    read: Callable[[Path], Record]
    write: Callable[[Record, Path], None]


MODULES = {
    "saelens": saelens,
    "dictionary-learning": dictionary_learning,
    "sparsify": sparsify,
    "gemma-scope": gemma_scope,
}
LAYOUTS = {name: Layout((one.TENSORS,), one.is_here, one.read, one.write) for name, one in MODULES.items()}


def check_layout(layout: str, own: str) -> None:
    """Refuse a name that no layout has.

    Raises:
        UnknownNameError: neither ours, nor "auto" nor another library's.
    """
    if layout not in (own, *LAYOUTS):
        raise UnknownNameError.among("layout", layout, (own, *LAYOUTS))


def recognised(path: str | Path) -> str:
    """The layout of a folder, by the files in it.

    Raises:
        MissingFileError: it is not there.
        ModelFileError: it has none of them.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise MissingFileError(f"path={str(path)!r}", "a dictionary is a folder with its files", "check the path")
    found = [name for name, layout in LAYOUTS.items() if layout.is_here(folder)]
    if found:
        return found[0]
    held = ", ".join(sorted(entry.name for entry in folder.iterdir())[:5]) or "nothing"
    known = "; ".join(f"{name}: {', '.join(layout.files)}" for name, layout in LAYOUTS.items())
    raise ModelFileError(f"{folder} with {held}", f"layouts are known by their files ({known})", "check the path")


def read_record(path: str | Path, layout: str = "auto") -> Record:
    """The dictionary of a folder.

    Args:
        path: The folder.
        layout: One of `LAYOUTS`; "auto" goes by the files.

    Raises:
        UnknownNameError: no such layout.
        MissingFileError: no such folder, or without this layout's files.
        ModelFileError: the folder has no known layout, or its dictionary is of a kind that is not read.
        CorruptFileError: a file is damaged, or something is missing in it.
    """
    check_layout(layout, "auto")
    name = recognised(path) if layout == "auto" else layout
    chosen = LAYOUTS[name]
    if not chosen.is_here(Path(path)):
        came = f"{path} without {' and '.join(chosen.files)}"
        raise MissingFileError(came, f"layout={name!r} is read from them", "use layout='auto', or check the path")
    return chosen.read(Path(path))


def write_record(record: Record, path: str | Path, layout: str) -> Path:
    """Write a dictionary into a folder.

    Args:
        record: The dictionary.
        path: The folder; it is made.
        layout: One of `LAYOUTS`.

    Raises:
        UnknownNameError: no such layout.
        ParameterError: the layout has no words for its rule.
        ModelFileError: the path is that of a file.

    Example:
        >>> import tempfile, torch
        >>> record = Record(torch.ones(3, 2), torch.zeros(3), torch.ones(3, 2), torch.zeros(2), "topk", k=1)
        >>> folder = write_record(record, tempfile.mkdtemp(), "sparsify")
        >>> recognised(folder), read_record(folder).k
        ('sparsify', 1)
    """
    check_layout(layout, "isthmus")
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ModelFileError(f"path={str(path)!r}, a file", "a dictionary is saved as a folder", "name another path")
    folder.mkdir(parents=True, exist_ok=True)
    LAYOUTS[layout].write(record, folder)
    return folder
