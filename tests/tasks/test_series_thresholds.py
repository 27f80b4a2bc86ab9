"""Thresholds of a series by other rules, with labels or without: what each keeps, and what it refuses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isthmus
from isthmus.errors import InputError, ParameterError, TooFewRowsError, UnknownNameError
from isthmus.tasks.anomaly.series.thresholds import chosen, conformal, untouched
from isthmus.tasks.anomaly.series.windows import Windows

WINDOW, SPAN = 10, 18
NONE = np.empty(0)


def wave(n: int, seed: int) -> Any:
    """A noisy wave, (n,)."""
    return np.sin(np.arange(n) / 4) + 0.1 * np.random.default_rng(seed).normal(size=n)


@pytest.fixture(scope="module")
def fitted() -> isthmus.TimeSeriesDetector:
    """Of a wave; no test changes it."""
    return isthmus.TimeSeriesDetector(window=WINDOW, alpha=0.1, random_state=0).fit(wave(2000, 0))


@pytest.fixture
def detector(fitted: isthmus.TimeSeriesDetector) -> isthmus.TimeSeriesDetector:
    """A copy of it."""
    return copy.deepcopy(fitted)


def test_labels_without_an_anomaly_change_nothing(detector: Any) -> None:
    X = wave(1500, 1)
    plain = copy.deepcopy(detector).calibrate(X)
    detector.calibrate(X, np.zeros(1500, dtype=bool))
    assert detector.threshold_ == plain.threshold_ and detector.promise_ == plain.promise_
    np.testing.assert_array_equal(detector.calibration_scores_, np.sort(detector.anomaly_score(X)))


def test_anomalies_and_what_shares_a_window_with_them_are_no_evidence(detector: Any) -> None:
    X = wave(1500, 1)
    clean = copy.deepcopy(detector).calibrate(X).threshold_
    X[700:720] += 9
    y = np.zeros(1500, dtype=int)
    y[700:720] = 1
    blind = copy.deepcopy(detector).calibrate(X).calibration_scores_.max()
    detector.calibrate(X, y)
    assert detector.promise_.points == 1500 - 20 - 2 * (WINDOW - 1)
    assert detector.calibration_scores_.max() < blind / 2
    assert detector.threshold_ == pytest.approx(clean, rel=0.05)


@pytest.mark.parametrize(("smooth", "before", "after"), [(1, 9, 9), (4, 9, 12)])
def test_a_score_is_untouched_where_moving_the_anomaly_leaves_its_bits(smooth: int, before: int, after: int) -> None:
    detector = isthmus.TimeSeriesDetector(window=WINDOW, smooth=smooth, alpha=0.3, random_state=0).fit(wave(1200, 0))
    X, moved = wave(200, 1), wave(200, 1)
    moved[100] += 5
    same = detector.anomaly_score(X) == detector.anomaly_score(moved)
    clean = untouched(np.arange(200) == 100, Windows(WINDOW, 1, smooth))
    assert (~clean).sum() == before + 1 + after
    assert (same | ~clean).all() and not same[~clean].any()


def test_each_rule_keeps_what_it_says() -> None:
    scores = np.random.default_rng(0).normal(size=20_000)
    usual, strict, plain = (
        conformal(scores, 0.05, SPAN),
        *(chosen(r, scores, NONE, 0.05, SPAN) for r in ("fpr", "percentile")),
    )
    assert strict.value > usual.value and strict.promise.high <= 0.05 < usual.promise.high
    assert (scores > plain.value).mean() == pytest.approx(0.05, abs=1e-4)
    assert [found.promise.n for found in (usual, strict, plain)] == [20_000 // SPAN] * 3
    assert [found.promise.rule for found in (usual, strict, plain)] == ["conformal", "fpr", "percentile"]
    again = chosen("conformal", scores, NONE, 0.05, SPAN)
    assert again.value == usual.value and again.promise == usual.promise


def test_a_few_anomalies_that_nobody_labelled_are_set_aside() -> None:
    random = np.random.default_rng(0)
    scores = random.chisquare(20, 20_000) / 2
    dirty = np.concatenate([scores, 60 + random.random(400)])
    clean = chosen("conformal", scores, NONE, 0.01, SPAN).value
    assert chosen("conformal", dirty, NONE, 0.01, SPAN).value > 2 * clean
    found = chosen("trimmed", dirty, NONE, 0.01, SPAN)
    assert found.value == pytest.approx(clean, rel=0.1) and 400 <= found.promise.aside < 900
    assert "points set aside" in str(found.promise) and found.promise.high > 0.01


def test_labels_decide_where_a_rule_follows_them(detector: Any) -> None:
    X, y = wave(1500, 1), np.zeros(1500, dtype=bool)
    X[700:730] += 0.5
    y[700:730] = True
    by_f1 = copy.deepcopy(detector).calibrate(X, y, rule="f1").threshold_
    dear = copy.deepcopy(detector).calibrate(X, y, rule="cost", costs=(1000, 1)).threshold_
    cheap = copy.deepcopy(detector).calibrate(X, y, rule="cost", costs=(1, 1000)).threshold_
    assert dear <= by_f1 <= cheap
    assert (detector.anomaly_score(X)[y] > dear).mean() > 0.9


def test_what_it_was_set_by_is_kept(detector: Any, tmp_path: Path) -> None:
    detector.calibrate(wave(4000, 1), rule="fpr", alpha=0.05).save(tmp_path / "d")
    loaded = isthmus.load(tmp_path / "d")
    assert loaded.promise_ == detector.promise_ and loaded.promise_.rule == "fpr"
    assert loaded.threshold_ == detector.threshold_


def test_what_does_not_go_together_is_refused(detector: Any) -> None:
    X = wave(1500, 1)
    with pytest.raises(UnknownNameError, match="rule='quantile'"):
        detector.calibrate(X, rule="quantile")
    with pytest.raises(ParameterError, match="costs=None"):
        detector.calibrate(X, rule="cost")
    with pytest.raises(ParameterError, match="with rule='f1'"):
        detector.calibrate(X, alpha=0.1, rule="f1")
    with pytest.raises(TooFewRowsError, match="0 anomalies"):
        detector.calibrate(X, rule="f1")
    with pytest.raises(TooFewRowsError, match="needs 36"):
        detector.calibrate(X[:400], rule="fpr", alpha=0.1)
    with pytest.raises(InputError, match="one label for each of the 1500"):
        detector.calibrate(X, np.zeros(3, dtype=bool))
    with pytest.raises(TooFewRowsError, match="none of which has a score"):
        detector.calibrate(X, np.arange(1500) % 5 == 0)
