"""`isthmus data`: data sets at hand, by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.cli.batch import TABLES
from isthmus.cli.groups import Group
from isthmus.cli.output import PLAIN, Output
from isthmus.errors import UsageError

if TYPE_CHECKING:
    from isthmus.data.datasets import Dataset


def listing(*, output: Output = PLAIN) -> None:
    """List the data sets: bundled with scikit-learn, made (with a known truth), or to be downloaded."""
    from isthmus.data.datasets import SETS

    width, kinds = max(map(len, SETS)), max(len(known.kind) for known in SETS.values())
    lines = [f"{name:{width}}  {known.kind:{kinds}}  {known.sentence}" for name, known in SETS.items()]
    facts = [{"name": name, "kind": known.kind, "sentence": known.sentence} for name, known in SETS.items()]
    output.answer("\n".join(lines), facts)


def get(
    name: str,
    /,
    *,
    out: Path | None = None,
    rows: int | None = None,
    random_state: int = 0,
    source: str | None = None,
    output: Output = PLAIN,
) -> None:
    """Write a data set into a file.

    What is known of each row stands in the column "target" of a table. An .npz file has it as y beside X, and beside
    both what a made set was made from.

    Args:
        name: The data set; `isthmus data list` lists them.
        out: The file, whose ending is its format, or for images the name of a new folder; unless told otherwise
            NAME.csv for a table and NAME.npz for anything else.
        rows: How many to make, of a made set.
        random_state: Seed of a made set.
        source: Where a downloaded set lies: the address of a mirror, or a folder.
        output: How to answer.
    """
    from isthmus.cli.rows import put
    from isthmus.data import load

    found = load(name, rows=rows, random_state=random_state, source=source)
    path = out or Path(f"{name}.{'csv' if found.columns else 'npz'}")
    if out is None and path.exists():
        fix = f"name a file: --out {path} replaces it"
        raise UsageError(f"no --out, and {path} is there", "a file is replaced only where it was named", fix)
    put(path, content(found, path))
    output.answer(str(path), {"data": str(path), "rows": len(found.X), "shape": list(found.X.shape[1:])})


def content(found: Dataset, path: Path) -> Any:
    """What of a data set a file of this ending takes."""
    if path.suffix == ".npz":
        return found.arrays()
    return found.table() if found.columns and path.suffix in TABLES else found.X


data = Group("data", "List the data sets at hand, or write one into a file.", {"list": listing, "get": get})
