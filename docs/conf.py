"""Sphinx settings. Nothing in the built pages asks another host for anything: formulas become MathML, not MathJax."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

import isthmus

sys.path.insert(0, str(Path(__file__).parent))

import pages

project = "isthmus"
author = "The isthmus contributors"
copyright = "the isthmus contributors, Apache-2.0"  # noqa: A001
version = release = isthmus.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Paper", "Differs", "Use"]

html_theme = "pydata_sphinx_theme"
html_title = "isthmus"
html_math_renderer = "mathml"
html_copy_source = False
html_theme_options = {"show_prev_next": False, "navigation_depth": 2}


def show_formula(translator: Any, node: nodes.Element) -> None:
    """Write a formula as MathML, which browsers draw by themselves."""
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    translator.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def as_plain_text(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Take docstrings as the plain text that they are: *, | and a trailing _ stand for themselves.

    Code between backticks, formulas and examples stay as they are; indented drawings become literal blocks.
    """
    in_formula = False
    for place, line in enumerate(lines):
        in_formula = line.lstrip().startswith(".. math::") or (in_formula and (not line or line.startswith(" ")))
        if not in_formula and not line.lstrip().startswith((">>>", "...", ":", "..")):
            parts = line.split("`")
            parts[::2] = [re.sub(r"([*|]|(?<=\w)_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
            lines[place] = "`".join(parts)


def skip(app: Any, what: str, name: str, value: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out the methods that scikit-learn writes into every estimator for metadata routing."""
    return True if re.fullmatch(r"set_\w+_request", name) else None


def setup(app: Any) -> None:
    """Register the formulas, and write the generated pages before Sphinx looks for sources."""
    app.connect("autodoc-process-docstring", as_plain_text, priority=100)  # before napoleon writes marks of its own
    app.connect("autodoc-skip-member", skip)
    app.add_html_math_renderer("mathml", (show_formula, None), (show_formula, None))
    app.connect("config-inited", lambda *_: pages.write(Path(__file__).parent))
