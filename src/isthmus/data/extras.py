"""Optional libraries, imported when a file asks for them."""

from __future__ import annotations

import importlib
from typing import Any

from isthmus.errors import MissingExtraError


def arrow(module: str, what: str) -> Any:
    """A module of pyarrow.

    Args:
        module: Its name below `pyarrow`: "csv", "parquet".
        what: What it is needed for, as the error says it: "reading CSV".

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    return _imported(f"pyarrow.{module}", what, "pyarrow", "data")


def pillow(what: str) -> Any:
    """Pillow's module of images.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    return _imported("PIL.Image", what, "Pillow", "images")


def _imported(module: str, what: str, library: str, extra: str) -> Any:
    """The module, or the sentence that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise MissingExtraError.of(what, library, extra) from missing
