"""`isthmus demo`, run once with few splits: its files, its figures, its last line."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import isthmus
from isthmus.cli import demo as command
from isthmus.tasks.anomaly import page_blocks
from isthmus.tasks.anomaly.demo import demo as demonstration
from isthmus.tasks.anomaly.demo import page as pages
from isthmus.tasks.anomaly.demo.comparison import DETECTOR
from isthmus.tasks.anomaly.demo.page import AGAIN
from isthmus.tasks.anomaly.page_blocks import HEADS, cell, short

SPLITS = 2


class Outcome(NamedTuple):
    """What one run left: its figures, its folder, and what it printed."""

    demo: demonstration.Demo
    out: Path
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The command, with the demonstration's own result kept on the way."""
    import contextlib
    import io

    out, kept = tmp_path_factory.mktemp("demo") / "isthmus-demo", []
    real = demonstration.demonstrate

    def few(**options: Any) -> demonstration.Demo:
        kept.append(real(SPLITS, **options))
        return kept[0]

    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        patch.setattr(demonstration, "demonstrate", few)
        command.demo(out=out)
    return Outcome(kept[0], out, stdout.getvalue(), stderr.getvalue())


def shown(outcome: Outcome) -> str:
    """The page's words, without marks."""
    text = (outcome.out / "report.html").read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]+>", " ", text)).replace("\u00a0", " ").replace("\u2060", "")


def test_standard_output_is_the_path_and_standard_error_the_rest(outcome: Outcome) -> None:
    assert outcome.stdout == f"{outcome.out / 'report.html'}\n"
    assert f"split {SPLITS} of {SPLITS}" in outcome.stderr
    assert outcome.stderr.rstrip().endswith(outcome.demo.summary())


def test_the_page_has_the_figures_that_were_found(outcome: Outcome) -> None:
    page = shown(outcome)
    for method, figures in outcome.demo.comparison.figures().items():
        assert method == DETECTOR or method in page
        for name in HEADS:
            assert cell(name, figures[name]) in page
    for anomaly in outcome.demo.anomalies:
        first = anomaly.reasons[0]
        assert f"{anomaly.row}, " in page
        assert all(str(word) in page for word in (first.column, short(first.seen), short(first.expected)))
    assert str(outcome.demo.first.detector.promise_) in page
    assert demonstration.said(*outcome.demo.comparison.verdict()) in page


def test_the_page_needs_nothing_but_itself(outcome: Outcome) -> None:
    text = (outcome.out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!#|data:)", text)
    assert "<script" not in text


def test_without_matplotlib_the_page_says_how_to_have_its_charts(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_blocks, "find_spec", lambda name: None)
    text = pages.page(outcome.demo).html()
    assert text.count("isthmus[plot]") == 4
    assert "<svg" not in text


def test_the_saved_detector_judges_as_the_one_on_the_page(outcome: Outcome) -> None:
    loaded = isthmus.load(outcome.out / "detector")
    scores, malignant = outcome.demo.scores()
    assert (loaded.anomaly_score(outcome.demo.rows("test")) == scores).all()
    result = outcome.demo.first.results[DETECTOR]
    assert result.recall == (scores > loaded.threshold_)[malignant].mean()
    assert list(loaded.feature_names_in_) == outcome.demo.data.columns


def test_false_alarms_keep_the_promise(outcome: Outcome) -> None:
    for trial in outcome.demo.comparison.trials:
        normals = int((~outcome.demo.data.anomalous[trial.split.test]).sum())
        low, high = trial.detector.promise_.band(normals)
        assert low <= round(trial.results[DETECTOR].false_alarm_rate * normals) <= high


def test_nothing_leaks_between_the_parts(outcome: Outcome) -> None:
    data = outcome.demo.data
    for trial in outcome.demo.comparison.trials:
        parts = [{row.tobytes() for row in data.X[rows]} for rows in trial.split]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        assert not data.anomalous[np.concatenate(trial.split[:2])].any()


def test_the_lines_on_the_page_make_the_same_detector(outcome: Outcome) -> None:
    names: dict[str, Any] = {}
    exec(AGAIN, names)
    test = names["X"].iloc[names["split"].test]
    assert (names["detector"].anomaly_score(test) == outcome.demo.scores()[0]).all()


def test_the_facts_are_the_figures(outcome: Outcome) -> None:
    facts = outcome.demo.to_json()
    for method, figures in outcome.demo.comparison.figures().items():
        assert facts["figures"][method]["roc_auc"]["value"] == figures["roc_auc"].value
    assert facts["verdict"]["lead"]["low"] <= facts["verdict"]["lead"]["value"] <= facts["verdict"]["lead"]["high"]
    assert facts["promise"]["n"] == outcome.demo.first.detector.promise_.n
