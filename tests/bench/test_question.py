"""A question is answered line by line: within its budget, from where it stopped, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isthmus.bench.answers import Absent, Cache, Figure, fingerprint
from isthmus.bench.page import OPENING, told
from isthmus.bench.question import Question
from isthmus.errors import PeerError
from isthmus.metrics.intervals import Interval

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out like the checkout."""
    for folder in ("src", "benchmarks", "docs"):
        (tmp_path / folder).mkdir()
    return tmp_path


def asked(root: Path, measured: list[str], **figures: Any) -> Question:
    """A question whose lines give these figures, and note that they were measured."""
    question = Question("speed", "How fast?", root)
    for name, figure in figures.items():

        def measure(desk: Any, name: str = name, figure: Any = figure) -> Any:
            measured.append(name)
            if isinstance(figure, Exception):
                raise figure
            return figure

        question.line(name, at_least=2.0)(measure)
    return question


def answer(root: Path) -> Any:
    """What was written."""
    return json.loads((root / "benchmarks" / "results" / "speed.json").read_text())


GOOD, BAD = Figure(Interval(3.0, 1.5, 4.0), is_noisy=True), Figure(Interval(1.0, 1.0, 1.0))


def test_a_line_passes_by_its_value_and_is_sure_by_its_ends(checkout: Path) -> None:
    assert asked(checkout, [], good=GOOD, bad=BAD).main([]) == 1
    written = answer(checkout)
    assert [(row["pass"], row["sure"]) for row in written["rows"]] == [(True, False), (False, False)]
    assert written["rows"][0] | {"value": 3.0, "low": 1.5, "high": 4.0, "at_least": 2.0} == written["rows"][0]
    assert (written["pass"], written["noisy"], written["seeds"]) == (False, ["good"], [0, 1, 2])
    assert set(written["machine"]) >= {"processor", "cores", "torch"}


def test_a_figure_that_lacks_what_else_must_hold_fails(checkout: Path) -> None:
    assert asked(checkout, [], fast_but_wrong=Figure(Interval(9.0, 9.0, 9.0), holds=False)).main([]) == 1


def test_what_does_not_apply_has_a_reason_and_no_verdict(checkout: Path) -> None:
    assert asked(checkout, [], low=Absent("not applicable: no units"), good=GOOD).main([]) == 0
    written = answer(checkout)
    assert written["rows"][0]["note"] == "not applicable: no units"
    assert "pass" not in written["rows"][0]
    assert written["pass"] is True


def test_a_run_goes_on_where_it_stopped(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured: list[str] = []
    question = asked(checkout, measured, first=GOOD, second=GOOD)
    assert question.main(["--only", "first"]) == 0
    assert "reached 1 of 2 lines; run again to go on" in capsys.readouterr().out
    assert answer(checkout)["pass"] is False  # no answer yet
    assert question.main([]) == 0
    assert measured == ["first", "second"]
    assert answer(checkout)["pass"] is True
    question.main(["--fresh"])
    assert measured == ["first", "second"] * 2


def test_no_budget_reaches_nothing(checkout: Path) -> None:
    measured: list[str] = []
    asked(checkout, measured, first=GOOD).main(["--budget", "0"])
    assert measured == []
    assert answer(checkout)["rows"][0]["note"] == "not reached"


def test_what_is_not_measured_now_stands_as_it_was_measured_before(checkout: Path) -> None:
    asked(checkout, [], first=GOOD, second=GOOD).main([])
    (checkout / "src" / "new.py").write_text("x = 1\n")
    measured: list[str] = []
    asked(checkout, measured, first=BAD, second=BAD).main(["--only", "second"])
    first, second = answer(checkout)["rows"]
    assert (measured, second["value"], "commit" in second) == (["second"], 1.0, False)
    assert (first["value"], first["commit"]) == (3.0, "unknown")
    asked(checkout, [], first=BAD, second=BAD).main(["--budget", "0"])
    assert [row["value"] for row in answer(checkout)["rows"]] == [3.0, 1.0]


def test_what_was_held_to_other_bounds_or_elsewhere_is_not_kept(checkout: Path) -> None:
    asked(checkout, [], first=GOOD).main([])
    file = checkout / "benchmarks" / "results" / "speed.json"
    written = file.read_text()
    for changed in (written.replace('"at_least": 2.0', '"at_least": 1.0'), written.replace('"cores": ', '"cores": 10')):
        assert changed != written
        file.write_text(changed)
        (checkout / "src" / "new.py").write_text(f"# {len(changed)}\n")
        asked(checkout, [], first=BAD).main(["--budget", "0"])
        assert answer(checkout)["rows"][0]["value"] is None


def test_changed_code_is_measured_anew(checkout: Path) -> None:
    measured: list[str] = []
    question = asked(checkout, measured, first=GOOD)
    question.main([])
    (checkout / "src" / "new.py").write_text("x = 1\n")
    question.main([])
    assert measured == ["first", "first"]


def test_a_peer_that_cannot_be_had_leaves_its_line_open(checkout: Path) -> None:
    measured: list[str] = []
    question = asked(checkout, measured, first=PeerError("pip install peer", "it needs a network", "try again"))
    question.main([])
    row = answer(checkout)["rows"][0]
    assert (row["value"], row["pass"]) == (None, None)
    assert "pip install peer" in row["note"]
    question.main([])
    assert measured == ["first", "first"]


def test_a_cache_keeps_results_by_key_and_code(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "code")
    assert cache.get(lambda: 1, seed=0, method="ours") == 1
    assert cache.get(lambda: 2, seed=0, method="ours") == 1
    assert cache.get(lambda: 3, seed=1, method="ours") == 3
    assert Cache(tmp_path, "other code").find(seed=0, method="ours") is None


def test_the_fingerprint_leaves_out_what_peers_installed(checkout: Path) -> None:
    before = fingerprint([checkout])
    installed = checkout / "benchmarks" / ".environments" / "peer" / "x.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("x = 1\n")
    assert fingerprint([checkout]) == before


def test_the_page_in_the_documentation_is_that_of_the_results(tmp_path: Path) -> None:
    from isthmus.bench.page import write_page

    page = tmp_path / "benchmarks.md"
    write_page(ROOT / "benchmarks" / "results", page)
    assert page.read_text() == (ROOT / "docs" / "benchmarks.md").read_text()
    assert page.read_text().startswith(OPENING)


def test_a_row_is_told_with_all_that_matters() -> None:
    row = {"name": "a", "unit": "x", "value": 1.0, "low": 0.5, "high": 2.0, "at_most": 3, "pass": True, "noisy": True}
    assert told(row | {"note": "so"}) == "pass  a: 1 x (0.5 to 2), at most 3, NOISY, so"
