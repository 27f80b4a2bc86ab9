"""`isthmus watch`: what became of a detector since its quiet time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.cli.store import opened
from isthmus.errors import UsageError

if TYPE_CHECKING:
    from isthmus.tasks.drift.alerts import Cause
    from isthmus.tasks.drift.history import History
    from isthmus.tasks.drift.watched import Watched

FOUND = 3
SCORE, VERDICT = "anomaly_score", "verdict"


@Parameter(name="*")
@dataclass(frozen=True)
class Kept:
    """What a service keeps.

    Args:
        database: The URL of its store. Without files the scores and verdicts in there are watched; what is found is
            written down there, and told at /metrics. Without it ISTHMUS_DATABASE_URL, if there are no files.
        name: What the service calls the detector; without it the folder's name.
    """

    database: str | None = None
    name: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class Telling:
    """Who is told what was found.

    Args:
        alerts: A file of JSON lines that alerts are added to; an alert that it holds is not sent again.
        webhook: An address that new alerts are posted to, as JSON.
        report: A page to write as well.
    """

    alerts: Path | None = None
    webhook: str | None = None
    report: Path | None = None

    def check(self) -> None:
        """Refuse an address alone.

        Raises:
            UsageError: nothing would say which alerts were sent before.
        """
        if self.webhook is not None and self.alerts is None:
            came, allowed = f"--webhook {self.webhook} without --alerts", "the file says which alerts were sent before"
            raise UsageError(came, allowed, "add --alerts alerts.jsonl")

    def tell(self, found: Watched, name: str, output: Output) -> dict[str, Any]:
        """Write the page and send the alerts; the facts of all of it."""
        facts = found.to_json()
        if self.report is not None:
            from isthmus.tasks.drift.page import page

            facts["report"] = str(page(found, name).write(self.report))
        if self.alerts is not None:
            _send(found, self.alerts, self.webhook, output)
        return facts


FILES, NOBODY = Kept(), Telling()


def watch(
    detector: Path,
    /,
    *data: Annotated[Path, Parameter(required=False)],
    kept: Kept = FILES,
    time: str | None = None,
    window: str = "week",
    quiet: str | None = None,
    run_length: float = 52.0,
    floor: float = 0.1,
    target: Annotated[list[str], Parameter(negative=())] = [],  # noqa: B006 - read only
    causes: Path | None = None,
    telling: Telling = NOBODY,
    fail_on_drift: Annotated[bool, FLAG] = False,
    device: str = "cpu",
    output: Output = PLAIN,
) -> int:
    """Compare each window of a history with its quiet time, and call somebody where more than chance has changed.

    What comes in, the scores, the share of alarms and the threshold are watched, all together under one promise: one
    false alarm in so many windows, as quiet time itself has it. Rows that have a column anomaly_score are taken as they
    were scored, others are scored now; a column verdict may say "confirmed" or "false_alarm" of a row.

    Args:
        detector: Its folder, or one of versions.
        data: The rows of the history, in files; without any what a service kept.
        kept: What a service keeps.
        time: The column that says when a row was taken.
        window: "hour", "day", "week", "month" (30 days), or a number of rows.
        quiet: How many windows from the first on are quiet time, or when it ended; else the first half is.
        run_length: Windows in which chance may raise one alarm.
        floor: Distances below this, of at most 1, are of no interest.
        target: Columns to leave out.
        causes: A table with the columns first, last and cause: what people know of stretches of time. Alerts there are
            noted and call nobody.
        telling: Who is told what was found.
        fail_on_drift: Exit with 3 where somebody is called.
        device: Where the model works.
        output: How to answer.
    """
    telling.check()
    from isthmus.cli.versions import detector_in
    from isthmus.tasks.drift.watch import watch as watched

    url = kept.database or (None if data else usual_database(detector))
    if data:
        judge = detector_in(detector, device)
        history = history_of(judge, list(data), time, target)
    else:
        judge, history = _kept_by(str(url), detector, kept.name, device)
    output.say(f"watching {len(history.scores)} rows by {detector.name}")
    known = _causes(causes, history.time is not None)
    options: dict[str, Any] = {"run_length": run_length, "floor": floor, "causes": known}
    span: Any = int(window) if window.isdigit() else window
    past: Any = int(quiet) if quiet is not None and quiet.isdigit() else quiet
    found = watched(history, judge.threshold_, judge.promise_.alpha, window=span, quiet=past, **options)
    if url is not None:
        _write_down(found, url, kept.name or detector.resolve().name)
    facts = telling.tell(found, detector.name, output)
    output.answer("\n".join(found.sentences()), facts)
    return FOUND if fail_on_drift and found.raised else 0


def usual_database(detector: Path) -> str:
    """The store that is meant where neither files nor a store are named.

    Raises:
        UsageError: none is.
    """
    url = os.environ.get("ISTHMUS_DATABASE_URL")
    if not url:
        allowed = "watched are rows in files, or what a service kept"
        raise UsageError(f"watch {detector} without either", allowed, "add files, or --database sqlite:///isthmus.db")
    return url


def _kept_by(url: str, detector: Path, name: str | None, device: str) -> tuple[Any, History]:
    """The detector that a service has, and the history that its store tells."""
    with opened(url) as store:
        from isthmus.service.served import Served
        from isthmus.service.watching import history_kept

        served = Served.open(str(detector), name or "", device)
        return served.detector, history_kept(store, served)


def _write_down(found: Watched, url: str, name: str) -> None:
    """Keep what was found, and that somebody looked."""
    with opened(url) as store:
        from isthmus.service.watching import findings

        told = findings(found)
        run = store.begin_run("watch", name, windows=len(found.windows), alerts=len(found.raised))
        store.note_drift(name, told)
        store.end_run(run, "drift" if any(one.is_drift for one in told) else "quiet")


def history_of(judge: Any, data: list[Path], time: str | None, target: list[str]) -> History:
    """The rows of files with their scores, those of each member where several learnt, and what people said."""
    import pyarrow as pa

    from isthmus.cli.rows import rows_in_memory
    from isthmus.tasks.drift.history import History

    tables = [rows_in_memory(path) for path in data]
    for path, table in zip(data, tables, strict=True):
        if not hasattr(table, "column_names"):
            raise UsageError(f"{path}", "a history is a table, whose columns have names", "give Parquet or CSV files")
    rows = pa.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0]
    verdicts = rows[VERDICT] if VERDICT in rows.column_names else None
    kept = rows.drop_columns([name for name in (*target, VERDICT) if name in rows.column_names])
    if SCORE in rows.column_names:
        own = [name for name in ("row", "p_value", "is_anomaly", "incident", "episode") if name in kept.column_names]
        return History.of(kept.drop_columns(own), scores=SCORE, time=time, verdicts=verdicts)
    seen = kept.drop_columns([time]) if time in kept.column_names else kept
    when = None if time is None else kept[time].to_numpy()
    return History.of(seen, scores=judge.anomaly_score(seen), time=when, verdicts=verdicts, **_inside(judge, seen))


def _inside(judge: Any, rows: Any) -> dict[str, Any]:
    """What the model lost of each row, the score of each member that learnt from another span, and what was learnt."""
    from isthmus.tasks.drift.inside import learnt, lost, scores_of_members

    return {"lost": lost(judge, rows), "members": scores_of_members(judge, rows), "learnt": learnt(judge, rows)}


def _causes(path: Path | None, timed: bool) -> list[Cause]:
    """What people know of stretches of time."""
    if path is None:
        return []
    from isthmus.cli.rows import rows_in_memory
    from isthmus.tasks.drift.alerts import causes_in

    return causes_in(rows_in_memory(path).to_pydict(), timed)


def _send(found: Watched, file: Path, webhook: str | None, output: Output) -> None:
    """Post what is new, then write it down."""
    from isthmus.tasks.drift.sending import append, post, unsent

    new = unsent(found.alerts, file)
    if new and webhook is not None:
        post(new, webhook)
    append(new, file)
    output.say(f"{len(new)} new alerts in {file}")
