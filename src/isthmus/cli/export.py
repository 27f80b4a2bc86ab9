"""`isthmus export`: a saved model or detector as files that other runtimes read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from isthmus.cli.output import PLAIN, Output


def export(
    model: Path,
    data: Path | None = None,
    /,
    *,
    out: Path,
    format: Literal["onnx", "numpy", "kserve", "triton"] = "onnx",
    target: str | None = None,
    output: Output = PLAIN,
) -> None:
    """Write a saved model or detector as files that other runtimes read, and prove that they answer alike.

    Rows are replayed on both: parity.json says by how much any answer differs. Where a verdict flips nothing is
    written.

    Args:
        model: The folder of a saved model or detector.
        data: Rows to replay, best those that calibrated; a detector of tables may have kept some of its own.
        out: A new folder; its name is what a server calls the model.
        format: "onnx", one graph; "triton", a model of Triton's repository; "kserve", a repository and a service;
            "numpy", weights and a scorer of single rows that need NumPy alone.
        target: A column of the data to leave out, as when the model was fitted.
        output: How to answer.
    """
    import isthmus
    from isthmus.cli.rows import rows_in_memory

    rows = None if data is None else rows_in_memory(data, target)
    folder = isthmus.export(isthmus.load(model), out, rows, format=format)
    output.say(_told(isthmus.load_exported(folder).proof))
    output.answer(str(folder), {"output": str(folder)})


def _told(proof: dict[str, Any]) -> str:
    """The proof in a sentence."""
    rows, apart = sum(proof["rows"].values()), proof["largest_difference"]
    return f"{rows} rows replayed: {proof['flipped']} flipped verdicts, answers differ by {apart:.1g} at the most"
