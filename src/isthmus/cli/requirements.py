"""`--require "validation_mse<0.02"`: success stated before a fit, which its exit code then tells."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.cli.run_folder import RunFolder
from isthmus.errors import TrainingError, UnknownNameError, UsageError

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
PAID = ("loss", "distortion", "rate", "mse")
FIGURES = (*PAID, *(f"validation_{name}" for name in PAID))


@dataclass(frozen=True)
class Requirement:
    """One figure and what it must come to.

    Args:
        name: Of the figure.
        comparison: "<", "<=", ">" or ">=".
        bound: What it is compared with.
    """

    name: str
    comparison: str
    bound: float

    @classmethod
    def read(cls, text: str, validation: float | None) -> Requirement:
        """Read what `--require` was given.

        Args:
            text: Such as "validation_mse<0.02".
            validation: Share of the rows held out, if any.

        Raises:
            UsageError: it is no comparison, or held-out rows are meant and there are none.
            UnknownNameError: there is no such figure.

        Example:
            >>> Requirement.read("loss <= 3.5", None)
            Requirement(name='loss', comparison='<=', bound=3.5)
        """
        found = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*", text)
        if found is None or not _is_number(found[3]):
            allowed = "it is a figure, one of < <= > >=, and a number"
            raise UsageError(f"--require {text!r}", allowed, "write --require 'validation_mse<0.02'")
        name, comparison, bound = found.groups()
        if name not in FIGURES:
            raise UnknownNameError.among("figure", name, FIGURES)
        if name.startswith("validation_") and validation is None:
            raise UsageError(f"--require {text!r}", "no rows are held out", "add --validation 0.1")
        return cls(name, comparison, float(bound))

    def check(self, figures: Mapping[str, float]) -> None:
        """Refuse figures that do not meet it.

        Raises:
            TrainingError: they don't.
        """
        if self.name not in figures:
            raise UnknownNameError.among("figure", self.name, figures)
        value = figures[self.name]
        if not COMPARISONS[self.comparison](value, self.bound):
            came = f"{self.name}={value:.4g}"
            allowed = f"{self.comparison} {self.bound:g} was required"
            raise TrainingError(came, allowed, "train longer, use a wider code or another model, or ask for less")


def check_all(
    wanted: Sequence[Requirement], run: RunFolder, data: Path, target: str | None, validation: float | None
) -> None:
    """Refuse a saved model that does not meet its requirements.

    Args:
        wanted: What must hold.
        run: The folder of the model.
        data: What it was fitted on, with the rows that were set aside.
        target: The column that was left out.
        validation: Share of the rows that were held out, if any.

    Raises:
        TrainingError: one of them is not met.
    """
    if not wanted:
        return
    import isthmus
    from isthmus.cli.rows import rows_of
    from isthmus.cli.trimmed import rows_left

    figures = figures_of(isthmus.load(run.path), rows_left(rows_of(data, target), run), validation)
    for one in wanted:
        one.check(figures)


def figures_of(model: Any, rows: Any, validation: float | None) -> dict[str, float]:
    """The last line of a model's history, and the mean squared error of a cell in scaled units.

    Args:
        model: Fitted.
        rows: What it was fitted on, those held out included.
        validation: Share of the rows that were held out, if any.
    """
    from isthmus.estimator.defaults import seed_of
    from isthmus.estimator.fitting import split

    last = {name: value for name, value in model.history_[-1].items() if isinstance(value, float)}
    if model.is_conditional:  # whose errors depend on what it is told
        return last
    train, _, held = split(rows, None, validation, seed_of(model.random_state))
    errors = {"mse": squared_error(model, train)}
    return last | errors | ({} if held is None else {"validation_mse": squared_error(model, held)})


def squared_error(model: Any, rows: Any) -> float:
    """Mean over rows and known cells of (x - E[x | z])^2, in scaled units."""
    import torch

    from isthmus.displays.seen import rebuilt
    from isthmus.estimator.inputs import read

    source = read(model, rows)
    total, cells = 0.0, 0
    for start in range(0, len(source), 1024):
        x = source.block(start, min(start + 1024, len(source)))
        difference = x - rebuilt(model, x)
        known = ~torch.isnan(x)
        total, cells = total + float((difference[known] ** 2).sum()), cells + int(known.sum())
    return total / cells


def _is_number(text: str) -> bool:
    """Whether it is one."""
    try:
        float(text)
    except ValueError:
        return False
    return True
