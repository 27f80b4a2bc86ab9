"""Commands that answer each file of data with a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from isthmus.cli.output import FLAG, Output
from isthmus.errors import UsageError

TABLES = (".csv", ".parquet", ".arrow", ".jsonl")

Data = Annotated[Path, Parameter(required=True)]
"""One of the files of data, of which there is one at least."""


@Parameter(name="*")
@dataclass(frozen=True)
class Files:
    """What a command that answers each file takes.

    Args:
        resume: Leave out the answers that are there already.
        target: A column of the data to leave out, as when the model was fitted.
        y: What a conditional model is told beside every row; left out, each row's own, from the column it learnt.
        device: Where the model works: "cpu", "cuda" or "mps".
    """

    resume: Annotated[bool, FLAG] = False
    target: str | None = None
    y: str | None = None
    device: str = "cpu"


USUAL = Files()


@dataclass(frozen=True)
class Job:
    """One file of data and the file that answers it."""

    data: Path
    out: Path


def jobs(data: Sequence[Path], out: Path, ending: Callable[[Path], str]) -> list[Job]:
    """Which file answers which: `out` itself where it has an ending, else a file in the folder `out` for each.

    Args:
        data: Files or folders of data, one at least.
        out: A file or a folder.
        ending: Of the answer to one of the data, where it goes into a folder; "" is a folder of images.

    Raises:
        UsageError: one file cannot answer several, or two answers would have one name.

    Example:
        >>> [job.out.as_posix() for job in jobs([Path("a.csv"), Path("b.csv")], Path("codes"), lambda path: ".npy")]
        ['codes/a.npy', 'codes/b.npy']
    """
    if out.suffix and len(data) > 1:
        raise UsageError(f"--out {out} for {len(data)} files", "a file answers one", "name a folder, without an ending")
    if out.suffix:
        return [Job(data[0], out)]
    made = [Job(path, out / (path.stem + ending(path))) for path in data]
    names = [job.out.name for job in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        came = f"several files of data whose answer is called {twice[0]}"
        raise UsageError(came, "each has a name of its own in the folder", "rename one, or run the command twice")
    return made


def ending_like(kept: Sequence[str], images: str, otherwise: str) -> Callable[[Path], str]:
    """The ending of an answer, by the format of its data.

    Args:
        kept: Endings that the answer takes over from the data.
        images: The ending for folders of images.
        otherwise: The ending for all else.
    """

    def ending(path: Path) -> str:
        """That of the answer to one file or folder."""
        from isthmus.data.datasets import is_at_hand
        from isthmus.data.folders import members
        from isthmus.data.formats import check_there, format_of

        if is_at_hand(path):
            return otherwise
        check_there(path)
        form = members(path).form if path.is_dir() else format_of(path)
        if form.kind == "images":
            return images
        return form.endings[0] if form.endings[0] in kept else otherwise

    return ending


def carry_out(wanted: Sequence[Job], work: Callable[[Job], Any], output: Output, resume: bool = False) -> None:
    """Do each job, and answer with the paths.

    Args:
        wanted: The jobs.
        work: Gives the rows that answer a job's data.
        output: Where progress and paths go.
        resume: Leave out jobs whose answer is there; an answer appears under its name when it is whole.
    """
    from isthmus.cli.rows import put

    for number, job in enumerate(wanted, 1):
        if resume and job.out.exists():
            output.say(f"{number}/{len(wanted)} {job.out} was there")
            continue
        put(job.out, work(job))
        output.say(f"{number}/{len(wanted)} {job.data} -> {job.out}")
    paths = [str(job.out) for job in wanted]
    output.answer("\n".join(paths), {"outputs": paths})
