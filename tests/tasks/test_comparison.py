"""Verdicts say what the figures say, and do not flatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isthmus.metrics import Interval
from isthmus.tasks.anomaly.controls import controls
from isthmus.tasks.anomaly.demo.comparison import DETECTOR, Comparison, Result, Trial, judged
from isthmus.tasks.anomaly.demo.demo import said
from isthmus.tasks.anomaly.splits import Split

RANDOM = np.random.default_rng(0)
SPLIT = Split(np.arange(60), np.arange(60, 80), np.arange(80, 100))


def comparison(lead: float, noise: float) -> Comparison:
    """Eight splits on which the detector leads the better of two controls by this much."""
    trials = []
    for _ in range(8):
        common, own = RANDOM.normal(0.8, 0.02), RANDOM.normal(0, noise)
        figures = {DETECTOR: common + lead + own, "good": common, "poor": common - 0.2}
        results = {name: Result(auc, auc, auc, 0.05) for name, auc in figures.items()}
        detector: Any = None
        trials.append(Trial(SPLIT, detector, results))
    return Comparison(trials)


@pytest.mark.parametrize(
    ("lead", "noise", "winner"),
    [(0.05, 0.001, "detector"), (-0.05, 0.001, "control"), (0.01, 0.05, "undecided"), (0.0, 0.0, "undecided")],
)
def test_the_winner_is_who_leads_by_more_than_the_interval(lead: float, noise: float, winner: str) -> None:
    verdict = comparison(lead, noise).verdict()
    assert (verdict.winner, verdict.control) == (winner, "good")
    assert verdict.lead.value == pytest.approx(lead, abs=3 * noise + 1e-12)


@pytest.mark.parametrize(
    ("winner", "lead", "sentence"),
    [
        ("detector", Interval(0.02, 0.01, 0.03), "The detector wins: it is ahead of the best control, PCA, by 0.020"),
        ("control", Interval(-0.02, -0.03, -0.01), "A trivial control wins here: PCA is ahead by 0.020"),
        ("undecided", Interval(-0.01, -0.03, 0.01), "No winner: the detector's ROC-AUC minus that of the best control"),
    ],
)
def test_a_verdict_is_said_in_plain_words(winner: str, lead: Interval, sentence: str) -> None:
    assert said(winner, "PCA", lead).startswith(sentence)


def test_intervals_of_rates_stay_rates() -> None:
    trials = [Trial(SPLIT, None, {DETECTOR: Result(0.99, 0.99, r, 0.0)}) for r in (0.5, 1.0)]  # type: ignore[arg-type]
    interval = Comparison(trials).interval(DETECTOR, "recall")
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert interval.value == 0.75


def test_controls_are_what_their_names_say() -> None:
    mixing = RANDOM.normal(size=(2, 5))
    train = RANDOM.normal(size=(300, 2)) @ mixing * [1, 10, 100, 1, 1] + [0, 5, 0, 0, 0]
    scores = {name: score(train) for name, score in controls(train, components=2).items()}
    z = (train - train.mean(0)) / train.std(0)
    np.testing.assert_allclose(scores["distance from the mean"], np.linalg.norm(z, axis=1))
    assert scores["PCA"].max() < 1e-9  # two numbers drive all five columns
    gaps = np.sort(np.linalg.norm(z[:, None] - z[None], axis=2), axis=1)
    np.testing.assert_allclose(scores["nearest neighbours"], gaps[:, 4])  # of which the row itself is the first


def test_a_method_is_judged_at_its_threshold() -> None:
    result = judged(np.array([1.0, 3.0, 2.0, 4.0]), np.array([False, False, True, True]), threshold=2.5)
    assert result == Result(0.75, pytest.approx(5 / 6), 0.5, 0.5)
