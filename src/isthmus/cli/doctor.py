"""`isthmus doctor`: what is wrong with a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from isthmus.cli.batch import Data
from isthmus.cli.output import FLAG, PLAIN, Output
from isthmus.cli.score import FOUND


def doctor(
    model: Path,
    data: Data,
    /,
    *,
    held_out: Path | None = None,
    out: Path | None = None,
    target: str | None = None,
    fail_on_finding: Annotated[bool, FLAG] = False,
    device: str = "cpu",
    output: Output = PLAIN,
) -> int:
    """Say what is wrong with a saved model: each finding with what was seen, why it matters, and what to do.

    In what to do, `model` is `isthmus.load(MODEL)` and `X` the rows of DATA.

    Args:
        model: The folder of a saved model or detector.
        data: The rows that it was fitted on.
        held_out: Rows that it was not fitted on; without them it is not asked whether it holds for such.
        out: A page to write as well, one HTML file that needs nothing beside it.
        target: A column of the data to leave out, as when the model was fitted.
        fail_on_finding: Exit with 3 where something is found.
        device: Where the model works: "cpu", "cuda" or "mps".
        output: How to answer.
    """
    from isthmus.cli.rows import member_in, rows_of, told_rows
    from isthmus.tasks.batches.answers import condition_column

    member, unseen = member_in(model, device), None
    if getattr(member, "is_conditional", False):
        column = condition_column(member)
        rows, y = told_rows(data, target, column)
        unseen = None if held_out is None else told_rows(held_out, target, column)
        diagnosis = member.diagnose(rows, unseen, y=y)
    else:
        unseen = None if held_out is None else rows_of(held_out, target)
        diagnosis = member.diagnose(rows_of(data, target), unseen)
    if out is not None:
        _write(diagnosis, model.name, out)
    output.answer(str(diagnosis), diagnosis.as_dict())
    return FOUND if fail_on_finding and diagnosis.findings else 0


def _write(diagnosis: Any, name: str, out: Path) -> None:
    """Write the diagnosis as a page."""
    import isthmus
    from isthmus.report import Page

    lead = f"{diagnosis.headline}. What to do is a call: `model` is the model and `X` the rows that it was shown."
    Page(f"The doctor on {name}", lead, diagnosis.blocks(), f"Written by isthmus {isthmus.__version__}.").write(out)
