"""The family as its source tells it, read by syntax tree: neither a list of names nor help waits for torch."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import isthmus
from isthmus.errors import UnknownNameError

PACKAGE = Path(isthmus.__file__).parent
AUTO, WORKHORSE = "auto", "autoencoder"
"""What stands for the model that a task takes unless told otherwise, and that model."""


@dataclass(frozen=True)
class Member:
    """One member of the family.

    Args:
        name: On the command line.
        cls: In Python.
        sentence: What it is.
        paper: Where it comes from.
        source: Its class in the syntax tree.
    """

    name: str
    cls: str
    sentence: str
    paper: str
    source: ast.ClassDef = field(repr=False)

    def as_dict(self) -> dict[str, str]:
        """All but the source, as JSON has it."""
        return {"name": self.name, "class": self.cls, "sentence": self.sentence, "paper": self.paper}


@cache
def members() -> dict[str, Member]:
    """Every member by its name.

    Example:
        >>> members()["vae"].cls
        'VAE'
    """
    files = sorted((PACKAGE / "models").glob("[!_]*.py"))
    return {member.name: member for file in files for member in _members_of(file)}


def member(name: str) -> Member:
    """The member called `name`; "auto" is the workhorse.

    Raises:
        UnknownNameError: there is none.
    """
    name = WORKHORSE if name == AUTO else name
    if name not in members():
        raise UnknownNameError.among("model", name, members())
    return members()[name]


@cache
def common() -> ast.ClassDef:
    """The class whose fields every member has."""
    tree = ast.parse((PACKAGE / "estimator" / "face.py").read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Estimator")
    return found


def _members_of(file: Path) -> list[Member]:
    """The classes of a file that are signed in by `@variant(paper=...)`."""
    name = file.stem.replace("_", "-")
    classes = (node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))
    found = ((node, _paper(node)) for node in classes)
    return [Member(name, node.name, _sentence(node), paper, node) for node, paper in found if paper is not None]


def _paper(node: ast.ClassDef) -> str | None:
    """What `@variant` says of a class; None where it has no such decorator."""
    calls = [call for call in node.decorator_list if isinstance(call, ast.Call) and ast.unparse(call.func) == "variant"]
    return next((ast.literal_eval(word.value) for call in calls for word in call.keywords if word.arg == "paper"), None)


def _sentence(node: ast.ClassDef) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
