"""Commands that answer each file of data with a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from isthmus.cli.output import FLAG, Output
from isthmus.errors import UsageError

if TYPE_CHECKING:
    from isthmus.tasks.batches.manifest import Record
    from isthmus.tasks.batches.places import Place

TABLES = (".csv", ".parquet", ".arrow", ".jsonl")

Data = Annotated[Path, Parameter(required=True)]
"""One of the files of data, of which there is one at least."""

Source = Annotated[str, Parameter(required=True)]
"""One of the files of data, at a path or a URL, or a pattern of such; there is one at least."""


@Parameter(name="*")
@dataclass(frozen=True)
class Files:
    """What a command that answers each file takes.

    Args:
        resume: Leave out the answers that are there already, of the same model and of data that have not changed.
        engine: Who does the work: this process, or the workers of Ray, at RAY_ADDRESS or on this machine.
        target: A column of the data to leave out, as when the model was fitted.
        y: What a conditional model is told beside every row; left out, each row's own, from the column it learnt.
        device: Where the model works: "cpu", "cuda" or "mps".
    """

    resume: Annotated[bool, FLAG] = False
    engine: Literal["local", "ray"] = "local"
    target: str | None = None
    y: str | None = None
    device: str = "cpu"


USUAL = Files()


@dataclass(frozen=True)
class Job:
    """One file of data and the file that answers it.

    Args:
        data: The file.
        out: Where its answer goes.
        folder: The folder of all answers; None where there is one answer, under a name of its own.
        name: Of the answer within the folder.
    """

    data: Place
    out: Place
    folder: Place | None = None
    name: str = ""


def jobs(data: Sequence[str], out: str, ending: Callable[[Place], str]) -> list[Job]:
    """Which file answers which: `out` itself where it has an ending, else a file in the folder `out` for each.

    Args:
        data: Files or folders of data, or patterns of files, one at least.
        out: A file or a folder.
        ending: Of the answer to one of the data, where it goes into a folder; "" is a folder of images.

    Raises:
        UsageError: one file cannot answer several, or two answers would have one name.
        DataFileError: no file fits a pattern.

    Example:
        >>> [job.out.as_posix() for job in jobs(["a.csv", "b.csv"], "codes", lambda place: ".npy")]
        ['codes/a.npy', 'codes/b.npy']
    """
    from isthmus.tasks.batches.places import place, spread

    found, target = list(spread(data)), place(out)
    if target.suffix and len(found) > 1:
        raise UsageError(
            f"--out {out} for {len(found)} files", "a file answers one", "name a folder, without an ending"
        )
    if target.suffix:
        return [Job(found[0].place, target)]
    names = [inner + ending(one) for one, inner in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        came = f"several files of data whose answer is called {twice[0]}"
        raise UsageError(came, "each has a name of its own in the folder", "rename one, or run the command twice")
    return [Job(one.place, target / name, target, name) for one, name in zip(found, names, strict=True)]


def ending_like(kept: Sequence[str], images: str, otherwise: str) -> Callable[[Place], str]:
    """The ending of an answer, by the format of its data.

    Args:
        kept: Endings that the answer takes over from the data.
        images: The ending for folders of images.
        otherwise: The ending for all else.
    """

    def ending(data: Place) -> str:
        """That of the answer to one file or folder."""
        from isthmus.data.datasets import is_at_hand
        from isthmus.data.folders import members
        from isthmus.data.formats import check_there, format_of

        path = data if isinstance(data, Path) else Path(data.name)
        if path is data and is_at_hand(path):
            return otherwise
        if path is data:
            check_there(path)
        form = members(path).form if path is data and path.is_dir() else format_of(path)
        if form.kind == "images":
            return images
        return form.endings[0] if form.endings[0] in kept else otherwise

    return ending


def carry_out(wanted: Sequence[Job], work: Any, output: Output, files: Files = USUAL) -> list[Record]:
    """Do each job, and answer with the paths.

    Args:
        wanted: The jobs.
        work: See `cli.work.Work`: it is called with a job, and says beforehand what it was asked.
        output: Where progress and paths go.
        files: Whether answers that are there are left out, and who does the work.

    Returns:
        What is known of every answer that a manifest tells of, or that was made now.
    """
    from isthmus.tasks.batches.engines import ENGINES
    from isthmus.tasks.batches.manifest import Manifest
    from isthmus.tasks.batches.places import sweep

    sweep(job.out for job in wanted)
    manifest = None if wanted[0].folder is None else Manifest(wanted[0].folder)
    known = {job: work.record(job) for job in wanted} if manifest else {}
    there = [job for job in wanted if files.resume and is_there(job, known.get(job), manifest)]
    left = [job for job in wanted if job not in set(there)]
    if manifest:
        manifest.forget(job.name for job in left)
    for number, job in enumerate(there, 1):
        output.say(f"{number}/{len(wanted)} {job.out} was there")
    made = []
    for number, (job, record) in enumerate(ENGINES[files.engine](work, left), len(there) + 1):
        if manifest:
            manifest.note(job.name, record)
        made.append(record)
        output.say(f"{number}/{len(wanted)} {job.data} -> {job.out}")
    if manifest:
        manifest.close()
    paths = [str(job.out) for job in wanted]
    output.answer("\n".join(paths), {"outputs": paths})
    return [manifest.records[job.name] for job in wanted] if manifest else made


def is_there(job: Job, wanted: Any, manifest: Any) -> bool:
    """Whether an answer need not be made: in a folder by the manifest, else because a file shows when it is whole."""
    return bool(manifest.has(job.name, wanted, job.out)) if manifest else job.out.exists()
