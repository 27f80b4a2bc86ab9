"""`isthmus fit`: a model from a file of data, in a folder that `isthmus.load` reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.cli.processes import check_count, is_rank, joined, launch
from isthmus.cli.requirements import Requirement, check_all
from isthmus.cli.run_folder import RunFolder

if TYPE_CHECKING:
    from isthmus.training.callbacks import Callback
    from isthmus.training.ranks import Ranks


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
    nproc: int | None = None,
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
        nproc: Train in so many processes of this machine, each with its share of every batch; for models and batches
            that one process is slow with. `torchrun -m isthmus fit ...` does it on several machines.
        steering: What steers the run.
        output: How to answer.
        **fields: Those of the model.
    """
    options: dict[str, Any] = {"data": str(data), "model": model, "target": target, "validation": validation}
    options |= {"trim": trim, "condition": condition, "random_state": random_state, "nproc": nproc}
    options |= {**vars(steering), **fields}
    check_count(nproc, trim)
    wanted, run = [Requirement.read(text, validation) for text in require or ()], Fitting(options, fields, output)
    folder = RunFolder(out)
    if is_rank():
        with joined() as ranks:
            run.as_rank(folder, ranks, resume)
            if not ranks.is_first:
                return
    elif not folder.has_work(options, resume):
        folder.sweep()
        output.say("the run was finished before")
    elif nproc is None or nproc == 1:
        run.carried_out(folder)
    else:
        folder.begin(options)
        launch(out, nproc, output)
    output.answer(str(out), {"model": str(out), **folder.last_epoch()})
    check_all(wanted, folder, data, target, validation)


@dataclass(frozen=True)
class Fitting:
    """A run that a command asks for.

    Args:
        options: Everything that it was asked for, by name.
        fields: Those of the model among them.
        output: How it answers.
    """

    options: dict[str, Any]
    fields: dict[str, Any]
    output: Output

    def carried_out(self, folder: RunFolder, has_folder: bool = True) -> None:
        """Read the rows, fit the model, and save it.

        Args:
            folder: Of the run.
            has_folder: Whether this process writes there; of several that train one model the first does.
        """
        # torch takes seconds to import: not before the command line is known to make sense
        import isthmus
        from isthmus.cli.rows import told_rows
        from isthmus.cli.trimmed import without_trimmed

        asked = self.options
        rows, y = told_rows(Path(asked["data"]), asked["target"], asked["condition"])
        if has_folder:
            folder.begin(asked)
        estimator: Any = isthmus.family()[asked["model"]](random_state=asked["random_state"], **self.fields)
        rows = without_trimmed(estimator, rows, asked["trim"], folder, self.output)
        estimator.set_callbacks(*callbacks(folder, asked, self.output))
        self.output.say(f"fitting {asked['model']} to {rows.shape[0]} rows in {folder.path}")
        with resumable(folder.path, self.output):
            estimator.fit(rows, y, validation=asked["validation"])
        if has_folder:
            folder.finish(estimator)
        self.output.say(repr(estimator))

    def as_rank(self, folder: RunFolder, ranks: Ranks, resume: bool) -> None:
        """Take part in a run of several processes; the first one looks after the folder."""
        has_work = ranks.first_says(ranks.is_first and folder.has_work(self.options, resume))
        if has_work:
            told = self.output if ranks.is_first else replace(self.output, quiet=True)
            replace(self, output=told).carried_out(folder, ranks.is_first)


@contextmanager
def resumable(out: Path, output: Output) -> Iterator[None]:
    """Around a run: where Ctrl-C ends it, say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        output.say(f"\ninterrupted, and kept: isthmus fit --out {out} --resume goes on with it")
        raise


def callbacks(folder: RunFolder, asked: dict[str, Any], output: Output) -> list[Callback]:
    """What watches and steers the run; the checkpoint first, for it brings back what the others write down."""
    from isthmus.cli.progress import Progress
    from isthmus.training.callbacks import Checkpoint, EarlyStopping, GradientClipping, JSONLLog, LearningRate

    chosen: list[Callback] = [Checkpoint(folder.checkpoint, resume=True), LearningRate(asked["schedule"])]
    if asked["early_stopping"] is not None:
        chosen.append(EarlyStopping(patience=asked["early_stopping"]))
    if asked["clip"] is not None:
        chosen.append(GradientClipping(asked["clip"]))
    return [*chosen, JSONLLog(folder.metrics), Progress(output)]
