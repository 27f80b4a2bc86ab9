"""Keeps what pages show in step with the code: the README's table and example, and the sum of the page about scale."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path

import isthmus

ROOT = Path(__file__).resolve().parents[1]
README, SCALE = ROOT / "README.md", ROOT / "docs" / "how-to" / "scale.md"
SPEEDS = ROOT / "benchmarks" / "results" / "scale.json"
DAYS = {"200 million rows a day": 200e6, "10 billion rows a day": 10e9}
CORE_HOUR = 0.04  # dollars, made up


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


def plan_table(speeds: str) -> str:
    """Core hours, money and bytes of a day, from the rows a second that `benchmarks/scale.py` has measured."""
    lines = ["| | detector | rows/s, one core | core hours | cores all day | $ | GB in | GB out |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    scored = [row for row in json.loads(speeds)["rows"] if row["unit"] == "rows/s"]
    for name, rows in DAYS.items():
        for row in scored:
            hours, beside = rows / row["value"] / 3600, row["beside"]
            moved = [rows * beside[f"bytes {way}, a row"] / 1e9 for way in ("read", "written")]
            told = [f"{row['value']:,.0f}", f"{hours:,.2f}", f"{hours / 24:,.2f}", f"{hours * CORE_HOUR:,.2f}"]
            told += [f"{size:,.0f}" for size in moved]
            lines.append(f"| {name} | {row['name'].split(', ')[1]} | {' | '.join(told)} |")
    return "\n".join(lines)


def renewed_plan(text: str, speeds: str) -> str:
    """The page about scale with its sum as it was measured last."""
    table = plan_table(speeds)
    return re.sub(r"(<!-- plan -->\n).*?(<!-- /plan -->)", lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.DOTALL)


def renewed(text: str) -> str:
    """The README with its table and its output as they are now."""
    text = re.sub(
        r"(<!-- family -->\n).*?(<!-- /family -->)", lambda m: f"{m[1]}{family_table()}\n{m[2]}", text, flags=re.DOTALL
    )
    output = example_output(text)
    return re.sub(r"(```text\n).*?(\n```\n<!-- /example -->)", lambda m: f"{m[1]}{output}{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
    page = renewed_plan(SCALE.read_text(encoding="utf-8"), SPEEDS.read_text(encoding="utf-8"))
    SCALE.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{README.name} and {SCALE.name} renewed\n")
