"""Keeps what the README shows in step with the code: the family table, and the example's own output."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path

import isthmus

README = Path(__file__).resolve().parents[1] / "README.md"


def family_table() -> str:
    """One line a member: its class, its name on the command line, its first sentence and its paper."""
    lines = ["| member | called | what it is | paper |", "|---|---|---|---|"]
    for name, member in isthmus.family().items():
        sentence = (member.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").strip()
        lines.append(f"| `{member.__name__}` | `{name}` | {sentence} | {member.paper} |")
    return "\n".join(lines)


def example_output(text: str) -> str:
    """What the example in the README prints when it is run."""
    block = re.search(r"<!-- example -->\s*```python\n(.*?)```", text, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block.group(1) if block else "", {})  # noqa: S102 -- the project's own README
    return printed.getvalue().rstrip()


def renewed(text: str) -> str:
    """The README with its table and its output as they are now."""
    text = re.sub(
        r"(<!-- family -->\n).*?(<!-- /family -->)", lambda m: f"{m[1]}{family_table()}\n{m[2]}", text, flags=re.DOTALL
    )
    output = example_output(text)
    return re.sub(r"(```text\n).*?(\n```\n<!-- /example -->)", lambda m: f"{m[1]}{output}{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    sys.stdout.write("README.md renewed\n")
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
