"""What the data is: kind, shape, columns with types and units, value range. Everything "auto" is derived from it.

A `Spec` is learnt once, from the training rows, and travels with the model: scaling, vocabularies and the way back
to the caller's own container all live in it, and all of it is plain JSON.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["table", "image", "series", "volume"]
ColumnKind = Literal["numeric", "boolean", "categorical", "datetime"]
Container = Literal["numpy", "scipy", "pandas", "polars", "pyarrow"]
SHORT = frozenset({"bool", "int8", "uint8", "int16", "uint16", "float16", "float32"})  # float32 holds them exactly


@dataclass(frozen=True, slots=True)
class Column:
    r"""One column of a table: u = (value - center) / scale, or the index of the value among `categories`.

    .. math:: x = u, \quad \text{or of a column on a log scale} \quad x = \operatorname{sign}(u) \ln(1 + |u|)

    Args:
        name: The caller's name for it.
        kind: How it is read and priced. A datetime is a number of seconds since 1970 (UTC).
        dtype: The caller's type, by name, so that what flows back out has it again.
        categories: The values seen in training, in order; only for a categorical column.
        center: What is taken away, in the column's own unit.
        scale: What one unit of u is worth, in the column's own unit; never 0.
        low: The smallest value seen in training, in the column's own unit.
        high: The largest.
        gaps: Whether training rows had missing cells here.
        log: Whether it is on a log scale.
    """

    name: str
    kind: ColumnKind = "numeric"
    dtype: str = "float64"
    categories: tuple[str | int | float | bool, ...] = ()
    center: float = 0.0
    scale: float = 1.0
    low: float = -math.inf
    high: float = math.inf
    gaps: bool = False
    log: bool = False

    @property
    def width(self) -> int:
        """How many numbers it is once one-hot: the categories of a categorical column, else 1."""
        return len(self.categories) if self.kind == "categorical" else 1


@dataclass(frozen=True)
class Spec:
    """What the data is, learnt from the training rows.

    Args:
        kind: A table (D,), image (C, H, W), series (C, T) or volume (C, D, H, W).
        shape: The shape of one sample of x, channels first.
        columns: The columns of a table, in order; empty for the other kinds.
        container: What the caller handed in, and gets back.
        dtype: The caller's type of an array without columns of their own types.
        offset: For arrays that are not tables: x = (value - offset) / factor.
        factor: See `offset`.
        value_range: The least and greatest x seen in training.
        named: Whether the column names are the caller's own.
        layout: The caller's axes of one sample, "hw", "hwc", "t", "tc", "dhw", "dhwc"; empty for a table.
    """

    kind: Kind
    shape: tuple[int, ...]
    columns: tuple[Column, ...] = ()
    container: Container = "numpy"
    dtype: str = "float32"
    offset: float = 0.0
    factor: float = 1.0
    value_range: tuple[float, float] = (-math.inf, math.inf)
    named: bool = False
    layout: str = ""

    @property
    def n_features(self) -> int:
        """D, the numbers in one sample of x."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """The numbers in one sample once categories are one-hot: what an encoder on a flat row receives."""
        return sum(column.width for column in self.columns) or self.n_features

    @cached_property
    def is_plain(self) -> bool:
        """Whether every cell is a number that is always there, so that x needs no entry part."""
        return all(column.kind in ("numeric", "datetime") and not column.gaps for column in self.columns)

    @cached_property
    def number_type(self) -> str:
        """What rows are read as where they come as text: float32 where it holds every number of training, else float64.

        Example:
            >>> Spec("table", (2,), (Column("a", dtype="int16"), Column("b", dtype="float64"))).number_type
            'float64'
        """
        types = [column.dtype for column in self.columns] or [self.dtype]
        return "float32" if all(name.lower() in SHORT for name in types) else "float64"

    @property
    def hidden_value(self) -> float:
        """What x holds where a cell is hidden: NaN where an entry part understands it, else 0."""
        return 0.0 if self.is_plain else math.nan

    @cached_property
    def center(self) -> Tensor:
        """What scaling takes away from each column, (D,) float64."""
        return torch.tensor([column.center for column in self.columns], dtype=torch.float64)

    @cached_property
    def scale(self) -> Tensor:
        """What one unit is worth in each column, (D,) float64."""
        return torch.tensor([column.scale for column in self.columns], dtype=torch.float64)

    @cached_property
    def logs(self) -> tuple[int, ...]:
        """Positions of the columns on a log scale."""
        return tuple(i for i, column in enumerate(self.columns) if column.log)

    def indices(self, *kinds: ColumnKind) -> tuple[int, ...]:
        """Positions of the columns of these kinds.

        Example:
            >>> table = Spec("table", (2,), (Column("age"), Column("sex", "categorical", categories=("f", "m"))))
            >>> table.indices("categorical"), table.width
            ((1,), 3)
        """
        return tuple(i for i, column in enumerate(self.columns) if column.kind in kinds)

    def to_json(self) -> dict[str, Any]:
        """The whole spec as plain JSON values; infinities are strings, since JSON has none."""
        plain = asdict(self)
        return {key: _finite(value) for key, value in plain.items()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Spec:
        """Rebuild what `to_json` wrote.

        Example:
            >>> spec = Spec("image", (1, 8, 8), factor=16.0)
            >>> Spec.from_json(spec.to_json()) == spec
            True
        """
        known = {item.name for item in fields(cls)}
        values = {key: _infinite(value) for key, value in plain.items() if key in known}
        columns = tuple(Column(**{**c, "categories": tuple(c["categories"])}) for c in values.pop("columns", ()))
        shape, span = tuple(values.pop("shape")), tuple(values.pop("value_range"))
        return cls(**values, shape=shape, value_range=(span[0], span[1]), columns=columns)


def _finite(value: Any) -> Any:
    """Write infinities as the strings "inf" and "-inf", inside lists and dictionaries too."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _infinite(value: Any, key: str = "") -> Any:
    """Read back what `_finite` wrote; names and categories are left alone, since one may be called "inf"."""
    if isinstance(value, dict):
        return {name: _infinite(item, name) for name, item in value.items()}
    if isinstance(value, list) and key != "categories":
        return [_infinite(item) for item in value]
    return float(value) if key != "name" and value in ("inf", "-inf") else value
