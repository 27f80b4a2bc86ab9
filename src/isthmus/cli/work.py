"""What is done with one file of data: its rows are read, a verb is asked of them, and the answer is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.cli.batch import TABLES, Files, Job
from isthmus.cli.rows import as_columns, put, rows_of, told_rows, written
from isthmus.data.extras import arrow
from isthmus.data.streams import Stream
from isthmus.data.table_files import to_table
from isthmus.estimator.persistence import digest
from isthmus.tasks.batches.answers import VERBS, condition_column, scores, unanswered
from isthmus.tasks.batches.batches import BatchFunction, loaded
from isthmus.tasks.batches.manifest import Record
from isthmus.tasks.batches.places import at_hand, mark, on_its_way


@dataclass
class Tally:
    """What is counted of an answer on its way into its file.

    Args:
        rows: How many.
        anomalies: How many of them are; None where nothing says so.
    """

    rows: int = 0
    anomalies: int | None = None

    def counted(self, answers: Iterable[Any]) -> Iterator[Any]:
        """The same batches, which are counted as they pass."""
        for answer in answers:
            judged = (
                answer["is_anomaly"].to_numpy(zero_copy_only=False) if "is_anomaly" in answer.schema.names else None
            )
            self.add(answer.num_rows, judged)
            yield answer

    def whole(self, answer: Any) -> Any:
        """The same answer, counted."""
        columns = answer if isinstance(answer, dict) else {}
        first = next(iter(columns.values()), answer)
        self.add(first.shape[0] if hasattr(first, "shape") else len(first), columns.get("is_anomaly"))
        return answer

    def add(self, rows: int, judged: Any) -> None:
        """Count some rows, (n,) of which are anomalies where `judged` is."""
        self.rows += rows
        if judged is not None:
            self.anomalies = (self.anomalies or 0) + int(np.sum(judged))


@dataclass(frozen=True)
class Work:
    """A verb of a saved model, as a function of jobs; what travels to a worker is the model's path.

    Args:
        model: The folder.
        verb: "decode", or one of `answers.VERBS`.
        files: What is left out of the data, what is told beside it, and where the model works.
        incidents: Whether alarms that are alike share a number.
    """

    model: Path
    verb: str
    files: Files
    incidents: bool = False

    def __call__(self, job: Job) -> Record:
        """Answer one file."""
        begun = self.record(job)
        with at_hand(job.data) as data, on_its_way(job.out) as out:
            tally = self._write(data, out)
            return begun.told(out, tally.rows, tally.anomalies)

    def record(self, job: Job) -> Record:
        """What is known of a job's answer before it is made."""
        asked = {"verb": self.verb, "target": self.files.target, "y": self.files.y, "incidents": self.incidents}
        data = job.data.absolute() if isinstance(job.data, Path) and job.data.exists() else job.data
        return Record(str(data), mark(job.data), self.version, asked)

    @cached_property
    def version(self) -> str:
        """The digest of the model."""
        return digest(self.model)

    @property
    def loaded(self) -> Any:
        """What is asked: a model, or a detector, which lends its own to every verb but "score"."""
        found = loaded(str(self.model), self.version, self.files.device)
        return found if self.verb == "score" else getattr(found, "model_", found)

    def _write(self, data: Path, out: Path) -> Tally:
        """Answer the rows of a file, as they are read where that can be."""
        model, tally = self.loaded, Tally()
        rows = rows_of(data, self.files.target, in_turn=True) if self._goes_by_batch(model, out) else None
        if isinstance(rows, Stream) and not len(rows):
            put(out, tally.whole(unanswered(self.verb, model, to_table(dict.fromkeys(rows.column_names, np.empty(0))))))
        elif getattr(rows, "column_names", ()):
            answers = tally.counted(BatchFunction(model, self.verb)(_batches(rows)))
            first = next(answers)
            reader = arrow("lib", "writing tables").RecordBatchReader
            put(out, reader.from_batches(first.schema, chain([first], answers)))
        else:
            put(out, tally.whole(self._whole(model, data, out)))
        return tally

    def _goes_by_batch(self, model: Any, out: Path) -> bool:
        """Whether the answer is a table whose rows need not know of each other."""
        is_alone = not self.incidents and not hasattr(model, "episode_numbers")
        told = getattr(model, "is_conditional", False)
        return self.verb in VERBS and out.suffix in TABLES and is_alone and not told

    def _whole(self, model: Any, data: Path, out: Path) -> Any:
        """The answer to all rows of a file at once."""
        if not getattr(model, "is_conditional", False):
            return self._answer(model, out, rows_of(data, self.files.target))
        if self.files.y is not None:
            return self._answer(model, out, rows_of(data, self.files.target), y=written(model, self.files.y))
        rows, y = told_rows(data, self.files.target, condition_column(model))
        return self._answer(model, out, rows, y=y)

    def _answer(self, model: Any, out: Path, rows: Any, **told: Any) -> Any:
        """What the verb says."""
        if self.verb == "score":
            return scores(model, rows, self.incidents, **told)
        if self.verb == "decode":
            return model.inverse_transform(rows, **told)
        if self.verb == "reconstruct":
            return model.reconstruct(rows, **told)
        codes = (model.tokens if self.verb == "tokens" else model.transform)(rows, **told)
        return as_columns(codes, out, "t" if self.verb == "tokens" else "z")


def _batches(rows: Any) -> Iterator[Any]:
    """The rows of an Arrow table, or of one that stays in its files, as record batches."""
    if not isinstance(rows, Stream):
        yield from rows.to_batches()
        return
    for piece in range(len(rows.pieces.sizes)):
        for chunk in rows.pieces.chunks(piece):
            yield from chunk.to_batches()
