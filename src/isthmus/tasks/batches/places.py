"""Where files lie: on this machine, or at a URL that fsspec knows (s3://, gs://, abfs://, https://, memory://).

What is far away is worked on as a copy in the folder for temporary files, one file at a time, so that every format is
read and written in one way, and a file appears at its URL when it is whole.
"""

from __future__ import annotations

import glob
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeAlias

from isthmus.errors import DataFileError, MissingExtraError
from isthmus.training.checkpoints import replace_file

WILD = frozenset("*?[")


@dataclass(frozen=True)
class Remote:
    """A file or folder at a URL; it has as much of a `Path` as is asked of one.

    Args:
        url: "s3://bucket/part-0.parquet".

    Example:
        >>> (Remote("s3://bucket/in") / "day=1/part-0.parquet").stem
        'part-0'
    """

    url: str

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.url).name

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return PurePosixPath(self.url).stem

    @property
    def suffix(self) -> str:
        """The ending."""
        return PurePosixPath(self.url).suffix

    def __truediv__(self, name: str) -> Remote:
        """A file in this folder."""
        return Remote(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        """The URL."""
        return self.url

    def exists(self) -> bool:
        """Whether a file lies there."""
        system, path = self.opened()
        return bool(system.exists(path))

    def opened(self) -> tuple[Any, str]:
        """The file system, and the path in it.

        Raises:
            MissingExtraError: fsspec, or what it needs for this kind of URL, is not installed.
            DataFileError: it knows no such kind.
        """
        try:
            from fsspec.core import url_to_fs

            system, path = url_to_fs(self.url)
        except ImportError as missing:
            raise MissingExtraError(
                self.url, f"this kind of URL needs a library that is not installed ({missing})", "install it"
            ) from missing
        except ValueError as unknown:
            fix = "check the letters before ://"
            raise DataFileError(self.url, f"a URL is one that fsspec knows ({unknown})", fix) from unknown
        return system, str(path)


Place: TypeAlias = Path | Remote


class Found(NamedTuple):
    """A file that was named, itself or by a pattern.

    Args:
        place: Where it lies.
        inner: Its name without the ending; below the fixed part of a pattern with its folders.
    """

    place: Place
    inner: str


def place(text: str | Path) -> Place:
    """The place that a word of a command line names."""
    return Remote(text) if isinstance(text, str) and "://" in text else Path(text)


def spread(words: Iterable[str | Path]) -> Iterator[Found]:
    """The files that are named, those of a pattern in the order of their names.

    Args:
        words: Paths, URLs and patterns of them: `*` stands for a name, `**` for folders in any depth.

    Raises:
        DataFileError: no file fits a pattern.

    Example:
        >>> [found.inner for found in spread(["rows.csv", "s3://bucket/a.parquet"])]
        ['rows', 'a']
    """
    for word in words:
        here = place(word)
        if not WILD & set(str(word)) or here.exists():
            yield Found(here, here.stem)
            continue
        found = _fitting(here)
        if not found:
            fix = "check the path and what stands before the first *, in quotation marks so that the shell leaves it"
            raise DataFileError(f"{word}, which fits no file", "a pattern stands for one file at least", fix)
        fixed = str(PurePosixPath(*_fixed(PurePosixPath(_inside(here)))))
        for path in found:
            inner = PurePosixPath(_inside(path)).relative_to(fixed).with_suffix("")
            yield Found(path, str(inner))


def _fitting(pattern: Place) -> list[Place]:
    """The files that a pattern stands for, without hidden ones and those that begin with an underscore."""
    if isinstance(pattern, Path):
        found: list[Place] = [Path(name) for name in glob.glob(str(pattern), recursive=True) if Path(name).is_file()]
    else:
        system, path = pattern.opened()
        found = [Remote(system.unstrip_protocol(name)) for name in system.glob(path) if not system.isdir(name)]
    return sorted((one for one in found if not one.name.startswith((".", "_"))), key=str)


def _inside(where: Place) -> str:
    """A path without what says which file system it is in."""
    return where.opened()[1] if isinstance(where, Remote) else where.as_posix()


def _fixed(pattern: PurePosixPath) -> Iterator[str]:
    """The parts of a pattern before the first that is open."""
    for part in pattern.parts[:-1]:
        if WILD & set(part):
            return
        yield part


def there(where: Remote) -> tuple[Any, str]:
    """The file system of a file, and its path there.

    Raises:
        DataFileError: nothing lies at the URL.
    """
    system, path = where.opened()
    if not system.exists(path):
        raise DataFileError(f"{where} is not there", "a URL names a file", "check it, and the rights to read it")
    return system, path


@contextmanager
def at_hand(where: Place) -> Iterator[Path]:
    """A file as a path on this machine: itself, or a copy that goes with the block.

    Raises:
        DataFileError: nothing lies at the URL.
    """
    if isinstance(where, Path):
        yield where
        return
    system, path = there(where)
    with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        copy = Path(folder) / where.name
        system.get_file(path, str(copy))
        yield copy


@contextmanager
def on_its_way(where: Place) -> Iterator[Path]:
    """A path on this machine to write to; what goes to a URL is sent when the block has ended well."""
    if isinstance(where, Path):
        yield where
        return
    system, path = where.opened()
    with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
        made = Path(folder) / where.name
        yield made
        parent = path.rpartition("/")[0]
        system.makedirs(parent, exist_ok=True)
        if made.is_dir():
            system.put(f"{made}/", f"{path}/", recursive=True)
        else:
            system.put_file(str(made), path)  # a store shows an object when it is whole


def mark(where: Place) -> str:
    """What changes with a file: its size and when it was written, or what its store tells it from others by.

    A folder's is made of those of its files; a place without one, the name of a data set at hand, has none: "".
    """
    if isinstance(where, Remote):
        system, path = there(where)
        return str(system.ukey(path))
    if where.is_dir():
        inside = [f"{path.relative_to(where)} {mark(path)}" for path in sorted(where.rglob("*")) if path.is_file()]
        return hashlib.sha256("\n".join(inside).encode()).hexdigest()
    if not where.exists():
        return ""
    told = where.stat()
    return f"{told.st_size} bytes, {told.st_mtime_ns}"


def size(where: Place) -> int:
    """Bytes of a file; of a folder or of nothing -1."""
    if isinstance(where, Remote):
        system, path = where.opened()
        return int(system.size(path)) if system.isfile(path) else -1
    return where.stat().st_size if where.is_file() else -1


def texts_in(folder: Place, pattern: str) -> dict[str, str]:
    """What the files of a folder hold, by name; nothing where it is not there."""
    if isinstance(folder, Path):
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob(pattern))}
    system, path = folder.opened()
    names = system.glob(f"{path}/{pattern}") if system.isdir(path) else []
    held = system.cat(names) if names else {}
    return {PurePosixPath(name).name: content.decode() for name, content in held.items()}


def write_text(where: Place, text: str) -> None:
    """Write a small file, which appears when it is whole."""
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        replace_file(where, text.encode())
        return
    system, path = where.opened()
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    system.pipe_file(path, text.encode())


def remove(where: Place) -> None:
    """Remove a file or a folder with all in it, where it is there."""
    if isinstance(where, Path):
        shutil.rmtree(where) if where.is_dir() else where.unlink(missing_ok=True)
        return
    system, path = where.opened()
    if system.exists(path):
        system.rm(path, recursive=True)


def sweep(answers: Iterable[Place]) -> None:
    """Remove what a killed process left half written beside these files of this machine."""
    wanted: dict[Path, set[str]] = {}
    for answer in answers:
        if isinstance(answer, Path):
            wanted.setdefault(answer.parent, set()).add(answer.name)
    for folder, names in wanted.items():
        for left in folder.glob(".*.part"):  # .NAME.PROCESS.part
            if left.name[1:].rsplit(".", 2)[0] in names:
                left.unlink()
