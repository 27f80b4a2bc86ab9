"""`isthmus score`: how anomalous each row is."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from isthmus.cli.batch import TABLES, USUAL, Data, Files, Job, carry_out, ending_like, jobs
from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.errors import UsageError

FOUND = 3
KEPT = (*TABLES, ".npz")


def score(
    model: Path,
    /,
    *data: Data,
    out: Path,
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
        data: Files of rows like those that it was fitted on.
        out: A file, whose ending is its format; or a folder, which gets a file for each of the data.
        incidents: Say as well which alarms are alike; of a detector of a table.
        fail_on_anomaly: Exit with 3 where a row is an anomaly.
        files: Which answers to give, and where to work.
        output: How to answer.
    """
    if out.suffix and out.suffix not in KEPT:
        raise UsageError(f"--out {out}", f"scores have several columns, which {', '.join(KEPT)} hold", "use .parquet")
    wanted = jobs(data, out, ending_like(KEPT, ".parquet", ".parquet"))
    import isthmus
    from isthmus.cli.rows import answering

    scorer = isthmus.load(model, files.device)
    if fail_on_anomaly and not hasattr(scorer, "threshold_"):
        came = f"--fail-on-anomaly with {model}, which holds a {type(scorer).__name__}"
        raise UsageError(came, "only a detector has a threshold", "score with a detector, or leave it out")
    if incidents and not hasattr(scorer, "incidents"):
        came = f"--incidents with {model}, which holds a {type(scorer).__name__}"
        raise UsageError(came, "a detector of a table puts alarms together", "score with one, or leave it out")
    carry_out(wanted, answering(scorer, partial(scores, scorer, incidents=incidents), files), output, files.resume)
    return FOUND if fail_on_anomaly and any(map(_has_anomaly, wanted)) else 0


def scores(scorer: Any, rows: Any, incidents: bool = False, **told: Any) -> dict[str, Any]:
    """The columns of the answer, (n,) each.

    Args:
        scorer: A model or a detector.
        rows: What it reads.
        incidents: Whether alarms that are alike share a number.
        told: y, where the model is conditional.
    """
    import numpy as np

    anomaly_score = scorer.anomaly_score(rows, **told)
    columns = {"row": np.arange(len(anomaly_score)), "anomaly_score": anomaly_score}
    if not hasattr(scorer, "threshold_"):
        return columns
    columns |= {"p_value": scorer.p_value(rows), "is_anomaly": anomaly_score > scorer.threshold_}
    if hasattr(scorer, "episode_numbers"):
        columns["episode"] = scorer.episode_numbers(rows)
    if incidents:
        from isthmus.tasks.anomaly.explanation.incidents import numbered

        columns["incident"] = numbered(scorer.incidents(rows), len(anomaly_score))
    return columns


def _has_anomaly(job: Job) -> bool:
    """Whether an answer, new or from before, tells of an anomaly."""
    import numpy as np

    from isthmus.data import files

    name = "is_anomaly"
    found = files.read(job.out)[name] if job.out.suffix in TABLES else files.read(job.out, key=name)
    return bool(np.asarray(found).any())
