"""Writes the pages that follow from the code: one per variant, and the reference of all public names."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import isthmus


def write(docs: Path) -> None:
    """Write `docs/family/` and `docs/reference/` anew."""
    family = isthmus.family() if "family" in isthmus.__all__ else {}
    variants = {variant.__name__ for variant in family.values()}
    names = [name for name in isthmus.__all__ if name not in variants]
    renew(docs / "family", {name: variant_page(name, variant) for name, variant in family.items()}, "The family")
    renew(docs / "reference", {name: reference_page(name) for name in names}, "Reference")


def renew(folder: Path, pages: dict[str, str], title: str) -> None:
    """Replace a folder by these pages and an index over them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "index.md").write_text(index_page(title, pages), encoding="utf-8")


def index_page(title: str, names: Iterable[str]) -> str:
    """A heading and links to the pages."""
    listing = "\n".join(names)
    return f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listing}\n```\n"


def variant_page(name: str, variant: Any) -> str:
    """What a variant is, where it is from and what it is called, then its own docstring and every verb."""
    source = Path(inspect.getfile(variant)).name
    facts = f"Called `{name}` on the command line, written in `models/{source}`. Paper: {variant.paper}."
    return f"# {variant.__name__}\n\n{facts}\n\n" + directive(
        "autoclass", f"isthmus.{variant.__name__}", "members", f"inherited-members: {foreign(variant)}"
    )


def foreign(variant: type) -> str:
    """The ancestors that are not ours (scikit-learn's), whose members its own documentation shows."""
    return ", ".join(cls.__name__ for cls in variant.__mro__ if not cls.__module__.startswith("isthmus"))


def reference_page(name: str) -> str:
    """One public name: a module with its members, a class with its methods, a function."""
    value = getattr(isthmus, name)
    kind = "automodule" if inspect.ismodule(value) else "autoclass" if inspect.isclass(value) else "autofunction"
    options: tuple[str, ...] = () if kind == "autofunction" else ("members",)
    if kind == "automodule":
        twice = [other for other in getattr(value, "__all__", ()) if other in isthmus.__all__]
        options += (f"exclude-members: {', '.join(twice)}",) if twice else ()
    return f"# {name}\n\n" + directive(kind, f"isthmus.{name}", *options)


def directive(kind: str, target: str, *options: str) -> str:
    """A reStructuredText directive of autodoc inside a MyST page."""
    lines = "".join(f"   :{option}\n" if ": " in option else f"   :{option}:\n" for option in options)
    return f"```{{eval-rst}}\n.. {kind}:: {target}\n{lines}```\n"
