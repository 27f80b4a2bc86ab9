"""An evaluation says what the figures say, moves no threshold, and knows what its labels may not decide."""

from __future__ import annotations

import html
import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.tasks.conftest import Tumours

import isthmus
from isthmus.errors import InputError, ParameterError, TooFewRowsError
from isthmus.estimator.inputs import learn
from isthmus.tasks.anomaly import page_blocks
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.anomaly.controls import every_control
from isthmus.tasks.anomaly.demo.comparison import DETECTOR
from isthmus.tasks.anomaly.evaluation.evaluate import evaluate
from isthmus.tasks.anomaly.evaluation.evaluation import ALPHAS, Evaluation, best_f1
from isthmus.tasks.anomaly.evaluation.operation import Operation
from isthmus.tasks.anomaly.evaluation.page import page
from isthmus.tasks.anomaly.evaluation.rivals import Judged, numbers
from isthmus.tasks.anomaly.evaluation.text import about, grouped, sentences

TRUTH = np.arange(1000) < 100
CALIBRATION = np.sort(np.random.default_rng(1).normal(size=500))
THRESHOLD = float(CALIBRATION[475])


def invented(lead: float = 0.0, operation: Operation | None = None, gap: float = 2.0) -> Evaluation:
    """Scores of a detector and of a control that it leads."""
    random = np.random.default_rng(0)
    noise, own = random.normal(size=1000), 0.1 * random.normal(size=(2, 1000))
    ours, theirs = (noise + more + shift * TRUTH for more, shift in zip(own, (gap + lead, gap), strict=True))
    detector: Any = SimpleNamespace(
        threshold_=THRESHOLD, calibration_scores_=CALIBRATION, promise_=Promise.of(0.05, 500, 24), model_=None
    )
    methods = {DETECTOR: Judged(ours, THRESHOLD), "PCA": Judged(theirs, THRESHOLD), "coin": Judged(noise, THRESHOLD)}
    return Evaluation(detector, TRUTH, methods, 0, operation or Operation(), [])


@pytest.mark.parametrize(
    ("lead", "winner", "advice"),
    [
        (0.5, "detector", "Use the detector."),
        (-0.5, "control", "Use PCA, or"),
        (0.0, "undecided", "prefer the simpler"),
    ],
)
def test_who_wins_is_said_in_plain_words(lead: float, winner: str, advice: str) -> None:
    found = invented(lead)
    verdict = found.verdict()
    assert verdict is not None
    assert (verdict.winner, verdict.control) == (winner, "PCA")
    text = " ".join(sentences(found))
    recall = found.confusion().recall
    assert f"{100 * recall.value:.0f} % of the anomalies found ({100 * recall.low:.0f} to" in text
    assert "by 500 calibration rows" in text and advice in text


def test_thresholds_come_from_the_calibration_rows_but_for_the_last() -> None:
    found = invented()
    lines = found.thresholds()
    assert [line.name for line in lines] == [
        "in use", "0.1 % (needs 999 calibration rows)", "0.5 %", "1 %", "2 %", "5 %", "best F1",
    ]  # fmt: skip
    assert lines[0].threshold == THRESHOLD
    for alpha, line in zip(ALPHAS[1:], lines[2:-1], strict=True):
        assert (CALIBRATION > line.threshold).mean() <= alpha
        assert line.confusion.alarms == (found.scores > line.threshold).sum()
    assert lines[-1].confusion.f1.value >= max(line.confusion.f1.value for line in lines[:-1])
    assert all(line.cost is None for line in lines)


def f1(truth: Any, alarms: Any) -> float:
    """F1 as it is defined."""
    return float(2 * (truth & alarms).sum() / (truth.sum() + alarms.sum()))


def test_the_best_f1_is_the_best_of_all_thresholds() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        truth, scores = random.random(40) < 0.3, np.round(random.normal(size=40), 1)
        truth[0] = True
        best = max(f1(truth, scores >= at) for at in scores)
        assert f1(truth, scores > best_f1(truth, scores)) == pytest.approx(best)


def test_the_work_saved_is_counted_in_the_order_of_the_scores() -> None:
    found = invented()
    reviewed, anomalies = found.work()
    order = np.argsort(-found.scores)
    at = int(np.searchsorted(np.cumsum(TRUTH[order]), 90)) + 1
    assert found.reviewed(0.9) == pytest.approx(at / 1000)
    assert (reviewed[0], reviewed[-1], anomalies[0], anomalies[-1]) == (0, 1, 0, 1)
    level = found.work("coin")
    assert np.abs(level[0] - level[1]).max() < 0.15
    same = Evaluation(found.detector, TRUTH, {DETECTOR: Judged(np.ones(1000), 0.0)}, 0, Operation(), [])
    assert [list(part) for part in same.work()] == [[0, 1], [0, 1]]


def test_alerts_and_money_follow_from_the_rates() -> None:
    work = Operation(rows_per_day=2000, anomaly_share=0.01, miss=300, false_alarm=20, review=5)
    found = invented(operation=work)
    recall, false = found.confusion().recall.value, found.confusion().false_alarm_rate.value
    alerts, saving = found.alerts(), found.saving()
    assert alerts.value == pytest.approx(20 * recall + 1980 * false)
    assert alerts.low < alerts.value < alerts.high
    day = 20 * (1 - recall) * 300 + alerts.value * 5 + 1980 * false * 20
    assert saving is not None
    assert work.without(0.01) == ("nobody looks", 6000)
    assert saving.value == pytest.approx(365 * (6000 - day))
    assert saving.low < saving.value < saving.high
    assert found.thresholds()[0].cost == pytest.approx(day)
    assert Operation(miss=300, review=1).without(0.01) == ("every row is reviewed", 1000)
    assert invented().saving() is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rows_per_day": 0}, "rows_per_day=0: rows a day are more than 0"),
        ({"anomaly_share": 1.5}, "anomaly_share=1.5: it is a share of the rows"),
        ({"review": -1}, "review=-1: a price is not negative"),
    ],
)
def test_work_that_cannot_be_is_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        Operation(**options)


def test_a_promise_that_was_not_kept_is_said() -> None:
    assert invented().kept
    found = invented()
    moved = Evaluation(found.detector, TRUTH, {DETECTOR: Judged(found.scores + 1, THRESHOLD)}, 0, Operation(), [])
    assert not moved.kept
    assert "outside the promised" in sentences(moved)[1]


@pytest.fixture(scope="module")
def judged(detector: isthmus.AnomalyDetector, tumours: Tumours) -> Evaluation:
    """The detector of benign tumours on twenty of its own rows and on malignant ones."""
    rows = np.concatenate([tumours.benign[:20], tumours.malignant[:60]])
    return evaluate(detector, rows, np.arange(80) >= 20, X_normal=tumours.benign)


def test_the_controls_judge_the_same_rows(judged: Evaluation, tumours: Tumours) -> None:
    assert list(judged.methods) == [DETECTOR, *every_control(tumours.benign, 2)]
    assert all(len(one.scores) == 80 for one in judged.methods.values())
    assert judged.seen == 20
    assert judged.scores.tolist() == judged.detector.anomaly_score(
        np.concatenate([tumours.benign[:20], tumours.malignant[:60]])
    ).tolist()  # fmt: skip


def test_the_highest_rows_come_first_with_their_reasons(judged: Evaluation) -> None:
    order = np.argsort(-judged.scores, kind="stable")[:5]
    assert [one.row for one in judged.top] == order.tolist()
    for one in judged.top:
        assert one.score == judged.scores[one.row]
        rows = np.concatenate([np.zeros(20, bool), np.ones(60, bool)])
        assert one.anomalous == rows[one.row]
        shares = [why.share for why in one.reasons]
        assert len(shares) == 30 and shares == sorted(shares, reverse=True)


def test_the_highest_rows_stand_beside_the_nearest_normal_ones(judged: Evaluation, tumours: Tumours) -> None:
    rows = np.concatenate([tumours.benign[:20], tumours.malignant[:60]])[[one.row for one in judged.top]]
    near = judged.detector.nearest_normal(rows)
    assert [list(one.nearest.values()) for one in judged.top] == near.tolist()
    assert "nearest normal" in shown(judged)
    facts = json.loads(json.dumps(judged.to_json()))["top"][0]
    assert facts["nearest"] == {why["column"]: judged.top[0].nearest[why["column"]] for why in facts["reasons"]}


def test_every_alarm_is_of_one_incident_and_the_page_tells_them(judged: Evaluation) -> None:
    alarms = np.flatnonzero(judged.scores > judged.detector.threshold_).tolist()
    assert sorted(row for one in judged.incidents for row in one.rows) == alarms
    text, largest = shown(judged), judged.incidents[0]
    assert "anomalies among them" in text and about(largest) in text
    facts = json.loads(json.dumps(judged.to_json()))["incidents"]
    assert [(one["incident"], one["rows"]) for one in facts] == [(one.incident, one.rows) for one in judged.incidents]
    assert grouped(judged)[0].startswith(f"Incidents: {len(alarms)} alarms are {len(judged.incidents)} incidents")
    assert grouped(invented()) == []


def shown(found: Evaluation) -> str:
    """The page's words, without marks and without charts, which take longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_blocks, "find_spec", lambda name: None)
        text = html.unescape(re.sub(r"<[^>]+>", " ", page(found, "tumours").html()))
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u2060", ""))


def test_the_page_has_the_figures(judged: Evaluation) -> None:
    text = shown(judged)
    assert all(sentence in text for sentence in sentences(judged))
    assert "Rows seen before" in text and "20 normal rows equal rows" in text
    for part in (
        "Work saved",
        "best F1, upper bound",
        "nearest neighbours",
        "usual band",
        str(judged.detector.promise_),
    ):
        assert part in text
    assert "A year in money" not in text


def test_every_figure_is_plain_json(judged: Evaluation) -> None:
    facts = json.loads(json.dumps(judged.to_json()))
    assert facts["confusion"] == judged.confusion()._asdict()
    assert facts["figures"]["PCA"]["roc_auc"]["value"] == judged.figures()["PCA"]["roc_auc"].value
    assert facts["promise"]["band"] == list(judged.band())
    assert [one["row"] for one in facts["top"]] == [one.row for one in judged.top]
    assert len(facts["thresholds"]) == len(ALPHAS) + 2


def test_without_normal_rows_no_control_is_asked(detector: isthmus.AnomalyDetector, tumours: Tumours) -> None:
    rows = np.concatenate([tumours.benign[:5], tumours.malignant[:5]])
    found = evaluate(detector, rows, [1] * 5 + [-1] * 5)
    assert found.verdict() is None and list(found.methods) == [DETECTOR]
    assert found.to_json()["verdict"] is None
    assert "No control was asked" in sentences(found)[-1] and "--train FILE" in shown(found)


def test_rows_of_one_kind_judge_nothing(detector: isthmus.AnomalyDetector, tumours: Tumours) -> None:
    with pytest.raises(InputError, match="y with 5 normal rows only: what is found .* Add rows of the other kind"):
        evaluate(detector, tumours.benign[:5], [False] * 5)


def test_controls_need_normal_rows_that_differ(detector: isthmus.AnomalyDetector, tumours: Tumours) -> None:
    rows = np.concatenate([tumours.benign[:5], tumours.malignant[:5]])
    with pytest.raises(TooFewRowsError, match="X_normal with n_samples=3, all alike or one alone"):
        evaluate(detector, rows, np.arange(10) >= 5, X_normal=tumours.benign[[0, 0, 0]])


def test_controls_see_categories_one_by_one_and_no_gaps() -> None:
    frame = pd.DataFrame({"size": [1.0, None, 3.0, 2.0], "colour": ["red", "blue", None, "red"]})
    seen = numbers(learn(isthmus.Autoencoder(), frame))
    assert seen.shape == (4, 3)
    assert np.isfinite(seen).all()
    assert seen[2, 1:].tolist() == [0, 0]
    assert sorted(seen[[0, 1], 1:].sum(1).tolist()) == [1, 1]
