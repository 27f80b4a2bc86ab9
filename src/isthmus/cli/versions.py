"""`isthmus retrain`, `promote` and `rollback`: the next detector, and which one serves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from isthmus.cli.batch import Data
from isthmus.cli.output import PLAIN, Output
from isthmus.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from isthmus.tasks.learning.versions import Versions


@Parameter(name="*")
@dataclass(frozen=True)
class Stretch:
    """Which rows of files are learnt from.

    Args:
        time: The column that says when a row was taken; rows stand in their order unless told.
        days: How many of the last days to learn from; all rows unless told otherwise.
        target: Columns to leave out.
    """

    time: str | None = None
    days: float | None = None
    target: Annotated[tuple[str, ...], Parameter(negative=())] = ()

    def read(self, data: list[Path]) -> tuple[Any, Any]:
        """Rows in the order of time, and when each was taken.

        Raises:
            UsageError: days without a time.
        """
        import numpy as np
        import pyarrow as pa

        from isthmus.cli.rows import rows_in_memory

        if self.days is not None and self.time is None:
            raise UsageError(
                f"--days {self.days:g} without --time", "days are counted by a column", "add --time COLUMN"
            )
        tables = [rows_in_memory(path) for path in data]
        rows = pa.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0]
        if self.time is None:
            return self.seen(rows), None
        if self.time not in rows.column_names:
            raise UnknownNameError.among("--time", self.time, rows.column_names)
        when = np.asarray(rows[self.time].to_numpy()).astype("datetime64[us]")
        order = np.argsort(when, kind="stable")
        if self.days is not None:
            order = order[when[order] > when.max() - np.timedelta64(round(86_400e6 * self.days), "us")]
        return self.seen(rows.take(order)), when[order]

    def seen(self, rows: Any) -> Any:
        """A table without the columns that tell no row, if it has them."""
        return rows.drop_columns([name for name in (*self.target, self.time) if name in rows.column_names])


ALL = Stretch()


def retrain(
    live: Path,
    /,
    *data: Data,
    by: str,
    fresh: Path,
    stretch: Stretch = ALL,
    verdicts: Path | None = None,
    way: Literal["refit", "update"] = "refit",
    policy: Literal["person", "gate"] = "person",
    random_state: int = 0,
    output: Output = PLAIN,
) -> None:
    """Learn the next version from recent rows, and say whether it could take the place of the one that serves.

    Rows that raise an alarm do not teach, nor do confirmed anomalies; false alarms do once people have confirmed them.
    The new version serves after `isthmus promote`, or by itself with --policy gate: where it finds every pinned anomaly
    that is found now, keeps its promise on fresh rows, and does not pass over what the first version would have called.

    Args:
        live: The folder of versions.
        data: Rows of the last days, in files.
        by: Who retrains.
        fresh: Rows later than those, by which both are compared.
        stretch: Which rows.
        verdicts: A table of rows as they were scored, with the columns verdict ("confirmed" or "false_alarm"), by (who
            said so) and, if you like, entity. They are written into feedback.jsonl once.
        way: "refit" learns anew, "update" leads the serving models on at a low rate.
        policy: Who promotes: a "person", or the "gate" itself.
        random_state: Seed of a refit.
        output: How to answer.
    """
    from isthmus.cli.rows import rows_in_memory
    from isthmus.tasks.learning.feedback import Feedback
    from isthmus.tasks.learning.succession import succeed

    versions = opened(live)
    rows, when = stretch.read(list(data))
    feedback = Feedback(versions.feedback_path)
    if verdicts is not None:
        output.say(f"{feedback.take(rows_in_memory(verdicts))} new verdicts")
    output.say(f"learning from {rows.num_rows} rows; {feedback.standing(rows.num_rows)}")
    others = stretch.seen(rows_in_memory(fresh))
    made = succeed(versions, rows, others, by=by, way=way, policy=policy, time=when, random_state=random_state)
    said = made.sentences()
    if made.serves != made.version:
        said.append(f"to let {made.version} serve: isthmus promote {live} {made.version} --by NAME")
    output.answer("\n".join(said), made.to_json())


def promote(live: Path, version: str, /, *, by: str, why: str = "", output: Output = PLAIN) -> None:
    """Let a version serve; a saved detector becomes a version first.

    Args:
        live: The folder of versions; a new one where there is none.
        version: Its name, or the folder of a detector.
        by: Who says so.
        why: For the audit.
        output: How to answer.
    """
    from isthmus.tasks.learning.versions import Versions

    versions = Versions(live)
    name = version
    if version not in versions.names() and Path(version).is_dir():
        name = versions.add(detector_in(Path(version), "cpu"), by=by, why=f"from {Path(version).name}")
    versions.promote(name, by=by, why=why)
    output.answer(f"{name} serves", {"version": name, "serves": name, "folder": str(versions.folder(name))})


def rollback(live: Path, /, *, by: str, to: str | None = None, why: str = "", output: Output = PLAIN) -> None:
    """Let the version that served before serve again.

    Args:
        live: The folder of versions.
        by: Who says so.
        to: Another version.
        why: For the audit.
        output: How to answer.
    """
    versions = opened(live)
    name = versions.rollback(by=by, why=why, to=to)
    output.answer(f"{name} serves", {"version": name, "serves": name, "folder": str(versions.folder(name))})


def opened(live: Path) -> Versions:
    """A folder of versions, one of which serves.

    Raises:
        UsageError: it is none.
    """
    from isthmus.tasks.learning.versions import Versions

    versions = Versions(live)
    if versions.current is None:
        fix = f"make it one: isthmus promote {live} DETECTOR --by NAME"
        raise UsageError(f"{live}", "a folder of versions says in the file `current` which one serves", fix)
    return versions


def detector_in(folder: Path, device: str) -> Any:
    """The detector of a folder, or the one that serves of a folder of versions."""
    from isthmus.cli.detect import detector_in as saved
    from isthmus.tasks.learning.versions import Versions

    versions = Versions(folder)
    return saved(folder if versions.current is None else versions.folder(versions.current), device)
