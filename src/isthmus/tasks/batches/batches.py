"""`score_batches`: a saved model as a function of Arrow record batches, which any engine can carry to its workers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import isthmus
from isthmus.data.extras import arrow
from isthmus.data.pieces import CHUNK_CELLS
from isthmus.data.table_files import to_table, without_index
from isthmus.errors import AbilityError, UnknownNameError
from isthmus.estimator.persistence import digest
from isthmus.tasks.batches.answers import VERBS, answered, condition_column, unanswered


@dataclass(frozen=True)
class BatchFunction:
    """From record batches to record batches; what travels to a worker is the path, and the model is read there.

    Args:
        model: The path of a saved model, or a fitted one.
        verb: One of `VERBS`.
        keep: Columns that go into the answer as they came.
        y: What a conditional model is told beside every row; None takes each row's own, from the column it learnt.
        device: Where a model that is read from a path works.
    """

    model: Any
    verb: str = "score"
    keep: tuple[str, ...] = ()
    y: Any = None
    device: str = "cpu"

    def __call__(self, batches: Any) -> Any:
        """The answer to each batch in turn, in batches; a whole Arrow table is answered by a table."""
        if hasattr(batches, "to_batches"):
            answers = self._answers(batches.to_batches() or [batches])
            return arrow("lib", "answering batches").Table.from_batches(answers)
        return self._answers(batches)

    def _answers(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Every answer, a few MiB at a time; its rows are numbered from the first batch on."""
        scorer, row = self.scorer(), 0
        for batch in batches:
            for part in _parts(batch):
                answer = self._answer(scorer, part, row)
                row += part.num_rows
                yield from answer.to_batches() or _nothing(answer)

    def scorer(self) -> Any:
        """The model, which a process reads once from its path.

        Raises:
            ModelFileError: there is none, or it is damaged.
            AbilityError: it judges a row by the rows around it.
        """
        named = isinstance(self.model, str | os.PathLike)
        path = os.fspath(self.model) if named else ""
        scorer = loaded(path, digest(path), self.device) if named else self.model
        if hasattr(scorer, "episode_numbers"):
            came = f"batches for a {type(scorer).__name__}"
            allowed = "its score of a point looks at the points around it, which may lie in another batch"
            raise AbilityError(came, allowed, "score each series as a whole: isthmus score DETECTOR SERIES --out FILE")
        return scorer

    def _answer(self, scorer: Any, rows: Any, first: int) -> Any:
        """The answer to a table, (n,) each column."""
        kept = rows.select(list(_known(self.keep, rows)))
        told: dict[str, Any] = {}
        if getattr(scorer, "is_conditional", False):
            named = condition_column(scorer)
            told = {"y": rows.select(list(_known([named], rows))) if self.y is None else self.y}
            rows = rows.drop_columns([named]) if named in rows.column_names else rows
        own = set(getattr(scorer, "feature_names_in_", ()))
        rows = rows.drop_columns([name for name in self.keep if name not in own])
        found = answered(self.verb, scorer, rows, **told) if rows.num_rows else unanswered(self.verb, scorer, rows)
        answer = to_table(found)
        if "row" in answer.column_names:
            numbers = arrow("compute", "answering batches").add(answer["row"], first)
            answer = answer.set_column(0, "row", numbers)
        for name in self.keep:
            answer = answer.append_column(kept.schema.field(name), kept[name])
        return answer


def score_batches(
    model: Any, *, verb: str = "score", keep: Sequence[str] = (), y: Any = None, device: str = "cpu"
) -> BatchFunction:
    """A function from an iterator of Arrow record batches to an iterator of record batches with each row's answer.

    It is what Spark's `mapInArrow`, Ray's `map_batches(batch_format="pyarrow")` and a loop over a Parquet file ask
    for. A row has the same bits as in `anomaly_score` of the whole table, however the table was cut. No more than one
    batch is in memory, and of a long batch a few MiB at a time.

    Args:
        model: The path of a saved model or detector, which each process reads when it meets its first batch; or a
            fitted one, which travels whole.
        verb: "score" gives row, anomaly_score and of a detector p_value and is_anomaly; "encode" z0, z1, ...,
            "tokens" t0, t1, ..., "reconstruct" the columns of the data. row counts from the first batch of an
            iterator, so where an engine deals batches out to several, name a column in `keep`.
        keep: Columns of the data that go into the answer, such as a key. Those that the model did not learn from are
            not shown to it.
        y: What a conditional model is told beside every row; None takes each row's own, from the column it learnt.
        device: Where a model that is read from a path works.

    Returns:
        The function. It also takes a whole Arrow table, and then gives one.

    Raises:
        UnknownNameError: no verb of that name; and, when batches come, no column of a name in `keep`.

    Example:
        >>> import tempfile
        >>> import numpy as np, pyarrow as pa
        >>> from isthmus import Autoencoder
        >>> X = np.random.default_rng(0).normal(size=(90, 3))
        >>> table = pa.table({name: X[:, i] for i, name in enumerate("abc")})
        >>> model = Autoencoder(latent_dim=2, epochs=1, random_state=0).fit(table)
        >>> score = score_batches(model.save(tempfile.mkdtemp()))
        >>> answers = list(score(iter(table.to_batches(max_chunksize=40))))
        >>> [answer.num_rows for answer in answers], answers[1]["row"][0].as_py()
        ([40, 40, 10], 40)
        >>> bool((score(table)["anomaly_score"].to_numpy() == model.anomaly_score(table)).all())
        True
    """
    if verb not in VERBS:
        raise UnknownNameError.among("verb", verb, VERBS)
    return BatchFunction(model, verb, tuple(keep), y=y, device=device)


@lru_cache(maxsize=4)
def loaded(path: str, version: str, device: str) -> Any:
    """The model at a path; another version of it is read anew."""
    return isthmus.load(path, device)


def _parts(batch: Any) -> Iterator[Any]:
    """A batch as tables of a few MiB each, without pandas' row labels; one without rows as one table."""
    library = arrow("lib", "answering batches")
    step = max(1, CHUNK_CELLS // max(1, batch.num_columns))
    for start in range(0, max(1, batch.num_rows), step):
        part = batch.slice(start, step)
        yield without_index(part if isinstance(part, library.Table) else library.Table.from_batches([part]))


def _nothing(answer: Any) -> list[Any]:
    """The batch without rows that an empty table lacks."""
    library = arrow("lib", "answering batches")
    return [library.RecordBatch.from_pylist([], schema=answer.schema)]


def _known(names: Iterable[str], rows: Any) -> Iterator[str]:
    """These names, each of which a table must have.

    Raises:
        UnknownNameError: it lacks one.
    """
    for name in names:
        if name not in rows.column_names:
            raise UnknownNameError.among("column", name, rows.column_names)
        yield name
