"""`isthmus version`."""

from __future__ import annotations

import platform
from importlib import metadata

import isthmus
from isthmus.cli.output import PLAIN, Output

BESIDE = ("torch", "scikit-learn", "numpy")


def version(*, output: Output = PLAIN) -> None:
    """Print the version; --json adds those of Python and of the libraries that results depend on."""
    beside = {name: metadata.version(name) for name in BESIDE}
    facts = {"isthmus": isthmus.__version__, "python": platform.python_version(), **beside}
    output.answer(f"isthmus {isthmus.__version__}", facts)
