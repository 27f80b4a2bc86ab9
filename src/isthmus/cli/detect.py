"""`isthmus detect`: a detector from normal rows, and what it reaches on labelled ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from isthmus.cli.detectors import ALL_ROWS, NO_LABELS, Labels, Settings, Watch, check_options, fitted, unfitted
from isthmus.cli.groups import Group
from isthmus.cli.judging import Labelled, answer, diagnosis_of, evaluation_of
from isthmus.cli.members import AUTO, member
from isthmus.cli.output import PLAIN, Output
from isthmus.cli.run_folder import RunFolder
from isthmus.errors import UsageError
from isthmus.tasks.anomaly.evaluation.operation import Operation

Score = Literal[
    "fusion", "mahalanobis", "distortion", "latent", "density", "disagreement", "reconstruction-probability"
]
USUAL = Operation()
Work = Annotated[Operation, Parameter(name="*")]


def fit(
    normal: Path,
    *,
    out: Path,
    alpha: float = 0.01,
    model: str = AUTO,
    score: Score = "fusion",
    members: int = 2,
    critic: bool = False,
    calibration: float = 0.2,
    calibration_rows: Path | None = None,
    trim: float | Literal["auto"] | None = None,
    target: str | None = None,
    random_state: int = 0,
    labels: Labels = NO_LABELS,
    watch: Watch = ALL_ROWS,
    report: Path | None = None,
    output: Output = PLAIN,
    **fields: Any,
) -> None:
    """Fit a detector to normal rows, set its threshold on rows that training never saw, and save it in a folder.

    With --window the rows are a series; with --labelled a classifier learns beside the score.

    Args:
        normal: A file, a folder of files, or the name of a data set at hand, as `isthmus fit` takes it.
        out: The folder, a new or empty one.
        alpha: The budget of false alarms: the share of normal rows that may raise one.
        model: Its name, as `isthmus models` has it; "auto" is an autoencoder, of a series a linear one.
        score: What is scored: what is lost and what crosses ("fusion"), the first of the two, the model's own cost, how
            far the code lies from others or how dense normal codes are there, how differently two models rebuild the
            row, or of a model with a posterior how unlikely it finds the row.
        members: Models with other seeds whose scores are averaged.
        critic: Whether a second network learns beside each model to tell the rows from disturbed ones.
        calibration: Share of the rows that is held out to set the threshold; of a series the last ones.
        calibration_rows: Other normal rows that set it, in place of that share.
        trim: For rows with a few anomalies among them: the share to set aside before anything is learnt, or "auto".
        target: A column of the table to leave out, such as labels; of the labelled rows the one that tells.
        random_state: Seed of everything random.
        labels: Of a few rows.
        watch: Of a series.
        report: A page to write as well, one HTML file that needs nothing beside it.
        output: How to answer.
        **fields: Those of the model.
    """
    settings = Settings(alpha, calibration, random_state, score, members, critic, trim)
    check_options(watch, labels, settings)
    RunFolder(out).has_work({}, False)
    from isthmus.cli.progress import Progress
    from isthmus.cli.report import page_of
    from isthmus.cli.rows import rows_in_memory, rows_of

    rows = (rows_in_memory if watch.window or labels.labelled else rows_of)(normal, target)
    held = None if calibration_rows is None else rows_of(calibration_rows, target)
    check_streams(rows, normal, score, held)
    blank = unfitted(model, fields, rows, watch, settings)
    blank.model.set_callbacks(Progress(output))
    output.say(f"fitting a detector around {member(model).name} to {rows.shape[0]} rows")
    detector = fitted(blank, rows, held, labels, target, settings)
    detector.save(out)
    output.say(f"promised: {detector.promise_}")
    facts = {"detector": str(out), "threshold": detector.threshold_, "promise": detector.promise_.to_json()}
    if report is not None:
        facts["report"] = str(page_of(detector, out.name).write(report))
    output.answer(str(out), facts)


def evaluate(
    detector: Path,
    labelled: Path,
    /,
    *,
    target: str | None = None,
    anomaly: str | None = None,
    train: Path | None = None,
    work: Work = USUAL,
    report: Path | None = None,
    device: str = "cpu",
    output: Output = PLAIN,
) -> None:
    """Judge a saved detector on labelled rows, at the threshold that it was given before it saw them.

    Args:
        detector: Its folder.
        labelled: Rows that it was not fitted on, with what is known of each.
        target: The column that tells; an .npz file has it as y, a folder of images by its subfolders.
        anomaly: Which of the column's values is an anomaly; all others are normal. Unless told otherwise 1 is, beside
            0, or -1 beside 1, or true.
        train: The rows that it was fitted on. Trivial controls then learn from them, and the answer says whether one
            of those would do. The controls of a series need none.
        work: What the detector is meant for.
        report: A page to write as well, one HTML file that needs nothing beside it.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    labels = Labelled(labelled, target, anomaly, train)
    answer(evaluation_of(detector_in(detector, device), detector.name, labels, work, output), report, output)


def diagnose(
    detector: Path,
    labelled: Path | None = None,
    /,
    *,
    target: str | None = None,
    anomaly: str | None = None,
    train: Path | None = None,
    report: Path | None = None,
    device: str = "cpu",
    output: Output = PLAIN,
) -> None:
    """Say whether a saved detector is any good, beside controls on the same rows, and what to change if it is not.

    Args:
        detector: Its folder.
        labelled: Rows that it was not fitted on, with what is known of each; without them normal rows are broken up,
            and the pieces stand in for anomalies. A detector of a series, or one with labels, needs them.
        target: As for `isthmus detect evaluate`.
        anomaly: As for `isthmus detect evaluate`.
        train: The rows that it was fitted on.
        report: A page to write as well, one HTML file that needs nothing beside it.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    judged, labels = detector_in(detector, device), Labelled(labelled, target, anomaly, train)
    answer(diagnosis_of(judged, detector.name, labels, output), report, output)


def detector_in(folder: Path, device: str) -> Any:
    """The detector of a folder.

    Raises:
        UsageError: it holds a model without a threshold.
    """
    import isthmus

    loaded = isthmus.load(folder, device)
    if not hasattr(loaded, "threshold_"):
        came = f"{folder}, which holds a {type(loaded).__name__}"
        raise UsageError(came, "only a detector has a threshold to be judged", "make one: isthmus detect fit")
    return loaded


def check_streams(rows: Any, path: Path, score: str, calibration: Any) -> None:
    """Refuse rows larger than memory where a detector would have to hold them.

    Raises:
        UsageError: they would have to be shared out, or their covariance learnt.
    """
    from isthmus.data.streams import Stream

    if isinstance(rows, Stream) and (score != "distortion" or calibration is None):
        came = f"{path}, whose rows would not fit in memory"
        allowed = "in a stream a detector is fitted by the model's own cost, and other rows set its threshold"
        raise UsageError(came, allowed, "add --score distortion --calibration-rows FILE, or fit to a sample")


detect = Group(
    "detect",
    "Make a detector of anomalies from normal rows, judge it on labelled rows, or ask what it lacks.",
    {"fit": fit, "evaluate": evaluate, "diagnose": diagnose},
)
