"""`isthmus fit --trim`: rows set aside before a run, and the file in its folder that lists them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from isthmus.cli.output import Output
from isthmus.cli.run_folder import RunFolder

COLUMNS = ("row", "anomaly_score")


def without_trimmed(estimator: Any, rows: Any, share: Any, folder: RunFolder, output: Output) -> Any:
    """Rows without those that stand out, which are listed in the run's folder.

    A run that has begun to train goes on with the rows that it began with.

    Args:
        estimator: What will be fitted.
        rows: All of them.
        share: To set aside, or "auto"; None for nothing.
        folder: The run's.
        output: Where it is said.
    """
    if share is None:
        return rows
    from isthmus.tasks.anomaly.trimming import trim

    if not folder.checkpoint.is_file():
        output.say(f"looking for rows to set aside, by five fits of {type(estimator).__name__}")
        trimmed = trim(estimator, rows, share)
        write(folder.trimmed, zip(trimmed.rows.tolist(), trimmed.scores.tolist(), strict=True))
        output.say(f"{trimmed}: see {folder.trimmed}")
    return rows_left(rows, folder)


def rows_left(rows: Any, folder: RunFolder) -> Any:
    """Rows without those that the run's folder lists; all where it lists none.

    Args:
        rows: All of them.
        folder: The run's.
    """
    import numpy as np

    from isthmus.estimator.containers import opened
    from isthmus.tasks.anomaly.evidence import taken

    if not folder.trimmed.is_file():
        return rows
    opened_rows = opened(rows)
    return taken(opened_rows, ~np.isin(np.arange(opened_rows.shape[0]), read(folder.trimmed)))


def write(path: Path, listed: Any) -> None:
    """Write row and score of each row, under a name where they appear when they are whole."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS, *listed])
    part.replace(path)


def read(path: Path) -> list[int]:
    """The rows that a file lists."""
    with path.open(newline="", encoding="utf-8") as file:
        return [int(line[COLUMNS[0]]) for line in csv.DictReader(file)]
