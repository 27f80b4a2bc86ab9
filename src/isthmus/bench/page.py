"""Results as people read them: a line on the terminal, a page of tables in the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERDICTS = {True: "pass", False: "FAIL", None: "-"}
OPENING = """# Benchmarks

Every table is written from a file in `benchmarks/results/` by the benchmark itself: `python3 dev.py bench NAME` runs
it anew. A value stands with the ends of its 95 % interval (the median over rounds in which all were timed in turns,
and order statistics around it); "x" says how many times. A line is noisy where other processes kept the machine busy.
"""


def told(row: Mapping[str, Any]) -> str:
    """One row in words.

    Example:
        >>> told({"name": "scoring", "value": 41.0, "low": 39.5, "high": 43.0, "unit": "x", "pass": True})
        'pass  scoring: 41 x (39.5 to 43)'
    """
    noisy = ["NOISY"] if row.get("noisy") else []
    rest = [wanted(row), *noisy, row.get("note", "")]
    return f"{VERDICTS[row.get('pass')]:5} {row['name']}: {shown(row)}" + "".join(f", {word}" for word in rest if word)


def shown(row: Mapping[str, Any]) -> str:
    """The value with its ends."""
    if row["value"] is None:
        return "no value"
    return f"{row['value']:.3g} {row['unit']} ({row['low']:.3g} to {row['high']:.3g})"


def wanted(row: Mapping[str, Any]) -> str:
    """What the value must be."""
    words = [f"{bound.replace('_', ' ')} {row[bound]:g}" for bound in ("at_least", "at_most") if bound in row]
    return " and ".join(words)


def write_page(results: Path, page: Path) -> None:
    """Write the page anew from all results."""
    answers = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("*.json"))]
    names = [file.stem for file in sorted(results.glob("*.json"))]
    page.write_text(OPENING + "".join(map(section, names, answers)), encoding="utf-8")


def section(name: str, answer: Mapping[str, Any]) -> str:
    """The table of one question."""
    machine = answer["machine"]
    where = f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}"
    facts = f"{answer['question']} Measured at commit `{answer['commit'][:12]}` on {where}."
    body = [table_line(row) for row in answer["rows"]]
    notes = [f"- {row['name']}: {note}." for row in answer["rows"] for note in remarks(row)]
    head = ["| line | value | wanted | verdict |", "|---|---|---|---|"]
    return "\n".join(["", f"## {name}", "", facts, "", *head, *body, "", *notes, *[""] * bool(notes)])


def remarks(row: Mapping[str, Any]) -> list[str]:
    """What a reader must know of the row."""
    measured = f"measured at commit `{row['commit'][:12]}`" if "commit" in row else ""
    return [words for words in (measured, row.get("note", "")) if words]


def table_line(row: Mapping[str, Any]) -> str:
    """One row of the table."""
    verdict = VERDICTS[row.get("pass")] + ", noisy" * bool(row.get("noisy"))
    name = row["name"].replace("|", "\\|")  # which would end the cell
    return "| " + " | ".join([name, shown(row), wanted(row), verdict]) + " |"
