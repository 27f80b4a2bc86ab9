"""`load_exported`: an exported model at work, by onnxruntime or by NumPy, once its proof holds. It needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import (
    AbilityError,
    ColumnError,
    InputError,
    MissingExtraError,
    MissingFileError,
    MissingValueError,
    ParityError,
    ValueRangeError,
)
from isthmus.tasks.export import row_scorer

Answers: TypeAlias = dict[str, NDArray[Any]]
Run: TypeAlias = Callable[[NDArray[Any]], Answers]
BLOCK = 64  # rows that a graph is given at once, the last filled up with zeros: kernels go by the number of rows


def load_exported(path: str | Path) -> Exported:
    """Read what `isthmus.export` wrote, by onnxruntime or NumPy alone; torch is not needed.

    Args:
        path: The folder.

    Returns:
        Something that answers rows, with the verbs of a detector or of a model.

    Raises:
        MissingFileError: there is no such folder.
        ParityError: it has no proof, or files differ from those that were proved, or verdicts flipped.
        MissingExtraError: onnxruntime is not installed.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise MissingFileError(
            f"{folder}", "an exported model is a folder", "check the path, or export the model again"
        )
    try:
        proof = row_scorer.proved(folder)
        if proof["model"] == row_scorer.WEIGHTS:
            return Exported(proof, scorer_runner(row_scorer.load(folder)))
    except row_scorer.Refused as refused:
        raise ParityError(*map(str, refused.args)) from refused
    return Exported(proof, graph_runner((folder / proof["model"]).read_bytes()))


class Exported:
    """An exported detector or model: rows in, answers out, as the original gave them.

    Args:
        proof: What `parity.json` says.
        run: Answers rows that were checked, (n, ...), by name.
    """

    def __init__(self, proof: dict[str, Any], run: Run) -> None:
        self.proof, self._run = proof, run
        threshold = proof["threshold"]
        self.threshold_ = None if threshold is None else float(threshold["exported"])

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """How anomalous each row is, (n,): higher = more anomalous."""
        return self._answer(X, "anomaly_score")

    def p_value(self, X: Any) -> NDArray[np.float64]:
        """The share of calibration rows that score as high as each row, itself included, (n,)."""
        return self._answer(X, "p_value")

    def predict(self, X: Any) -> NDArray[np.int64]:
        """-1 for rows that raise an alarm, +1 for the others, (n,)."""
        return np.where(self._answer(X, "is_anomaly"), -1, 1)

    def transform(self, X: Any) -> NDArray[Any]:
        """Codes z, (n, Z)."""
        return self._answer(X, "code")

    def reconstruct(self, X: Any) -> NDArray[Any]:
        """What comes out at the other side for each row, (n, ...), in the units of X; whole numbers not rounded."""
        return self._answer(X, "reconstruction")

    def _answer(self, X: Any, name: str) -> NDArray[Any]:
        found = self._run(self._checked(X))
        if name not in found:
            allowed = f"it answers {', '.join(found)}"
            raise AbilityError(f"{name} of an exported {self.proof['exported']}", allowed, "ask for one of those")
        return found[name]

    def _checked(self, X: Any) -> NDArray[Any]:
        """The rows as one array of numbers, once they are such as the model reads.

        Raises:
            ColumnError: other columns than it was fitted on.
            InputError: another shape, no rows, or no numbers.
            MissingValueError: a gap in a column that had none.
            ValueRangeError: a number that float32 cannot hold.
        """
        names, row = self.proof["columns"], tuple(self.proof["row"])
        given = [str(name) for name in getattr(X, "column_names", getattr(X, "columns", ()))]
        if given and given != names and not names == [f"x{i}" for i in range(len(names))]:
            allowed = f"it was fitted on {_some(names)}"
            raise ColumnError(f"X with the columns {_some(given)}", allowed, "select those columns, in that order")
        try:
            cells = np.asarray(X, dtype=self.proof["dtype"])
        except (TypeError, ValueError) as fault:
            raise InputError(
                f"X, a {type(X).__name__}", f"it is one array of numbers ({fault})", "convert it"
            ) from fault
        if cells.shape[1:] != row or len(cells) == 0:
            raise InputError(f"X of shape {cells.shape}", f"rows are {('n', *row)}, one or more", "give it such rows")
        self._check_cells(cells)
        return cells

    def _check_cells(self, cells: NDArray[Any]) -> None:
        """Refuse gaps where there were none, and numbers beyond float32."""
        with np.errstate(invalid="ignore"):
            wild = np.argwhere(np.abs(cells) > row_scorer.LARGEST)
        if len(wild):
            place = tuple(map(int, wild[0]))
            came = f"{self._where(place)} holds {cells[place]}"
            raise ValueRangeError(came, "numbers are finite, and float32 holds them", "blank the cell, or drop the row")
        known = np.array(self.proof["gaps"] or False)
        gaps = np.argwhere(np.isnan(cells) & ~known)
        if len(gaps):
            came = f"{self._where(tuple(map(int, gaps[0])))} is missing (NaN)"
            raise MissingValueError(came, "training had no gap there", "fill the cell, or drop the row")

    def _where(self, place: Sequence[int]) -> str:
        """A cell by its row and column."""
        names = self.proof["columns"]
        return f"row {place[0]}, column {names[place[1]]!r}" if names else f"row {place[0]}, place {tuple(place[1:])}"


def _some(names: Sequence[str], most: int = 12) -> str:
    """A dozen names at most."""
    return f"[{', '.join(names[:most])}{', ...' if len(names) > most else ''}]"


def graph_runner(content: bytes) -> Run:
    """What answers by a graph of ONNX.

    Args:
        content: The graph.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as missing:
        raise MissingExtraError.of("an exported graph", "onnxruntime", "ort") from missing
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(rows: NDArray[Any]) -> Answers:
        """The answers for all rows, block by block."""
        blocks = []
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            filled = np.zeros((BLOCK, *rows.shape[1:]), rows.dtype)
            filled[: len(block)] = block
            blocks.append([answer[: len(block)] for answer in session.run(names, {"rows": filled})])
        return {name: np.concatenate(parts) for name, parts in zip(names, zip(*blocks, strict=True), strict=True)}

    return run


def scorer_runner(scorer: row_scorer.Scorer) -> Run:
    """What answers by a scorer of single rows.

    Args:
        scorer: It.
    """

    def run(rows: ArrayLike) -> Answers:
        """The answers for all rows, one after another."""
        scores = np.array([scorer(row) for row in np.asarray(rows)])
        p = np.array([scorer.p_value(score) for score in scores])
        return {"anomaly_score": scores, "p_value": p, "is_anomaly": scores > scorer.threshold}

    return run
