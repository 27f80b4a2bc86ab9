"""`Store`: one database behind one object, whose writes are all or nothing and are tried again where that can help."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from isthmus.errors import StoreError
from isthmus.service.store.engine import FLUSHING, WRITING, connect, migrate, unusable, usual_url
from isthmus.service.store.records import Finding, Record, Verdict
from isthmus.service.store.schema import audit, drift, models, runs, thresholds
from isthmus.service.store.writing import Outcome, insert_once, write

T = TypeVar("T")
AGAIN = 10.0  # seconds in which a database that went away may come back


def now() -> datetime:
    """The wall clock, which may go backwards: nothing is ordered by it."""
    return datetime.now(UTC)


class Store:
    """What a service said, and what was said of it.

    Args:
        engine: A database of today's schema.
        clock: Says when something is written.
        patience: Seconds in which a database that went away may come back.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = Store.open(f"sqlite:///{pathlib.Path(folder) / 'scores.db'}")
        ...     number = store.register("pump", "3fa1", "AnomalyDetector", 2.5, {"alpha": 0.01}, by="me", why="first")
        ...     again = store.register("pump", "3fa1", "AnomalyDetector", 2.5, {"alpha": 0.01}, by="you", why="again")
        ...     store.close()
        >>> number == again
        True
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = now, patience: float = AGAIN) -> None:
        self.engine, self.clock, self.patience = engine, clock, patience

    @classmethod
    def open(cls, url: str | None = None, clock: Callable[[], datetime] = now, patience: float = AGAIN) -> Self:
        """The store at an address, brought to today's schema.

        Args:
            url: A SQLite file or a PostgreSQL database; None is what `ISTHMUS_DATABASE_URL` says, or `isthmus.db`.
            clock: Says when something is written.
            patience: Seconds in which a database that went away may come back.

        Raises:
            ParameterError: another kind of database.
            StoreError: it cannot be reached, or a newer isthmus has changed it.
        """
        engine = connect(url or usual_url())
        migrate(engine)
        return cls(engine, clock, patience)

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    # Transactions. ---------------------------------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write records in one transaction; where that fails for one of them the others are written all the same.

        Args:
            records: Scorings and verdicts.

        Returns:
            For each what a repeated request was told the first time, why it is refused, or None: it is written, and
            outlives this process; a verdict, which nobody can make again, a power cut as well.
        """
        options = FLUSHING if any(isinstance(record, Verdict) for record in records) else WRITING
        try:
            return self._patiently(lambda connection: write(connection, records), options)
        except StoreError as fault:
            return [fault] if len(records) == 1 else [self.write([record])[0] for record in records]

    def changed(self, work: Callable[[Connection], T]) -> T:
        """Do something in a transaction, and again from the start where the database went away meanwhile.

        Args:
            work: May be called several times; what it did before is undone, or it must see that it is done.

        Raises:
            StoreError: the database does not come back, or refuses.
        """
        return self._patiently(work, FLUSHING)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Look at the store as it is at one moment.

        Raises:
            StoreError: the database does not come back, or refuses.
        """
        return self._patiently(work, {})

    def is_there(self) -> bool:
        """Whether the database answers now."""
        with suppress(SQLAlchemyError), self.engine.connect() as connection:
            connection.execute(sa.select(1))
            return True
        return False

    def _patiently(self, work: Callable[[Connection], T], options: dict[str, Any]) -> T:
        """Once, or until it succeeds or patience ends."""
        end, pause = time.monotonic() + self.patience, 0.05
        while True:
            try:
                with self.engine.connect().execution_options(**options) as connection, connection.begin():
                    return work(connection)
            except SQLAlchemyError as fault:
                if not _passes(fault) or time.monotonic() + pause > end:
                    raise unusable(fault) from fault
                time.sleep(pause)
                pause = min(2 * pause, 1.0)

    # What is known of models, and who changed what. ------------------------------------------------------------------

    def register(
        self, name: str, version: str, kind: str, value: float, promise: Mapping[str, Any], *, by: str, why: str
    ) -> int:
        """The number of a version's threshold, under which its scores are kept; a new one leaves a line in the audit.

        Args:
            name: The model's.
            version: What tells its bytes from those of others.
            kind: Its class.
            value: The threshold.
            promise: What it rests on; it tells thresholds of one value apart.
            by: Who set it.
            why: In his words.
        """

        def work(connection: Connection) -> int:
            moment = self.clock()
            insert_once(connection, models, {"name": name, "version": version, "kind": kind, "first_seen": moment})
            model = connection.scalar(sa.select(models.c.id).where(models.c.name == name, models.c.version == version))
            own = {"model_id": model, "digest": _digest(value, promise), "value": value, "promise": dict(promise)}
            if insert_once(connection, thresholds, {**own, "set_at": moment, "set_by": by, "why": why}):
                facts = {"threshold": value, "promise": dict(promise)}
                _note(connection, moment, by, "threshold", f"{name} {version}", why, facts)
            mine = (thresholds.c.model_id == model, thresholds.c.digest == own["digest"])
            return int(connection.scalar(sa.select(thresholds.c.id).where(*mine)) or 0)

        return self.changed(work)

    def note(self, who: str, what: str, subject: str, why: str = "", **facts: Any) -> None:
        """A line of the audit trail.

        Args:
            who: The person or the command.
            what: What was done, in a word: "promote", "rollback", "forget".
            subject: To what.
            why: In his words.
            facts: JSON values beside it.
        """
        self.changed(lambda connection: _note(connection, self.clock(), who, what, subject, why, facts))

    def note_drift(self, model: str, findings: Sequence[Finding]) -> None:
        """What one look of a watch found, all of it at one moment.

        Args:
            model: The model's name.
            findings: One for each stream.
        """
        moment = self.clock()
        rows = [{"at": moment, "model": model, **vars(one)} for one in findings]
        if rows:
            self.changed(lambda connection: connection.execute(sa.insert(drift), rows))

    def begin_run(self, kind: str, model: str, **facts: Any) -> int:
        """The number of a run that begins: "serve", "watch", "retrain", "backtest"."""
        row = {"kind": kind, "model": model, "begun_at": self.clock(), "facts": facts}
        return self.changed(lambda connection: int(connection.execute(sa.insert(runs), row).inserted_primary_key[0]))  # type: ignore[index]

    def end_run(self, number: int, outcome: str) -> None:
        """How it ended."""
        end = sa.update(runs).where(runs.c.id == number)
        self.changed(lambda connection: connection.execute(end, {"ended_at": self.clock(), "outcome": outcome}))


def _note(connection: Connection, at: datetime, who: str, what: str, subject: str, why: str, facts: Any) -> None:
    row = {"at": at, "who": who, "what": what, "subject": subject, "why": why, "facts": facts}
    connection.execute(sa.insert(audit), row)


def _digest(value: float, promise: Mapping[str, Any]) -> str:
    """What tells a threshold from others of its model."""
    import hashlib
    import json

    text = json.dumps([float(value).hex(), dict(promise)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _passes(fault: SQLAlchemyError) -> bool:
    """Whether the same may succeed later: a lost connection, a server that starts, a lock; not a full disk."""
    if not isinstance(fault, DBAPIError):
        return False
    text = str(fault.orig).lower()
    return fault.connection_invalidated or "locked" in text or "busy" in text or _is_away(fault, text)


def _is_away(fault: DBAPIError, text: str) -> bool:
    """Whether a PostgreSQL server could not be reached at all, or ended our session."""
    code = str(getattr(fault.orig, "sqlstate", None) or "")
    words = ("connection", "starting up", "shutting down", "server closed", "terminat")
    is_server = type(fault.orig).__module__.startswith("psycopg")
    return is_server and (code.startswith(("57P", "08")) or (not code and any(word in text for word in words)))
