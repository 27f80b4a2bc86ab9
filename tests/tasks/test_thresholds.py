"""Each rule for a threshold does what it says, and says what it can promise."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import isthmus
from isthmus.errors import IsthmusError, ParameterError, TooFewRowsError, UnknownNameError
from isthmus.tasks.anomaly.calibration import Promise
from isthmus.tasks.anomaly.thresholds import RULES, chosen

RANDOM = np.random.default_rng(0)
NORMAL, ANOMALOUS = RANDOM.normal(size=400), RANDOM.normal(3, 1, size=40)
SCORES, LABELS = np.concatenate([NORMAL, ANOMALOUS]), np.repeat([False, True], [400, 40])


def drawn(n: int, anomalies: int = 0, shift: float = 3.0, draws: int = 400) -> tuple[Any, Any]:
    """Scores of many calibration sets, (draws, n + anomalies), and which are anomalies."""
    random = np.random.default_rng(1)
    scores = np.hstack([random.normal(size=(draws, n)), random.normal(shift, 1, size=(draws, anomalies))])
    return scores, np.repeat([False, True], [n, anomalies])


def test_fpr_takes_the_least_threshold_whose_promise_stays_within_the_budget() -> None:
    threshold = chosen("fpr", SCORES, LABELS, 0.05)
    above = int((threshold.value < NORMAL).sum())
    assert threshold.promise.high <= 0.05 < Promise.of(0.05, 400, above + 1).high
    assert threshold.promise.rule == "fpr"
    assert threshold.value > chosen("conformal", SCORES, LABELS, 0.05).value


def test_fpr_stays_within_the_budget_with_confidence() -> None:
    scores, labels = drawn(400)
    rates = {r: [norm.sf(chosen(r, row, labels, 0.05).value) for row in scores] for r in ("fpr", "conformal")}
    assert np.mean(np.array(rates["fpr"]) > 0.05) < 0.05  # 2.5 % in the long run
    assert np.mean(np.array(rates["conformal"]) > 0.05) > 0.3  # the budget on average is exceeded by many a set


@pytest.mark.parametrize("costs", [None, (1, 1), (100, 1), (1, 100)])
def test_what_labels_choose_no_other_threshold_beats(costs: Any) -> None:
    def worth(threshold: float) -> float:
        found, false = (ANOMALOUS > threshold).sum(), (threshold < NORMAL).sum()
        f1 = 2 * found / (found + false + 40)
        return float(f1 if costs is None else -costs[0] * (40 - found) - costs[1] * false)

    threshold = chosen("f1" if costs is None else "cost", SCORES, LABELS, 0.01, costs).value
    assert worth(threshold) == max(worth(other) for other in [*SCORES, SCORES.min() - 1])


def test_dear_misses_lower_the_threshold_and_dear_alarms_raise_it() -> None:
    values = [chosen("cost", SCORES, LABELS, 0.01, (miss, 1.0)).value for miss in (0.1, 1, 10, 100)]
    assert values == sorted(values, reverse=True) and values[0] > values[-1]


@pytest.mark.parametrize(("rule", "costs"), [("f1", None), ("cost", (5, 1))])
def test_the_rate_of_a_labelled_rule_lies_where_its_promise_says(rule: str, costs: Any) -> None:
    scores, labels = drawn(200, 20)
    within = []
    for row in scores:
        threshold = chosen(rule, row, labels, 0.01, costs)
        within.append(threshold.promise.low <= norm.sf(threshold.value) <= threshold.promise.high)
    assert np.mean(within) > 0.9


@given(st.lists(st.integers(0, 6), min_size=10, max_size=60), st.lists(st.integers(2, 9), min_size=10, max_size=30))
def test_ties_count_as_no_alarm(normal: list[int], anomalies: list[int]) -> None:
    scores = np.array(normal + anomalies, dtype=float)
    labels = np.repeat([False, True], [len(normal), len(anomalies)])
    threshold = chosen("f1", scores, labels, 0.1)
    above = int((threshold.value < scores[~labels]).sum())
    assert threshold.promise.expected == pytest.approx((above + 1) / (len(normal) + 1))


@pytest.mark.parametrize("share", [0.005, 0.02, 0.05])
def test_trimmed_keeps_the_budget_where_a_few_rows_are_anomalies(share: float) -> None:
    # sums of squares, as the fusion is, with anomalies far out that nobody labelled
    random = np.random.default_rng(0)
    fresh = random.chisquare(10, 50_000) / 2
    rates: dict[str, list[float]] = {"conformal": [], "trimmed": []}
    for _ in range(40):
        planted = random.chisquare(10, round(1000 * share)) / 2 + random.uniform(30, 200, round(1000 * share))
        scores = np.concatenate([random.chisquare(10, 1000 - len(planted)) / 2, planted])
        for rule, found in rates.items():
            threshold = chosen(rule, scores, np.zeros(1000, dtype=bool), 0.02)
            found.append((fresh > threshold.value).mean())
    assert np.mean(rates["trimmed"]) == pytest.approx(0.02, abs=0.004)
    assert np.mean(rates["conformal"]) < 0.02 - 0.8 * min(share, 0.02)  # (a - e) / (1 - e), or nothing


@pytest.mark.parametrize("moved", [0.0, -500.0, 1e4])
def test_trimmed_is_the_same_wherever_the_scores_begin(moved: float) -> None:
    scores = np.append(np.random.default_rng(0).chisquare(8, 500), [200.0, 300.0])
    threshold = chosen("trimmed", scores + moved, np.zeros(502, dtype=bool), 0.05)
    assert (len(threshold.scores), threshold.promise.aside) == (500, 2)
    assert threshold.value == pytest.approx(np.sort(scores)[475] + moved)
    assert threshold.promise.high > Promise.of(0.05, 500, 24).high


def test_known_anomalies_never_calibrate() -> None:
    for rule in ("conformal", "percentile", "fpr", "trimmed"):
        assert chosen(rule, SCORES, LABELS, 0.05).value == chosen(rule, NORMAL, np.zeros(400, dtype=bool), 0.05).value


def test_alerts_in_a_span_are_a_budget() -> None:
    assert isthmus.alpha_for(alerts=3, rows=2_000_000) == 1.5e-6
    assert isthmus.alpha_for(alerts=0.5, rows=100) == 0.005
    bad: list[tuple[Any, Any]] = [(0, 10), (10, 10), (-1, 10), (1, float("inf")), (float("nan"), 10), ("3", 10)]
    for alerts, rows in bad:
        with pytest.raises(ParameterError, match="0 < alerts < rows, both in the same span"):
            isthmus.alpha_for(alerts=alerts, rows=rows)


# The detector's verbs. -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judge(tumours: Any, quick: Any) -> Any:
    """A detector with rows left to calibrate with: benign ones from 160 on, and the malignant ones."""
    return isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0).fit(tumours.benign[:160])


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_a_rule_of_calibrate_and_is_saved(rule: str, judge: Any, tumours: Any, tmp_path: Path) -> None:
    own = copy.deepcopy(judge)
    X, y = np.concatenate([tumours.benign[160:], tumours.malignant[:60]]), np.repeat([0, 1], [197, 60])
    own.calibrate(X, y, rule=rule, costs=(10, 1) if rule == "cost" else None)
    assert own.promise_.rule == rule
    assert (own.promise_.alpha, own.promise_.n + own.promise_.aside) == (0.05, 197)
    assert own.threshold_ in own.calibration_scores_ and len(own.calibration_scores_) == own.promise_.n
    loaded = isthmus.load(own.save(tmp_path / "detector"))
    assert (loaded.promise_, loaded.threshold_) == (own.promise_, own.threshold_)
    assert (loaded.predict(tumours.malignant) == own.predict(tumours.malignant)).all()


BAD: list[tuple[dict[str, Any], type[IsthmusError], str]] = [
    ({"rule": "f2"}, UnknownNameError, "Did you mean 'f1'"),
    (
        {"rule": "f1", "alpha": 0.1},
        ParameterError,
        "alpha=0.1 with rule='f1': 'f1' follows the labels.*Leave alpha out",
    ),
    ({"rule": "cost"}, ParameterError, r"costs=None: rule='cost' needs two prices.*Use costs=\(100, 1\)"),
    ({"rule": "cost", "costs": (1, -1)}, ParameterError, r"costs=\(1, -1\)"),
    ({"rule": "cost", "costs": 3}, ParameterError, "costs=3"),
    ({"costs": (1, 1)}, ParameterError, r"costs=\(1, 1\) with rule='conformal'.*Leave costs out"),
    ({"rule": "f1"}, TooFewRowsError, "0 anomalies and 197 normal rows.*fewer than 10.*rule='conformal'"),
    ({"rule": "f1", "y": np.arange(197) < 9}, TooFewRowsError, "9 anomalies and 188 normal rows.*Label more"),
    ({"rule": "fpr", "alpha": 0.01}, TooFewRowsError, "n=197 calib.*alpha=0.01 needs 368.*Give 171 more, or.*0.019"),
    ({"rule": "trimmed", "alpha": 0.001}, TooFewRowsError, "needs 999 rows"),
    ({"y": np.ones(197, dtype=bool)}, TooFewRowsError, "n=0 calibration rows"),
    ({"alpha": 7}, ParameterError, "alpha=7"),
]


@pytest.mark.parametrize(("options", "error", "match"), BAD)
def test_what_a_rule_cannot_do_is_refused(options: Any, error: Any, match: str, judge: Any, tumours: Any) -> None:
    before = judge.threshold_
    with pytest.raises(error, match=match):
        judge.calibrate(tumours.benign[160:], **options)
    assert judge.threshold_ == before


def test_fit_takes_labels_for_the_rows_that_calibrate(tumours: Any, quick: Any) -> None:
    X = np.concatenate([tumours.malignant[:30], tumours.benign[200:]])
    y = np.repeat([1, 0], [30, 157])
    with_labels = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0)
    with_labels.fit(tumours.benign[:200], X_calibration=X, y_calibration=y)
    without = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0)
    without.fit(tumours.benign[:200], X_calibration=tumours.benign[200:])
    assert with_labels.threshold_ == without.threshold_ and with_labels.promise_ == without.promise_
    with pytest.raises(TooFewRowsError, match="187 rows of X_calibration, all of them anomalies"):
        with_labels.fit(tumours.benign[:200], X_calibration=X, y_calibration=np.ones(187, dtype=bool))


def test_fit_holds_out_the_last_rows_by_time(tumours: Any, quick: Any) -> None:
    time = np.random.default_rng(0).permutation(357)
    last = time >= time[np.argsort(time)[-71]]
    own = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0).fit(tumours.benign, time=time)
    assert (np.sort(own.anomaly_score(tumours.benign[last])) == own.calibration_scores_).all()
    assert own.model_.spec_.columns[0].high == tumours.benign[~last, 0].max()
    with pytest.warns(isthmus.tasks.anomaly.calibration.FewCalibrationRowsWarning, match="n=71"):  # no cross-fitting
        isthmus.AnomalyDetector(quick, alpha=0.01, random_state=0).fit(tumours.benign, time=time)


def test_time_and_groups_hold_beside_trim(tumours: Any, quick: Any) -> None:
    time, groups = np.arange(357), np.arange(357) // 7
    own = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0)
    own.fit(tumours.benign, time=time, groups=groups, trim=0.05)
    kept = own.trimmed_.kept
    assert own.promise_.n == pytest.approx(0.2 * kept.sum(), abs=7)
    last = tumours.benign[kept][-own.promise_.n :]
    assert (np.sort(own.anomaly_score(last)) == own.calibration_scores_).all()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"y_calibration": [0, 1]}, "y_calibration= without X_calibration="),
        ({"X_calibration": np.zeros((3, 30)), "time": np.arange(9)}, "time= beside X_calibration=.*check_splits"),
    ],
)
def test_arguments_of_fit_that_contradict_each_other_are_refused(given: Any, match: str, tumours: Any) -> None:
    with pytest.raises(ParameterError, match=match):
        isthmus.AnomalyDetector().fit(tumours.benign[:9], **given)
