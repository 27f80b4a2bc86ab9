"""A table before its numbers are read: which library it comes from, its columns' names, kinds and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import scipy.sparse

from isthmus.core.spec import ColumnKind, Container
from isthmus.data.columns import Backend, kind_of, type_name
from isthmus.data.contract import check_kind
from isthmus.errors import ColumnError, InputTypeError, MissingValueError


def opened(X: Any) -> Any:
    """A frame of any library as narwhals' own (lazy ones are collected); arrays and sparse matrices as they are.

    Raises:
        ColumnError: two columns of a frame have the same name.
    """
    if scipy.sparse.issparse(X):
        return X.tocsr()
    try:
        frame = nw.from_native(X, pass_through=True)
    except nw.exceptions.DuplicateError as told:
        raise _duplicate(X.columns) from told
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    if isinstance(frame, nw.DataFrame) and len(set(frame.columns)) < len(frame.columns):
        raise _duplicate(frame.columns)
    return frame


def _duplicate(names: Iterable[Any]) -> ColumnError:
    """The error for columns of the same name."""
    twice = next(name for name, times in Counter(names).items() if times > 1)
    fix = f"rename or drop one of the columns called {twice!r}"
    return ColumnError(f"X with several columns called {twice!r}", "a name stands for one column", fix)


def dense(table: Any) -> Any:
    """A frame or array as it is, a sparse matrix filled up."""
    return table.toarray() if scipy.sparse.issparse(table) else table


@dataclass
class Heading:
    """The columns of a table before any number is read: names, kinds (None where a column is blank) and types."""

    names: list[str]
    kinds: list[ColumnKind | None]
    dtypes: list[str]
    container: Container
    named: bool

    @classmethod
    def of(cls, table: Any) -> Heading:
        """The heading of a frame, array or sparse matrix.

        Raises:
            ColumnError: the type of some column is not read.
            InputTypeError: some column names are text and some are not.
        """
        if not isinstance(table, nw.DataFrame):
            kind: ColumnKind = "boolean" if table.dtype == bool else "numeric"
            width, sparse = table.shape[1], scipy.sparse.issparse(table)
            names = [f"x{i}" for i in range(width)]
            return cls(names, [kind] * width, [str(table.dtype)] * width, "scipy" if sparse else "numpy", False)
        container: Backend = table.implementation.value
        series = list(table.iter_columns())
        types = [type_name(column, container) for column in series]
        named = _are_names(table.columns)
        return cls(list(map(str, table.columns)), [kind_of(column) for column in series], types, container, named)

    def joined(self, later: Heading) -> Heading:
        """This heading, with what a later chunk of the same table adds: kinds of columns that were blank so far.

        Raises:
            ColumnError: the later chunk has other columns, or one of another kind.
        """
        if later.names != self.names:
            allowed = f"the chunks before it had {self.names}"
            raise ColumnError(f"a chunk with the columns {later.names}", allowed, "give every chunk the same columns")
        for name, came, known in zip(self.names, later.kinds, self.kinds, strict=True):
            if known is not None:
                check_kind(name, came, known)
        kinds = [known or came for known, came in zip(self.kinds, later.kinds, strict=True)]
        blank = [known is None for known in self.kinds]
        dtypes = [
            theirs if empty or theirs.lower().startswith("float") else ours
            for ours, theirs, empty in zip(self.dtypes, later.dtypes, blank, strict=True)
        ]
        return replace(self, kinds=kinds, dtypes=dtypes)

    def rows(self, known: Iterable[float]) -> Iterator[tuple[str, ColumnKind, str]]:
        """Name, kind and type of each column.

        Args:
            known: How many values each column has.

        Raises:
            MissingValueError: a column has none, so that nothing can be learnt about it.
        """
        for name, kind, dtype, values in zip(self.names, self.kinds, self.dtypes, known, strict=True):
            if kind is None or not values:
                allowed = "a column needs some value, or nothing can be learnt about it"
                raise MissingValueError(f"column {name!r} without any value", allowed, f"drop it: X.drop({name!r})")
            yield name, kind, dtype


def _are_names(names: list[Any]) -> bool:
    """Whether column names are text, and not just numbers that pandas made up."""
    kinds = sorted({type(name).__name__ for name in names})
    if len(kinds) > 1 and "str" in kinds:
        allowed = "Feature names are only supported if all input features have string names"
        raise InputTypeError(f"X with column names of the types {kinds}", allowed, "X.columns = X.columns.astype(str)")
    return kinds == ["str"]
