"""What a conditional member is told beside its rows: learnt from the training rows, and read again for later ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.source import Source
from isthmus.core.spec import Column, Spec
from isthmus.data.array_learner import learn_array
from isthmus.data.arrays import Tagged, encode_array, matched, sample_shape
from isthmus.data.categories import Category, check_vocabulary, ordered
from isthmus.data.headings import opened
from isthmus.data.memory import TensorSource
from isthmus.data.tables import encode_table, learn_table
from isthmus.errors import InputError, InputTypeError, MissingValueError, UnknownNameError


class Conditioned:
    """Rows with what is told beside each.

    Args:
        rows: x, n of them.
        condition: y, as many.
    """

    def __init__(self, rows: Source, condition: Source) -> None:
        self.rows, self.condition, self.spec = rows, condition, rows.spec

    def __len__(self) -> int:
        """n, the number of rows."""
        return len(self.rows)

    def block(self, start: int, stop: int) -> Tensor:
        """x of rows start to stop, (stop - start, *spec.shape) float32."""
        return self.rows.block(start, stop)


@dataclass(frozen=True)
class Condition:
    """What y is: one label a row, a row of attributes, or a sample of the same places as x.

    A single column of text, booleans or whole numbers holds labels, which become places among those of training; the
    network's `Entry` makes them one-hot. Fractions and wider tables are standardised column by column, and columns of
    a frame are read as a table's own are. Images, series and volumes are brought between 0 and 1.

    Args:
        spec: What y is, learnt from the training rows.

    Example:
        >>> told = Condition.learn(["red", "white", "red"], Spec("table", (13,)))
        >>> told.spec.columns[0].categories, told.read(["white", "red"], 2).block(0, 2).tolist()
        (('red', 'white'), [[1.0], [0.0]])
    """

    spec: Spec

    @property
    def is_label(self) -> bool:
        """Whether y is one label a row."""
        return [column.kind for column in self.spec.columns] == ["categorical"]

    @classmethod
    def learn(cls, y: Any, x: Spec) -> Condition:
        """What the y of training is.

        Args:
            y: (n,) labels or numbers, (n, attributes), or samples of as many places as x has.
            x: What the rows are that y stands beside.

        Raises:
            InputError: y cannot be used; the subclass says why.
        """
        cells = opened_condition(y)
        if _axes(cells) == 1 and cells.dtype.kind != "f":
            words = _words(cells)
            check_vocabulary("y", set(words))
            column = Column(_name(y), "categorical", str(cells.dtype), ordered(set(words)))
            return cls(Spec("table", (1,), (column,)))
        if _axes(cells) <= 2:
            return cls(learn_table(_as_table(cells)))
        if x.kind == "table":
            came, allowed = f"y of shape {cells.shape} beside a table", "samples with places stand beside such alone"
            raise InputError(came, allowed, "give a label, or a row of attributes, for each row")
        spec = learn_array(matched(cells, x), "unit")
        if spec.shape[1:] != x.shape[1:]:
            came = f"y with samples of {spec.shape[1:]} places beside X with {x.shape[1:]}"
            raise InputError(came, "each place of y stands beside the same place of x", "crop, pad or resize them")
        return cls(spec)

    def read(self, y: Any, n: int) -> Source:
        """y of n rows: one for each, or one for them all.

        Raises:
            InputError: y is missing, has another length than the rows, or is of another kind than in training.
            UnknownNameError: a label that training did not have.
        """
        if y is None:
            came, allowed = "y=None", f"this model is told a condition beside each row: {self.says}"
            raise InputError(came, allowed, "give y=, one for each row or one for them all")
        cells = opened_condition(y)
        told = self._labels(cells) if self.is_label else self._numbers(cells)
        is_one = _axes(cells) == (0 if self.spec.shape == (1,) else _own_axes(self.spec))
        if len(told) != n and not is_one:
            came, allowed = f"y with {len(told)} entries beside {n} rows", "each row has a condition of its own"
            raise InputError(came, allowed, f"give y= with {n} entries, or a single one for all rows")
        return TensorSource(told.expand(n, *told.shape[1:]), self.spec)

    @property
    def says(self) -> str:
        """What y is, in words."""
        if self.is_label:
            return f"a label, one of {len(self.spec.columns[0].categories)}"
        return f"a row of {len(self.spec.columns)} attributes" if self.spec.columns else f"a {self.spec.kind}"

    def written(self, text: str) -> Any:
        """The label that is written so; one row of numbers, parted by commas, where y is no label.

        Raises:
            UnknownNameError: training had no label that is written so.
            InputError: the text is no row of numbers.
        """
        if self.is_label:
            written = {str(label): label for label in self.spec.columns[0].categories}
            if text not in written:
                raise UnknownNameError.among("y", text, written)
            return written[text]
        try:
            return np.array([float(part) for part in text.split(",")]).squeeze()
        except ValueError as fault:
            came, allowed = f"y={text!r}", f"training had {self.says}"
            raise InputError(came, allowed, "give numbers parted by commas") from fault

    def _labels(self, cells: Any) -> Tensor:
        """Places among the labels of training, (n, 1)."""
        known: dict[Category, int] = {label: place for place, label in enumerate(self.spec.columns[0].categories)}
        words = _words(np.atleast_1d(cells))
        for word in dict.fromkeys(words):
            if word not in known:
                raise UnknownNameError.among("y", word, map(str, known))
        return torch.tensor([[known[word]] for word in words], dtype=torch.float32)

    def _numbers(self, cells: Any) -> Tensor:
        """Attributes or samples in the network's units, (n, ...)."""
        if self.spec.kind != "table":
            return encode_array(cells[None] if _axes(cells) == _own_axes(self.spec) else cells, self.spec)
        is_row = _axes(cells) == 1 and self.spec.shape[0] > 1
        return encode_table(cells[None] if is_row else _as_table(cells), self.spec)


def _own_axes(spec: Spec) -> int:
    """Axes of a single condition, as the caller gives it."""
    return 1 if spec.kind == "table" else len(sample_shape(spec))


def opened_condition(y: Any) -> Any:
    """y as a frame of several columns, a sparse matrix, a `Tagged` array or an array; a single column has one axis.

    Raises:
        InputError: its rows have different lengths.
    """
    table = y if isinstance(y, Tagged) else opened(y)
    if isinstance(table, nw.DataFrame):
        return table if table.shape[1] > 1 else table[table.columns[0]].to_numpy()
    if isinstance(table, Tagged) or scipy.sparse.issparse(table):
        return table
    try:
        cells = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y.cpu() if isinstance(y, torch.Tensor) else y)
    except ValueError as fault:
        came, allowed = f"y, a {type(y).__name__} of unequal rows", "all rows have the same length"
        raise InputError(came, allowed, "pad or cut them") from fault
    return cells[:, 0] if cells.ndim == 2 and cells.shape[1] == 1 else cells


def _name(y: Any) -> str:
    """What a single column is called."""
    names = getattr(y, "columns", None)
    name = getattr(y, "name", None) if names is None else (getattr(y, "column_names", None) or list(names))[0]
    return str(name) if isinstance(name, str) else "y"


def _axes(cells: Any) -> int:
    """How many axes they have."""
    return len(cells.shape)


def _as_table(cells: Any) -> Any:
    """Cells with two axes, of numbers: a single column where there is one axis or none."""
    if _axes(cells) == 2 and hasattr(cells, "columns"):
        return cells.to_native()
    if cells.dtype.kind not in "fiub":
        allowed = "several attributes in an array are numbers, all of one type"
        raise InputTypeError(f"y of type {cells.dtype}", allowed, "make it a frame: pandas.DataFrame(y)")
    return cells if _axes(cells) == 2 else cells.reshape(-1, 1)


def _words(cells: NDArray[Any]) -> list[Category]:
    """Labels as Python's own values.

    Raises:
        MissingValueError: a row has none.
        InputTypeError: one is neither text nor a number.
        InputError: more than one a row.
    """
    if cells.ndim != 1:
        allowed = "training had one label for each row"
        raise InputError(f"y of shape {cells.shape}", allowed, "give y= with one axis")
    words: list[Category] = cells.tolist()
    for row, word in enumerate(words):
        if word is None or (isinstance(word, float) and word != word):
            raise MissingValueError(f"y[{row}]={word}", "each row has a label", "leave those rows out, or name them")
        if not isinstance(word, str | int | float | bool):
            allowed = "a label is text, a number or a boolean"
            raise InputTypeError(f"y[{row}]={word!r} ({type(word).__name__})", allowed, "give y.astype(str)")
    return words
