"""The README says what the code does: its example prints what it shows, its table lists the family."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def writer() -> Any:
    """docs/readme.py, which writes both."""
    spec = importlib.util.spec_from_file_location("readme", ROOT / "docs" / "readme.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_readme_is_short_and_its_family_table_is_the_family() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert writer().family_table() in text, "run: .venv/bin/python docs/readme.py"


def test_readme_example_runs_and_prints_what_is_shown() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    printed = writer().example_output(text).splitlines()
    shown = text.split("```text\n")[1].split("\n```")[0].splitlines()
    assert len(printed) == len(shown) == 2
    # Another processor may round otherwise, so a row or two may fall on the other side of the threshold.
    found, expected = (int(line.split()[1].rstrip("%")) for line in (printed[0], shown[0]))
    assert abs(found - expected) <= 3
    assert printed[1].startswith("promised: ")


def test_the_sum_of_the_page_about_scale_is_of_what_was_measured() -> None:
    page, speeds = ROOT / "docs" / "how-to" / "scale.md", ROOT / "benchmarks" / "results" / "scale.json"
    table = writer().plan_table(speeds.read_text(encoding="utf-8"))
    assert table in page.read_text(encoding="utf-8"), "run: .venv/bin/python docs/readme.py"
