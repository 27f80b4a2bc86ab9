"""`isthmus score`: how anomalous each row is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from isthmus.cli.batch import TABLES, USUAL, Files, Job, Source, carry_out, ending_like, jobs
from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.errors import UsageError

FOUND = 3
KEPT = (*TABLES, ".npz")


def score(
    model: Path,
    /,
    *data: Source,
    out: str,
    incidents: Annotated[bool, FLAG] = False,
    fail_on_anomaly: Annotated[bool, FLAG] = False,
    files: Files = USUAL,
    output: Output = PLAIN,
) -> int:
    """Write how anomalous each row is: higher is more anomalous.

    A model's scores are in nats, a detector's in standard deviations from what is usual, unless it was made with
    another score. The columns are row and anomaly_score; where the folder holds a detector also p_value, the chance
    that a normal row scores as high, and is_anomaly, whether the row is beyond the detector's threshold. With
    --incidents there is incident as well: alarms that the same columns raised share a number, which is 1 for the
    largest incident of the file, and 0 where there is no alarm. Of a series there is episode, the number of the
    episode that a point is in, counted from 1, and 0 where it is in none.

    Args:
        model: The folder of a saved model or detector.
        data: Files of rows like those that it was fitted on, at paths or URLs; or patterns of them, such as
            's3://bucket/day=*/*.parquet'.
        out: A file, whose ending is its format; or a folder, which gets a file for each of the data and a manifest.
        incidents: Say as well which alarms are alike; of a detector of a table.
        fail_on_anomaly: Exit with 3 where a row is an anomaly.
        files: Which answers to give, and where to work.
        output: How to answer.
    """
    ending = Path(out).suffix
    if ending and ending not in KEPT:
        raise UsageError(f"--out {out}", f"scores have several columns, which {', '.join(KEPT)} hold", "use .parquet")
    wanted = jobs(data, out, ending_like(KEPT, ".parquet", ".parquet"))
    from isthmus.cli.work import Work

    work = Work(model, "score", files, incidents)
    scorer = work.loaded
    if fail_on_anomaly and not hasattr(scorer, "threshold_"):
        came = f"--fail-on-anomaly with {model}, which holds a {type(scorer).__name__}"
        raise UsageError(came, "only a detector has a threshold", "score with a detector, or leave it out")
    if incidents and not hasattr(scorer, "incidents"):
        came = f"--incidents with {model}, which holds a {type(scorer).__name__}"
        raise UsageError(came, "a detector of a table puts alarms together", "score with one, or leave it out")
    records = carry_out(wanted, work, output, files)
    if not fail_on_anomaly:
        return 0
    return FOUND if any(one.anomalies for one in records) or (not records and _has_anomaly(wanted[0])) else 0


def _has_anomaly(job: Job) -> bool:
    """Whether an answer from before, which no manifest counts, tells of an anomaly."""
    import numpy as np

    from isthmus.data import files
    from isthmus.tasks.batches.places import at_hand

    name = "is_anomaly"
    with at_hand(job.out) as out:
        found = files.read(out)[name] if out.suffix in TABLES else files.read(out, key=name)
    return bool(np.asarray(found).any())
