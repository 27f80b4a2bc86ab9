"""Tables in text files: how a CSV file is laid out, and its text as Arrow tables."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.data.extras import arrow
from isthmus.data.reading import reading
from isthmus.errors import DataFileError

DELIMITERS = ",;\t"
SAMPLE_BYTES = 1 << 16
BLOCK_BYTES = 8 << 20  # no row is longer


@dataclass(frozen=True)
class Layout:
    """How a CSV file is written.

    Args:
        delimiter: What stands between cells: of comma, semicolon and tab the one most used in the first line.
        names: Column names; x0, x1, ... where the first line holds nothing but numbers and so is a row. The numbers
            0, 1, 2, ... are names, for so pandas calls the columns of an array.
        heading: Lines before the first row.
    """

    delimiter: str
    names: tuple[str, ...]
    heading: int

    @classmethod
    def of(cls, path: Path) -> Layout:
        """Read off the beginning of a file.

        Raises:
            DataFileError: the beginning is no UTF-8 text, holds no row, or a column name twice.
        """
        text = _beginning(path)
        first_line = text.lstrip("\n").partition("\n")[0]
        delimiter = max(DELIMITERS, key=first_line.count)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        cells = next((line for line in lines if line), [])
        if _are_values(cells):
            return cls(delimiter, tuple(f"x{i}" for i in range(len(cells))), 0)
        heading = lines.line_num
        names = tuple(name.strip() or f"x{i}" for i, name in enumerate(cells))
        if next((line for line in lines if line), None) is None:
            fix = "check how the rows were selected"
            raise DataFileError(f"{path} with names only", "a data file holds at least one row", fix)
        name, times = Counter(names).most_common(1)[0] if names else ("", 0)
        if times > 1:
            came = f"{path} with {times} columns called {name!r}"
            raise DataFileError(came, "a name stands for one column", "rename them in the first line")
        return cls(delimiter, names, heading)


def _beginning(path: Path) -> str:
    """The first lines, as text with plain line ends."""
    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with reading(path, "CSV"), opener(path, "rb") as file:
        sample: bytes = file.read(SAMPLE_BYTES)
        whole = sample[: sample.rfind(b"\n") + 1] if file.peek(1) else sample
        whole = whole or sample + file.readline(BLOCK_BYTES) + file.readline(BLOCK_BYTES)
    try:
        text = whole.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        raise not_text(path, f"byte {broken.start} is {whole[broken.start : broken.start + 1]!r}") from broken
    if "\0" in text:
        raise not_text(path, f"byte {whole.index(0)} is zero")
    return text.replace("\r\n", "\n")


def not_text(path: Path, where: str) -> DataFileError:
    """The error of a file that is not UTF-8."""
    fix = "save it as UTF-8: iconv -f latin1 -t utf-8 OLD > NEW, say"
    return DataFileError(f"{path}: {where}", "a CSV file is text in UTF-8", fix)


def _are_values(cells: list[str]) -> bool:
    """Whether the cells of the first line are a row of numbers, some of them missing, and no names."""
    counted = [str(i) for i in range(len(cells))]
    if len(cells) > 1 and cells in (counted, ["", *counted[:-1]]):
        return False
    try:
        return len([float(cell) for cell in cells if cell]) > 0
    except ValueError:
        return False


def read_csv(path: Path) -> Any:
    """A CSV file as an Arrow table; a name that ends in .gz is unpacked on the way.

    Types are read off all cells of a column: whole numbers, numbers, booleans, dates, times, else text. Empty cells
    are missing, and so are NA, NaN and null; an empty cell in quotes is an empty text.

    Raises:
        DataFileError: a row has another number of cells than the first line, or the text is not UTF-8.
        MissingExtraError: pyarrow is not installed.
    """
    with reading(path, "CSV"):
        layout = Layout.of(path)
    return parse_csv(str(path), layout, path, layout.heading)


def parse_csv(text: Any, layout: Layout, path: Path, heading: int = 0, types: Mapping[str, Any] | None = None) -> Any:
    """Text with this layout as an Arrow table.

    Args:
        text: A path, or an Arrow buffer of whole lines.
        layout: How it is written.
        path: Where it comes from, for messages.
        heading: Lines to pass over before the first row.
        types: Arrow type of each column; None finds them out.
    """
    engine = arrow("csv", "reading CSV")
    with reading(path, "CSV"):
        table = engine.read_csv(
            text,
            engine.ReadOptions(column_names=layout.names, skip_rows=heading, block_size=BLOCK_BYTES),
            engine.ParseOptions(
                delimiter=layout.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=len(layout.names) > 1,  # alone in its row, an empty cell is an empty line
            ),
            engine.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False, column_types=types),
        )
    odd = [field.name for field in table.schema if str(field.type) == "binary"]
    if odd:
        raise not_text(path, f"column {odd[0]!r} holds bytes that are no text")
    return table
