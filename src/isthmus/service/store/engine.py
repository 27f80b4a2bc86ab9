"""The connection to a database: what SQLite and PostgreSQL are each told, and the way to today's schema."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from isthmus.errors import MissingExtraError, ParameterError, StoreError

USUAL = "sqlite:///isthmus.db"  # in the folder that the service was started in
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
PATIENCE = 30.0  # seconds that a writer waits for another one
MIGRATING = 0x697374686D7573  # PostgreSQL's lock of those who migrate
PAGES = 8000  # of the log, 32 MiB, after which SQLite copies them into the file, and everybody waits for the disk
WRITING: dict[str, Any] = {"isthmus_begin": ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE")}
"""Options of a connection that writes: SQLite takes its only lock at once, where waiting for it is allowed.

What is committed so survives the end of the process, however it ends; PostgreSQL flushes every commit anyway.
"""
FLUSHING: dict[str, Any] = {"isthmus_begin": ("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE")}
"""The same where a commit waits for the disk as well, and so outlives a power cut, with all commits before it."""


def usual_url() -> str:
    """What `ISTHMUS_DATABASE_URL` says, or a SQLite file in the working folder."""
    return os.environ.get("ISTHMUS_DATABASE_URL") or USUAL


def address(url: str) -> URL:
    """A database's address with the driver that we speak to it by.

    Raises:
        ParameterError: neither SQLite in a file nor PostgreSQL.

    Example:
        >>> address("postgres://me@db/scores").drivername
        'postgresql+psycopg'
    """
    allowed = "the store is a SQLite file or a PostgreSQL database"
    fix = "use sqlite:///scores.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
    except ArgumentError as unread:
        raise ParameterError("a database URL that cannot be read", allowed, fix) from unread
    kind = parsed.drivername.partition("+")[0]
    if kind not in DRIVERS or (kind == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise ParameterError(f"a database URL of {parsed.drivername!r}", allowed, fix)
    return parsed.set(drivername=DRIVERS[kind])


def connect(url: str) -> Engine:
    """An engine for the database, whose file is made where it is missing; nothing is read yet.

    Raises:
        ParameterError: neither SQLite in a file nor PostgreSQL.
        MissingExtraError: the driver is not installed.
    """
    where = address(url)
    if where.drivername == "sqlite":
        engine = sa.create_engine(where, connect_args={"timeout": PATIENCE, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return sa.create_engine(where, pool_pre_ping=True, pool_recycle=600)
    except ImportError as missing:
        raise MissingExtraError.of("a store in PostgreSQL", "psycopg", "postgres") from missing


def migrate(engine: Engine) -> None:
    """Bring the database to today's schema; of several that begin at once one does it, and the others wait.

    Raises:
        StoreError: it cannot be reached, or a newer isthmus has changed it.
    """
    try:
        if engine.dialect.name == "sqlite":
            _use_log(engine)
        with engine.connect().execution_options(**FLUSHING) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATING)))
            _climb(connection)
    except SQLAlchemyError as fault:
        raise unusable(fault) from fault


def unusable(fault: Exception) -> StoreError:
    """The store's error for the database's own, whose text may hold paths and passwords and is not repeated."""
    reason = str(getattr(fault, "orig", None) or "").splitlines()[:1]
    full = any("full" in line or "No space" in line for line in reason)
    came = "the store, which is full" if full else f"the store, which answered with {type(fault).__name__}"
    fix = "make room, then try again" if full else "see that the database runs, then try again"
    return StoreError(came, "nothing is answered before it is written", fix)


def _climb(connection: Connection) -> None:
    """Carry out the steps that the database lacks, inside the transaction that has begun."""
    script = ScriptDirectory(str(Path(__file__).parent), version_locations=[str(Path(__file__).parent / "versions")])
    known = {step.revision for step in script.walk_revisions()}

    def steps(revision: Any, context: Any) -> Any:
        """From where it is to the newest."""
        if set(revision) - known:
            came = f"a database of revision {', '.join(revision)}"
            raise StoreError(came, f"this isthmus knows {', '.join(sorted(known))}", "upgrade isthmus")
        return script._upgrade_revs("heads", revision)

    context = MigrationContext.configure(connection, opts={"fn": steps})
    with Operations.context(context):
        context.run_migrations()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Let us begin transactions ourselves, and check references."""
    connection.isolation_level = None
    for pragma in ("foreign_keys=ON", f"wal_autocheckpoint={PAGES}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Begin as the connection's options say."""
    for command in connection.get_execution_options().get("isthmus_begin", ("BEGIN",)):
        connection.exec_driver_sql(command)


def _use_log(engine: Engine) -> None:
    """Write ahead in a log, so that readers and the writer don't wait for each other.

    The change itself waits for nobody, whatever the time-out, so it is tried again.
    """
    end = time.monotonic() + PATIENCE
    while True:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
            return
        except Exception as busy:
            if "locked" not in str(busy) or time.monotonic() > end:
                raise OperationalError("PRAGMA journal_mode=WAL", {}, busy) from busy
            time.sleep(0.05)
        finally:
            raw.close()
