"""What was answered, by which model, from what: so that a run that was cut short goes on and does nothing twice.

    _manifest.json   what every answer of the folder is: written when a run is over
    _records/        the same, a file for each answer, while the run lasts; an answer without its record is none

Both begin with an underscore, as what is no data does in a folder that Spark, Hive or isthmus reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from isthmus.errors import CorruptFileError, UsageError
from isthmus.tasks.batches import places
from isthmus.tasks.batches.places import Place

MANIFEST, RECORDS = "_manifest.json", "_records"
FORMAT = 1


@dataclass(frozen=True)
class Record:
    """One answer.

    Args:
        data: The file that it answers.
        mark: What changes with that file; see `places.mark`.
        model: The digest of the model.
        asked: What was asked of it: the verb and its options.
        rows: How many were answered.
        anomalies: How many of them are, where the model says so.
        bytes: The answer's size; -1 of a folder of images.
        sha256: Its digest; "" of a folder.
    """

    data: str
    mark: str
    model: str
    asked: dict[str, Any]
    rows: int = 0
    anomalies: int | None = None
    bytes: int = -1
    sha256: str = ""

    def told(self, answer: Path, rows: int, anomalies: int | None) -> Record:
        """The record of an answer that has been written.

        Args:
            answer: The file, or a folder of images.
            rows: How many were answered.
            anomalies: How many of them are.
        """
        if not answer.is_file():
            return replace(self, rows=rows, anomalies=anomalies)
        with answer.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return replace(self, rows=rows, anomalies=anomalies, bytes=answer.stat().st_size, sha256=sha256)


class Manifest:
    """The records of a folder of answers.

    Args:
        folder: Where the answers lie.

    Raises:
        CorruptFileError: what lies there as a manifest is none.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> manifest = Manifest(folder)
        >>> begun = Record("rows.csv", "12 bytes, 0", "a1b2", {"verb": "score"})
        >>> manifest.has("rows.csv", begun, folder / "rows.csv")
        False
        >>> answer = folder / "rows.csv"
        >>> _ = answer.write_text("row,anomaly_score")
        >>> manifest.note("rows.csv", begun.told(answer, rows=0, anomalies=None))
        >>> manifest.close()
        >>> Manifest(folder).has("rows.csv", begun, answer)
        True
    """

    def __init__(self, folder: Place) -> None:
        self.folder = folder
        self.records: dict[str, Record] = {}
        self.loose: dict[str, Record] = {}  # those in files of their own
        whole = places.texts_in(folder, MANIFEST).get(MANIFEST)
        try:
            if whole is not None:
                self.records = {name: Record(**record) for name, record in json.loads(whole)["answers"].items()}
            for text in places.texts_in(folder / RECORDS, "*.json").values():
                self.loose |= {name: Record(**record) for name, record in json.loads(text).items()}
            self.records |= self.loose
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            came = f"{folder / MANIFEST} ({fault})"
            raise CorruptFileError(came, "it is what isthmus wrote there", "remove it, and run anew") from fault

    def has(self, name: str, wanted: Record, answer: Place) -> bool:
        """Whether an answer is there already, whole.

        Args:
            name: Of the answer, within the folder.
            wanted: Its record as far as it is known before the work.
            answer: Where it lies.

        Raises:
            UsageError: it is there, but of another model, other options, or of data that have changed since.
        """
        known = self.records.get(name)
        if known is None or places.size(answer) != known.bytes or not answer.exists():
            return False
        self._check(name, known, wanted)
        return True

    def _check(self, name: str, known: Record, wanted: Record) -> None:
        """Refuse to keep an answer to another question."""
        fix = f"name a new folder, or remove {name} there, which is then answered anew; without --resume all are"
        if known.model != wanted.model:
            models = f"by model {known.model[:12]}, and this is {wanted.model[:12]}"
            came = f"--resume in {self.folder}, where {name} is {models}"
            raise UsageError(came, "a folder is filled by one model, to its last byte", fix)
        if known.asked != wanted.asked:
            before, now = known.asked.get, wanted.asked.get
            changed = sorted(key for key in known.asked | wanted.asked if before(key) != now(key))
            told = ", ".join(f"{key}={before(key)!r}, here {now(key)!r}" for key in changed)
            came = f"--resume in {self.folder}, where {name} was asked for with {told}"
            raise UsageError(came, "a run goes on with the options that it was begun with", fix)
        if (known.data, known.mark) != (wanted.data, wanted.mark):
            was = f"{known.data} ({known.mark})" if known.data != wanted.data else known.mark
            came = f"--resume in {self.folder}, where {name} answers {was}, and {wanted.data} has {wanted.mark}"
            raise UsageError(came, "an answer stays as long as its data do", fix)

    def forget(self, names: Iterable[str]) -> None:
        """Know nothing of these answers any more, whatever happens next."""
        for name in names:
            self.records.pop(name, None)
            if self.loose.pop(name, None) is not None:
                places.remove(self._record(name))
        self._write()

    def note(self, name: str, record: Record) -> None:
        """An answer is whole, and known from now on."""
        self.records[name] = self.loose[name] = record
        places.write_text(self._record(name), json.dumps({name: asdict(record)}))

    def close(self) -> None:
        """The run is over: all records in one file."""
        self._write()
        places.remove(self.folder / RECORDS)

    def _record(self, name: str) -> Place:
        """Where the record of one answer lies."""
        return self.folder / RECORDS / f"{quote(name, safe='')}.json"

    def _write(self) -> None:
        """The records that are known now."""
        answers = {name: asdict(self.records[name]) for name in sorted(self.records)}
        text = json.dumps({"format": FORMAT, "answers": answers}, indent=1)
        places.write_text(self.folder / MANIFEST, f"{text}\n")
