"""`isthmus fit`: a model from a file of data, in a folder that `isthmus.load` reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.cli.requirements import Requirement, check_all
from isthmus.cli.run_folder import RunFolder

if TYPE_CHECKING:
    from isthmus.training.callbacks import Callback


@Parameter(name="*")
@dataclass(frozen=True)
class Steering:
    """What steers a run.

    Args:
        schedule: How the step size runs.
        early_stopping: Stop after so many epochs without improvement, and go back to the best weights.
        clip: Largest norm of a gradient; a longer one is scaled down to it.
    """

    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    early_stopping: int | None = None
    clip: float | None = None


STEADY = Steering()


def fit(
    data: Path,
    *,
    model: str,
    out: Path,
    resume: Annotated[bool, FLAG] = False,
    target: str | None = None,
    condition: str | None = None,
    validation: float | None = None,
    trim: float | Literal["auto"] | None = None,
    require: list[str] | None = None,
    random_state: int = 0,
    steering: Steering = STEADY,
    output: Output = PLAIN,
    **fields: Any,
) -> None:
    """Fit a model to data, and save it in a folder.

    The same command gives the same model, bit for bit, also when it is interrupted or killed on the way and resumed:
    `isthmus fit --out DIR --resume` needs no more than that. `isthmus fit --model NAME --help` adds the fields of
    that model.

    Args:
        data: A file (.csv, .parquet, .arrow, .jsonl, .npy, .npz, .idx, .wav, .png), a folder of such files, or the
            name of a data set at hand, as `isthmus data list` has them.
        model: Its name; `isthmus models` lists them.
        out: The folder: a new or empty one, unless --resume.
        resume: Go on with the run in --out where there is one.
        target: A column of the table to leave out, such as labels.
        condition: For a conditional model: the column of the table that it is told beside each row, such as a label;
            where rows stand in subfolders by class or with their y in an .npz file, any word takes that.
        validation: Share of the rows to hold out; each epoch then tells what they cost.
        trim: For rows with a few anomalies among them: the share to set aside before anything is learnt, or "auto";
            trimmed.csv lists them.
        require: What must hold in the end, such as "validation_mse<0.02", else the exit code is 1. Figures are loss,
            distortion, rate and mse (of a cell, in scaled units), of training rows or with "validation_" before them.
        random_state: Seed of everything random.
        steering: What steers the run.
        output: How to answer.
        **fields: Those of the model.
    """
    options: dict[str, Any] = {"data": str(data), "model": model, "target": target, "validation": validation}
    options |= {"trim": trim, "condition": condition, "random_state": random_state, **vars(steering), **fields}
    wanted, folder = [Requirement.read(text, validation) for text in require or ()], RunFolder(out)
    if folder.has_work(options, resume):
        # torch takes seconds to import: not before the command line is known to make sense
        import isthmus
        from isthmus.cli.rows import told_rows
        from isthmus.cli.trimmed import without_trimmed

        rows, y = told_rows(data, target, condition)
        folder.begin(options)
        estimator: Any = isthmus.family()[model](random_state=random_state, **fields)
        rows = without_trimmed(estimator, rows, trim, folder, output)
        estimator.set_callbacks(*callbacks(folder, steering, output))
        output.say(f"fitting {model} to {rows.shape[0]} rows in {out}")
        with resumable(out, output):
            estimator.fit(rows, y, validation=validation)
        folder.finish(estimator)
        output.say(repr(estimator))
    else:
        folder.sweep()
        output.say("the run was finished before")
    output.answer(str(out), {"model": str(out), **folder.last_epoch()})
    check_all(wanted, folder, data, target, validation)


@contextmanager
def resumable(out: Path, output: Output) -> Iterator[None]:
    """Around a run: where Ctrl-C ends it, say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        output.say(f"\ninterrupted, and kept: isthmus fit --out {out} --resume goes on with it")
        raise


def callbacks(folder: RunFolder, steering: Steering, output: Output) -> list[Callback]:
    """What watches and steers the run; the checkpoint first, for it brings back what the others write down."""
    from isthmus.cli.progress import Progress
    from isthmus.training.callbacks import Checkpoint, EarlyStopping, GradientClipping, JSONLLog, LearningRate

    chosen: list[Callback] = [Checkpoint(folder.checkpoint, resume=True), LearningRate(steering.schedule)]
    if steering.early_stopping is not None:
        chosen.append(EarlyStopping(patience=steering.early_stopping))
    if steering.clip is not None:
        chosen.append(GradientClipping(steering.clip))
    return [*chosen, JSONLLog(folder.metrics), Progress(output)]
