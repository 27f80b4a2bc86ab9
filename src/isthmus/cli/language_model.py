"""A language model from its folder, and texts from files, as `isthmus sae collect` takes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from isthmus.cli.output import Output
from isthmus.data import files
from isthmus.data.formats import check_there
from isthmus.data.reading import reading
from isthmus.errors import DataFileError, InputError, MissingExtraError, MissingFileError, UnknownNameError


class Steps:
    """Tells every tenth of the way.

    Args:
        output: Where to tell it.
    """

    def __init__(self, output: Output) -> None:
        self.output, self.tenth = output, 0

    def __call__(self, done: int, batches: int) -> None:
        """So many are done."""
        if 10 * done // batches > self.tenth:
            self.tenth = 10 * done // batches
            self.output.say(f"batch {done:,} of {batches:,}")


def language_model(folder: Path, device: str) -> tuple[Any, Any]:
    """The model of a folder, with its head where it is a causal one, and its tokenizer; nothing is downloaded or run.

    Raises:
        MissingExtraError: transformers is not installed.
        MissingFileError: there is no such folder, or it holds no model.
    """
    try:
        import transformers
    except ImportError as missing:
        raise MissingExtraError.of("reading a language model", "transformers", "llm") from missing
    if not (folder / "config.json").is_file():
        allowed = "a model of transformers is a folder with config.json, its weights and its tokenizer"
        raise MissingFileError(str(folder), allowed, "check the path")
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **options)
        model = transformers.AutoModel.from_pretrained(str(folder), **options)
    except (OSError, ValueError) as fault:
        said = str(fault).strip().splitlines()[0]
        raise MissingFileError(f"{folder}: {said}", "it is read as transformers saved it", "save it again") from fault
    return model.to(device).eval(), tokenizer


def texts_in(path: Path, column: str) -> list[str]:
    """The documents of a file: paragraphs of a text, or a column of a table.

    Raises:
        DataFileError: the file is missing, unreadable or empty.
        UnknownNameError: the table has no such column.
        InputError: the column holds something else than text.
    """
    check_there(path)
    if path.suffix.lower() == ".txt":
        with reading(path, "text"):
            found = re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
        documents = [text for text in map(str.strip, found) if text]
    else:
        documents = column_of(path, column)
    if not documents:
        raise DataFileError(f"{path} without a text", "a document has at least one word", "check the file")
    return documents


def column_of(path: Path, column: str) -> list[str]:
    """The texts of a table, without its gaps."""
    table = files.read(path)
    names = getattr(table, "column_names", [])
    if column not in names:
        raise UnknownNameError.among("--column", column, names)
    texts = [text for text in table[column].to_pylist() if text is not None]
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        came = f"column {column!r} with {wrong!r:.40}"
        raise InputError(came, "a language model reads text", "name another column: --column")
    return [text for text in texts if text.strip()]
