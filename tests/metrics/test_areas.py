"""Areas under ROC curves: their intervals against draws, their difference against the one with another pairing."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.errors import InputError
from isthmus.metrics import auc_interval, auc_lead, roc_auc

TRUTH = np.repeat([False, True], [80, 40])


def test_intervals_hold_the_true_area_and_difference_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    area, hits, leads = 0.7602, 0, 0  # of two normals a deviation apart: Phi(1 / sqrt 2)
    for _ in range(200):
        common = random.normal(size=len(TRUTH)) + TRUTH
        first, second = (common + 0.5 * random.normal(size=len(TRUTH)) for _ in range(2))
        found, lead = auc_interval(TRUTH, common), auc_lead(TRUTH, first, second)
        hits += found.low < area < found.high
        leads += lead.low < 0 < lead.high
    assert hits / 200 == pytest.approx(0.95, abs=0.045)
    assert leads / 200 == pytest.approx(0.95, abs=0.045)


def test_a_difference_is_surer_in_pairs() -> None:
    random = np.random.default_rng(1)
    common = random.normal(size=len(TRUTH)) + TRUTH
    better, worse = common + 0.4 * TRUTH, common
    lead, alone = auc_lead(TRUTH, better, worse), auc_interval(TRUTH, better)
    assert lead.value == pytest.approx(roc_auc(TRUTH, better) - roc_auc(TRUTH, worse))
    assert lead.high - lead.low < (alone.high - alone.low) / 2
    assert lead.low > 0


def test_ties_count_half_and_perfect_separation_stays_within_one() -> None:
    assert auc_interval([0, 0, 1, 1], [1.0, 2.0, 2.0, 3.0]).value == 0.875
    assert auc_interval([0, 0, 1, 1], [1.0, 1.0, 2.0, 2.0]) == (1.0, 1.0, 1.0)


def test_an_area_needs_both_kinds() -> None:
    with pytest.raises(InputError, match="without one anomaly"):
        auc_interval([0, 0], [1.0, 2.0])
