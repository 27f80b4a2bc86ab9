"""Activations on the disk: chunks of rows, and a manifest that vouches for every byte of them.

    activations.json           what the chunks hold, of which run, how far it is, and the digest of each
    chunk-00000.safetensors    as `activation_chunks` says

The manifest is written anew after each stretch of work that has reached the disk. A run that was killed goes on from
there, and writes again what it had written since.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isthmus.data.activation_chunks import Arrays, Form, corrupt, lay_out, mapped
from isthmus.errors import DataFileError, MissingFileError, NewerFormatError, ParameterError

FORMAT = 1
MANIFEST = "activations.json"
SEAL = "seal"  # the digest of all else in the manifest


class Filed:
    """Chunks in the files of a folder, which were written to the end.

    Each chunk is compared with its digest when it is first read.

    Args:
        folder: What a collection was written to.

    Raises:
        MissingFileError: there is no manifest, or a chunk is gone.
        CorruptFileError: a byte differs from what was written.
        DataFileError: the collection was not finished.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, manifest = folder, read_manifest(folder)
        self.form, self.facts = Form(**manifest["form"]), manifest["facts"]
        self.digests: list[str] = manifest["digests"]
        self.opened: dict[int, Arrays] = {}
        if not self.digests and self.form.rows:
            came = f"{folder} with {manifest['done']} of {manifest['batches']} batches"
            allowed = "a collection is read when it is finished, for its rows lie in random order"
            raise DataFileError(came, allowed, "make the same call again, which goes on from there")

    def chunk(self, number: int) -> Arrays:
        """The arrays of one chunk, mapped."""
        if number not in self.opened:
            path = chunk_path(self.folder, number)
            if not path.is_file():
                raise MissingFileError(str(path), "the manifest lists it", "copy the folder again")
            if digest_of(path) != self.digests[number]:
                raise corrupt(path, f"its digest differs from the one in {MANIFEST}")
            self.opened[number] = mapped(path, self.form, self.form.sizes[number], "r")
        return self.opened[number]


class Filling:
    """Chunks that a collection is writing.

    Args:
        folder: A new one, an empty one, or that of the same collection begun before.
        form: What the chunks hold.
        facts: Where the rows come from; a collection begun before must have the same.
        batches: How many there are to work through.

    Raises:
        DataFileError: the folder holds something else, or the disk has no room.
        CorruptFileError: the manifest was changed.
    """

    def __init__(self, folder: Path, form: Form, facts: dict[str, Any], batches: int) -> None:
        self.folder, self.form, self.facts, self.batches = folder, form, facts, batches
        self.done, self.digests = 0, list[str]()
        if (folder / MANIFEST).is_file():
            manifest = read_manifest(folder)
            check_same(folder, manifest, {"form": asdict(form), "facts": facts, "batches": batches})
            self.done, self.digests = manifest["done"], manifest["digests"]
        else:
            self._begin()
        mode = "r" if self.digests else "r+"
        self.chunks = [mapped(chunk_path(folder, i), form, rows, mode) for i, rows in enumerate(form.sizes)]

    def _begin(self) -> None:
        """Lay out all chunks, then say so."""
        check_room(self.folder, self.form)
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, rows in enumerate(self.form.sizes):
            lay_out(chunk_path(self.folder, number), self.form, rows)
        self._write()

    def chunk(self, number: int) -> Arrays:
        """The arrays of one chunk, mapped, to be written into."""
        return self.chunks[number]

    def keep(self, done: int) -> None:
        """Bring to the disk what so many batches wrote, and remember that they did."""
        for chunk in self.chunks:
            chunk["tokens"].flush()  # type: ignore[attr-defined]  # all of the file that it is mapped from
        self.done = done
        self._write()

    def finish(self) -> None:
        """Close the chunks with their digests."""
        if not self.digests:
            self.keep(self.batches)
            self.digests = [digest_of(chunk_path(self.folder, number)) for number in range(len(self.form.sizes))]
            self._write()

    def _write(self) -> None:
        state = {"done": self.done, "batches": self.batches, "digests": self.digests}
        write_manifest(self.folder, {"form": asdict(self.form), "facts": self.facts, **state})


# The manifest. -------------------------------------------------------------------------------------------------------


def write_manifest(folder: Path, body: dict[str, Any]) -> None:
    """Put the manifest in the place of the old one, which stands until the new one is whole."""
    sealed = {"format": FORMAT, **body}
    beside = folder / f".{MANIFEST}.{os.getpid()}.part"
    try:
        with beside.open("w", encoding="utf-8") as file:
            json.dump({**sealed, SEAL: seal_of(sealed)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(folder / MANIFEST)
    finally:
        beside.unlink(missing_ok=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest says.

    Raises:
        MissingFileError: there is none.
        CorruptFileError: it was changed.
        NewerFormatError: a newer isthmus wrote it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        allowed = "isthmus.collect_activations(..., out=FOLDER) leaves it in the folder"
        raise MissingFileError(str(path), allowed, "check the path, or collect them")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        seal, version = manifest.pop(SEAL), int(manifest["format"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise corrupt(path, f"it is no manifest of activations ({fault})") from fault
    if version > FORMAT:
        came = f"{path} has format {version}"
        raise NewerFormatError(came, f"this isthmus reads formats up to {FORMAT}", "upgrade isthmus")
    if seal != seal_of(manifest):
        raise corrupt(path, "its digest differs from the one it carries")
    return manifest


def seal_of(body: dict[str, Any]) -> str:
    """SHA-256 of a manifest's content."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def check_same(folder: Path, manifest: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on in a folder that holds another collection.

    Raises:
        ParameterError: model, modules, inputs or options differ; the message says which.
    """
    wanted = json.loads(json.dumps(wanted))
    now, before = flat(wanted), flat({name: manifest[name] for name in wanted})
    other = [name for name in now | before if now.get(name) != before.get(name)]
    if other:
        name = other[0]
        came = f"out={str(folder)!r}, which holds activations of {name}={before.get(name)!r}, not {now.get(name)!r}"
        allowed = "a collection goes on only with the same model, modules, inputs and options"
        raise ParameterError(came, allowed, "name a new folder, or make the call that this one was begun with")


def flat(told: dict[str, Any]) -> dict[str, Any]:
    """All entries of nested dictionaries by the last of their names.

    Example:
        >>> flat({"rows": 3, "facts": {"model": "ab"}})
        {'rows': 3, 'model': 'ab'}
    """
    found: dict[str, Any] = {}
    for name, value in told.items():
        found |= flat(value) if isinstance(value, dict) else {name: value}
    return found


def check_room(folder: Path, form: Form) -> None:
    """Refuse a folder that is taken, and a disk that is full.

    Raises:
        DataFileError: it is.
    """
    if folder.exists() and (not folder.is_dir() or any(not ours(entry) for entry in folder.iterdir())):
        fix = "name a new or empty folder"
        raise DataFileError(f"out={str(folder)!r}", "it is taken by something else than activations", fix)
    parent = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(parent).free
    if form.nbytes > free:
        came = f"{form.nbytes:,} bytes for {form.rows:,} rows"
        raise DataFileError(came, f"the disk of {folder} has {free:,} free", "use precision='int8', or fewer inputs")


def ours(entry: Path) -> bool:
    """Whether a collection that was killed before its first manifest may have left this."""
    return entry.name.startswith(("chunk-", f".{MANIFEST}"))


def chunk_path(folder: Path, number: int) -> Path:
    """The file of a chunk."""
    return folder / f"chunk-{number:05d}.safetensors"


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
