"""Text made safe for HTML: escaping, the three inline marks that prose may use, and its paragraphs."""

from __future__ import annotations

import html
import re

# Controls, lone surrogates and non-characters: no HTML parser has to accept them and UTF-8 cannot hold them all.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MARK = re.compile(r"`([^`]+)`|\*\*(?=\S)([^*]+)(?<=\S)\*\*|(?<![\w*])\*(?=\S)([^*]+)(?<=\S)\*(?![\w*])")
_BREAK = re.compile(r"\n[ \t]*\n\s*")


def printable(text: str) -> str:
    """The text with every character that no page may hold replaced by U+FFFD.

    Example:
        >>> printable("a" + chr(0)) == "a" + chr(0xFFFD)
        True
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def escape(text: str) -> str:
    """The text as HTML shows it literally, in an element or a quoted attribute.

    Example:
        >>> escape("<script>")
        '&lt;script&gt;'
    """
    return html.escape(printable(text))


def inline(text: str) -> str:
    """Escape a line of prose and set its marks: `**strong**`, `*emphasis*` and code in backticks.

    Example:
        >>> inline("the *rate* of `VAE()` is **1 < 2**")
        'the <em>rate</em> of <code>VAE()</code> is <strong>1 &lt; 2</strong>'
    """
    return _marked(escape(text))


def _marked(escaped: str) -> str:
    """Set the marks in text that is escaped already: escaping makes neither backticks nor asterisks."""
    return _MARK.sub(_element, escaped)


def _element(match: re.Match[str]) -> str:
    """One mark as an element; code is literal, the others may hold code."""
    code, strong, emphasis = match.groups()
    if code is not None:
        return f"<code>{code}</code>"
    if strong is not None:
        return f"<strong>{_marked(strong)}</strong>"
    return f"<em>{_marked(emphasis)}</em>"


def paragraphs(text: str) -> str:
    r"""Prose as HTML: blank lines part paragraphs, and a paragraph whose lines all begin with `- ` is a list.

    Example:
        >>> paragraphs("One.\n\n- a\n- b")
        '<p>One.</p><ul><li>a</li><li>b</li></ul>'
    """
    return "".join(map(_paragraph, filter(None, _BREAK.split(text.strip()))))


def _paragraph(chunk: str) -> str:
    """One paragraph or one list."""
    lines = [line.strip() for line in chunk.splitlines()]
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{inline(line[2:])}</li>" for line in lines) + "</ul>"
    return f"<p>{inline(' '.join(lines))}</p>"
