"""Counts and shares against scikit-learn's, and intervals that stay within what is possible."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from isthmus.metrics import Confusion, wilson_interval

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.random(300) < 0.2
ALARMS = np.where(TRUTH, RANDOM.random(300) < 0.6, RANDOM.random(300) < 0.1)


def test_counts_and_shares_are_those_of_scikit_learn() -> None:
    confusion = Confusion.of(TRUTH, ALARMS)
    (quiet, false), (missed, found) = confusion_matrix(TRUTH, ALARMS)
    assert confusion == (found, false, missed, quiet)
    assert confusion.alarms == ALARMS.sum()
    assert confusion.recall.value == pytest.approx(recall_score(TRUTH, ALARMS))
    assert confusion.precision is not None
    assert confusion.precision.value == pytest.approx(precision_score(TRUTH, ALARMS))
    assert confusion.f1.value == pytest.approx(f1_score(TRUTH, ALARMS))
    assert confusion.false_alarm_rate == wilson_interval(false, false + quiet)


def test_intervals_hold_their_value_and_stay_shares() -> None:
    for counts in [(0, 0, 5, 5), (5, 0, 0, 5), (0, 5, 5, 0), (1, 2, 3, 4)]:
        confusion = Confusion(*counts)
        for share in (confusion.recall, confusion.f1, confusion.false_alarm_rate):
            assert 0 <= share.low <= share.value <= share.high <= 1
            assert share.low < share.high


def test_without_an_alarm_nothing_is_precise() -> None:
    assert Confusion(0, 0, 3, 7).precision is None


def test_the_interval_of_f1_covers_what_it_estimates() -> None:
    covered = []
    for _ in range(400):
        found, false = RANDOM.binomial(40, 0.6), RANDOM.binomial(300, 0.05)
        interval = Confusion(found, false, 40 - found, 300 - false).f1
        covered.append(interval.low <= 2 * 24 / (40 + 24 + 15) <= interval.high)
    assert np.mean(covered) > 0.93
