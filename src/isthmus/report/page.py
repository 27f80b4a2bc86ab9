"""The page itself: a head that lets nothing in or out, a title, the blocks, and one style sheet inline."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from isthmus.errors import ParameterError
from isthmus.report.blocks import Block, Place
from isthmus.report.markup import escape, inline

# Even if something slipped through the escaping, no browser would run or fetch it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Page:
    """One HTML document that needs nothing but itself.

    Args:
        title: The heading, and the name of the browser's tab.
        lead: What the page says, in one or two sentences, marked as in `Text`.
        blocks: Its content; headings begin with `Section`.
        footer: A last line in small print, marked as in `Text`; "" for none.
        language: BCP 47 tag of the language that the blocks are written in.

    Example:
        >>> from isthmus.report import Section, Text
        >>> page = Page("Report", "All is well.", [Section("Data", [Text("569 rows.")])])
        >>> page.html().startswith('<!doctype html>')
        True
    """

    title: str
    lead: str
    blocks: Sequence[Block]
    footer: str = ""
    language: str = "en"

    def html(self) -> str:
        """The document; the same page gives the same text."""
        body = "\n".join(block.html(Place(f"part-{number}", 2)) for number, block in enumerate(self.blocks, 1))
        lead = f'<p class="lead">{inline(self.lead)}</p>' if self.lead else ""
        footer = f"<footer><p>{inline(self.footer)}</p></footer>\n" if self.footer else ""
        return (
            f'<!doctype html>\n<html lang="{escape(self.language)}">\n<head>\n{_head(self.title)}</head>\n<body>\n'
            f"<header><h1>{escape(self.title)}</h1>{lead}</header>\n<main>\n{body}\n</main>\n{footer}</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the document whole or not at all: a reader never sees half a page.

        Args:
            path: The file; its folder is made where it is missing.

        Returns:
            The path written.

        Raises:
            ParameterError: The path is a folder.
            OSError: The system's own, where it cannot be written.
        """
        target = Path(path)
        if target.is_dir():
            raise ParameterError(f"path={str(target)!r} is a folder", "a page is one file", "use path / 'report.html'")
        content = self.html().encode("utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target


def _head(title: str) -> str:
    """What stands in `<head>`; the empty icon keeps a browser from asking a server for one."""
    return (
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>\n{style_sheet()}</style>\n'
    )


@cache
def style_sheet() -> str:
    """The one style sheet, `page.css` beside this file."""
    return resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
