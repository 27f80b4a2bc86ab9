"""`isthmus sample`: new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from isthmus.cli.output import PLAIN, Output


def sample(
    model: Path,
    /,
    *,
    out: Path,
    count: Annotated[int, Parameter(alias="-n")] = 100,
    y: str | None = None,
    random_state: int = 0,
    device: str = "cpu",
    output: Output = PLAIN,
) -> None:
    """Write new rows, drawn from the model.

    Args:
        model: The folder of a saved model whose code has a prior, such as a VAE.
        out: A file, whose ending is its format; without an ending a folder of images.
        count: How many rows.
        y: For a conditional model: the label that they are drawn for, or attributes parted by commas.
        random_state: Seed of the draw.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    from isthmus.cli.rows import member_in, put, written

    member = member_in(model, device)
    put(out, member.sample(count, y=written(member, y), random_state=random_state))
    output.answer(str(out), {"output": str(out), "rows": count})
