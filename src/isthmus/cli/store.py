"""`isthmus store`: what a service kept, taken out or forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.cli.groups import Group
from isthmus.cli.output import PLAIN, Output
from isthmus.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from isthmus.service.store.store import Store


def export(out: Path, /, *, database: str | None = None, output: Output = PLAIN) -> None:
    """Write everything that the store holds as Parquet files: scores in numbered ones, a file for each other table.

    Args:
        out: A folder, made where it is missing.
        database: The store's URL; without it ISTHMUS_DATABASE_URL, or isthmus.db here.
        output: How to answer.
    """
    with opened(database) as store:
        from isthmus.service.store import retention

        paths = [str(path) for path in retention.export(store, out)]
    output.answer("\n".join(paths), {"outputs": paths})


def forget(*, days: float, by: str, why: str = "", database: str | None = None, output: Output = PLAIN) -> None:
    """Delete scores and alarms that are older; verdicts, thresholds and the audit trail stay.

    Args:
        days: What is older goes.
        by: Who wants it, for the audit trail.
        why: In his words.
        database: The store's URL; without it ISTHMUS_DATABASE_URL, or isthmus.db here.
        output: How to answer.
    """
    from datetime import timedelta

    if not 0 < days < 36_500:
        raise ParameterError(f"days={days:g}", "it counts days, up to a hundred years of them", "use --days 90")
    with opened(database) as store:
        from isthmus.service.store import retention

        gone = retention.forget(store, store.clock() - timedelta(days=days), by=by, why=why)
    output.answer("\n".join(f"{name}: {count} deleted" for name, count in gone.items()), gone)


@contextmanager
def opened(database: str | None) -> Iterator[Store]:
    """The store at an address, let go at the end."""
    try:
        from isthmus.service.store.store import Store
    except ImportError as missing:
        raise MissingExtraError.of("the store of a service", str(missing.name), "serve") from missing
    store = Store.open(database)
    try:
        yield store
    finally:
        store.close()


store = Group("store", "Take out or forget what a service kept.", {"export": export, "forget": forget})
