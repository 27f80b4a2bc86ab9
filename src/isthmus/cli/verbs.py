"""`isthmus encode`, `decode` and `reconstruct`: rows to codes, codes to rows, rows to what comes out for them."""

from __future__ import annotations

from pathlib import Path

from isthmus.cli.batch import TABLES, USUAL, Files, Source, carry_out, ending_like, jobs
from isthmus.cli.output import PLAIN, Output

KEPT = (*TABLES, ".npy", ".npz")


def encode(
    model: Path, /, *data: Source, out: str, tokens: bool = False, files: Files = USUAL, output: Output = PLAIN
) -> None:
    """Write the code z of each row.

    Args:
        model: The folder of a saved model.
        data: Files of rows like those that the model was fitted on.
        out: A file, whose ending is its format; or a folder, which gets a file for each of the data.
        tokens: Write the code's symbols, whole numbers, in columns t0, t1, ...; for models whose code has them.
        files: Which answers to give, and where to work.
        output: How to answer.
    """
    wanted = jobs(data, out, ending_like(KEPT, ".npy", ".npy"))
    from isthmus.cli.work import Work

    carry_out(wanted, Work(model, "tokens" if tokens else "encode", files), output, files)


def decode(model: Path, /, *data: Source, out: str, files: Files = USUAL, output: Output = PLAIN) -> None:
    """Write the row that each code stands for.

    Args:
        model: The folder of a saved model.
        data: Files of codes, as `isthmus encode` writes them.
        out: A file, whose ending is its format; or a folder, which gets a file (where rows are 8-bit images, a folder
            of them) for each of the data.
        files: Which answers to give, and where to work.
        output: How to answer.
    """
    from isthmus.cli.work import Work

    work = Work(model, "decode", files)
    member = work.loaded
    are_images = member.spec_.kind == "image" and member.spec_.dtype == "uint8"
    wanted = jobs(data, out, ending_like(() if are_images else KEPT, "", "" if are_images else ".npy"))
    carry_out(wanted, work, output, files)


def reconstruct(model: Path, /, *data: Source, out: str, files: Files = USUAL, output: Output = PLAIN) -> None:
    """Write what comes out at the other side for each row.

    Args:
        model: The folder of a saved model.
        data: Files of rows like those that the model was fitted on.
        out: A file, whose ending is its format; or a folder, which gets a file (or a folder of images) for each of
            the data.
        files: Which answers to give, and where to work.
        output: How to answer.
    """
    wanted = jobs(data, out, ending_like(KEPT, "", ".npy"))
    from isthmus.cli.work import Work

    carry_out(wanted, Work(model, "reconstruct", files), output, files)
