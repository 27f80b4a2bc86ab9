"""Intervals of ranks cover what they estimate, also where the order is nearly perfect and anomalies are few."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from isthmus.errors import InputError
from isthmus.metrics import average_precision_interval, roc_auc, roc_auc_interval, roc_auc_lead

Scores = NDArray[np.float64]
FEW, MANY = 12, 150


def drawn(gap: float, times: int) -> Iterator[tuple[NDArray[np.bool_], Scores, Scores]]:
    """Truth, scores that lie so far apart, and the same with noise."""
    random = np.random.default_rng(0)
    truth = np.arange(FEW + MANY) < FEW
    for _ in range(times):
        scores = random.normal(size=FEW + MANY) + gap * truth
        yield truth, scores, scores + random.normal(size=FEW + MANY)


@pytest.mark.parametrize("gap", [0.8, 3.0])
def test_the_area_is_covered(gap: float) -> None:
    area = norm.cdf(gap / np.sqrt(2))
    found = [roc_auc_interval(truth, scores) for truth, scores, _ in drawn(gap, 100)]
    assert np.mean([one.low <= area <= one.high for one in found]) > 0.9


def test_average_precision_is_covered() -> None:
    found = [average_precision_interval(truth, scores) for truth, scores, _ in drawn(1.5, 100)]
    mean = np.mean([one.value for one in found])
    assert np.mean([one.low <= mean <= one.high for one in found]) > 0.9


def test_the_lead_is_covered_and_narrower_than_two_areas_apart() -> None:
    lead = norm.cdf(1.5 / np.sqrt(2)) - norm.cdf(1.5 / 2)
    found = [roc_auc_lead(*one) for one in drawn(1.5, 60)]
    assert np.mean([one.low <= lead <= one.high for one in found]) > 0.85
    truth, scores, noisy = next(drawn(1.5, 1))
    assert roc_auc_lead(truth, scores, noisy).value == pytest.approx(roc_auc(truth, scores) - roc_auc(truth, noisy))
    assert roc_auc_lead(truth, scores, scores) == (0, 0, 0)


def test_the_spread_of_a_lead_is_that_of_its_pairs() -> None:
    truth, scores, noisy = next(drawn(1.0, 1))
    wins = [np.sign(one[truth][:, None] - one[~truth][None]) / 2 + 0.5 for one in (scores, noisy)]
    gaps = wins[0] - wins[1]
    spread = gaps.mean(1).var(ddof=1) / FEW + gaps.mean(0).var(ddof=1) / MANY
    lead = roc_auc_lead(truth, scores, noisy)
    assert (lead.high - lead.low) / (2 * 2.200985) == pytest.approx(np.sqrt(spread), rel=1e-5)


def test_ends_are_open_where_the_order_is_perfect_or_wrong() -> None:
    truth = np.arange(60) >= 50
    good, bad = roc_auc_interval(truth, np.arange(60)), roc_auc_interval(truth, -np.arange(60))
    assert (good.value, good.high, bad.value, bad.low) == (1, 1, 0, 0)
    assert good.low == pytest.approx(1 - bad.high, abs=1e-9)
    assert 0.8 < good.low < 1
    assert roc_auc_lead([0, 0, 1], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == (1, -1, 1)  # one anomaly says nothing


def test_one_kind_of_row_is_refused() -> None:
    for figure in (roc_auc_interval, average_precision_interval):
        with pytest.raises(InputError, match="without one anomaly"):
            figure([0, 0], [1.0, 2.0])
