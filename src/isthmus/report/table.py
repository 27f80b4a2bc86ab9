"""Tables: numbers aligned on their decimals, text on the left, every header named for screen readers."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isthmus.errors import InputError, ParameterError, UnknownNameError
from isthmus.report.blocks import Place
from isthmus.report.markup import escape, inline
from isthmus.report.numerals import MISSING, column, typeset

ALIGNMENTS = ("left", "center", "right")


@dataclass(frozen=True)
class Table:
    """Rows below named columns; the first cell of a row is its header.

    Numbers get one precision down each column, thousands apart; None and NaN show as a dash.

    Args:
        columns: The names of the C columns.
        rows: R rows of C cells each: numbers, strings, booleans, None; anything else is shown by `str`.
        caption: What the table shows, marked as in `Text`.
        formats: Column name -> Python format (".1%", "+.2f") for the numbers of that column.
        align: Column name -> "left", "center" or "right", where numbers right and text left is not wanted.

    Raises:
        InputError: A row has more or fewer cells than there are columns.
        UnknownNameError: `formats` or `align` names a column that is not there, or an unknown alignment.
        ParameterError: No columns, or a format that Python cannot apply to a column's numbers.

    Example:
        >>> table = Table(["model", "AP"], [["PCA", 0.91], ["isthmus", 0.987]], caption="Average precision")
        >>> "0.910" in table.html(Place("part", 2))
        True
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str
    formats: Mapping[str, str] = field(default_factory=dict)
    align: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:
            raise ParameterError(f"columns={self.columns!r}", "a table has at least one column", "name the columns")
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                came = f"rows[{number}] has {len(row)} cells"
                allowed = f"each row has one cell for each of the {len(self.columns)} columns"
                raise InputError(came, allowed, "fill the gaps with None")
        for name in (*self.formats, *self.align):
            if name not in self.columns:
                raise UnknownNameError.among("column", name, self.columns)
        for alignment in self.align.values():
            if alignment not in ALIGNMENTS:
                raise UnknownNameError.among("align", alignment, ALIGNMENTS)
        self._cells()

    def html(self, place: Place) -> str:
        """A captioned table in a frame that scrolls sideways on a narrow screen."""
        caption = f"{place.name}-caption"
        sides = [self._side(number) for number in range(len(self.columns))]
        head = "".join(
            f'<th scope="col"{side}>{escape(name)}</th>' for name, side in zip(self.columns, sides, strict=True)
        )
        body = "".join(_row(cells, sides) for cells in zip(*self._cells(), strict=True))
        body = body or f'<tr><td class="none" colspan="{len(self.columns)}">no rows</td></tr>'
        return (
            f'<div class="table" role="region" aria-labelledby="{caption}" tabindex="0">'
            f'<table><caption id="{caption}"><span>{inline(self.caption)}</span></caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _cells(self) -> list[list[str]]:
        """The cells as text, column by column."""
        return [_shown(name, self._values(number), self.formats.get(name)) for number, name in enumerate(self.columns)]

    def _values(self, number: int) -> list[object]:
        """What one column holds, top to bottom."""
        return [row[number] for row in self.rows]

    def _side(self, number: int) -> str:
        """The class attribute that aligns a column: what was asked for, else numbers right."""
        values = [value for value in self._values(number) if value is not None]
        usual = "right" if values and all(map(_is_number, values)) else "left"
        side = self.align.get(self.columns[number], usual)
        return "" if side == "left" else f' class="{side}"'


def _row(cells: Sequence[str], sides: Sequence[str]) -> str:
    """One row: its header, then its cells."""
    header = f'<th scope="row"{sides[0]}>{escape(cells[0])}</th>'
    rest = (f"<td{side}>{escape(cell)}</td>" for cell, side in zip(cells[1:], sides[1:], strict=True))
    return f"<tr>{header}{''.join(rest)}</tr>"


def _is_number(value: object) -> bool:
    """Whether a cell is set as a number: a truth value is a word."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def _shown(name: str, values: Sequence[object], form: str | None) -> list[str]:
    """One column's cells as text, its numbers in one precision or in the given format."""
    found = [float(value) for value in values if isinstance(value, numbers.Real) and _is_number(value)]
    written = iter(column(found) if form is None else [_formatted(name, value, form) for value in found])
    return [next(written) if _is_number(value) else _word(value) for value in values]


def _formatted(name: str, value: float, form: str) -> str:
    """A number in the format that was asked for."""
    if value != value:
        return MISSING
    try:
        return typeset(format(int(value) if form.endswith("d") else value, form))
    except ValueError as error:
        came = f"formats[{name!r}]={form!r}"
        raise ParameterError(came, f"a format of Python's for numbers ({error})", "use '.2f' or '.1%'") from error


def _word(value: object) -> str:
    """A cell that is no number."""
    if value is None:
        return MISSING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return str(value)
