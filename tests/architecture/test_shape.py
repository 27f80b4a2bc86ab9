"""The house by number where a number decides: names, lengths, and what every module says of itself."""

from __future__ import annotations

import ast
import re

import pytest
from tests.architecture.sources import PACKAGE, modules

BANNED = re.compile(r"^(utils?|helpers?|common|misc|base_.*|.*_(manager|handler))$")
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
MODULES = modules()


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    spoken = first if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else None
    said = spoken.end_lineno - spoken.lineno + 1 if spoken and spoken.end_lineno else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - said


def test_no_file_has_a_name_that_says_nothing() -> None:
    stems = {part for file in PACKAGE.rglob("*.py") for part in file.relative_to(PACKAGE).with_suffix("").parts}
    assert not sorted(stem for stem in stems if BANNED.match(stem))


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_for_and_stays_short(name: str) -> None:
    tree = MODULES[name]
    assert ast.get_docstring(tree)
    assert (tree.body[-1].end_lineno or 0) <= LONGEST_FILE
    long = {node.name: code_lines(node) for node in functions(tree) if code_lines(node) > LONGEST_FUNCTION}
    assert not long
