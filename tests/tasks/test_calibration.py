"""Thresholds keep their promise, whatever the scores are: drawn, and by closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.tasks.anomaly.calibration import (
    Promise,
    check_budget,
    check_rows,
    p_values,
    place,
    rows_needed,
)


@pytest.mark.parametrize(("alpha", "n"), [(0.05, 19), (0.05, 71), (0.01, 99), (0.01, 300), (0.2, 50)])
@pytest.mark.parametrize("rule", ["conformal", "percentile"])
def test_the_realised_rate_is_distributed_as_promised(alpha: float, n: int, rule: str) -> None:
    # scores uniform on [0, 1], which any continuous score can be turned into: the rate is 1 - threshold
    draws = np.sort(np.random.default_rng(0).random((20_000, n)), axis=1)
    kth = place(alpha, n, rule)
    rates = 1 - draws[:, kth - 1]
    promise = Promise.of(alpha, n, above=n - kth)
    assert rates.mean() == pytest.approx(promise.expected, rel=0.03)
    assert ((rates > promise.low) & (rates < promise.high)).mean() == pytest.approx(0.95, abs=0.01)
    if rule == "conformal":
        assert promise.expected <= alpha < promise.expected + 1 / (n + 1) + 1e-9


def test_the_band_of_alarms_holds_its_share_of_samples() -> None:
    random = np.random.default_rng(0)
    n, fresh = 72, 71
    kth = place(0.05, n)
    thresholds = np.sort(random.random((20_000, n)), axis=1)[:, kth - 1]
    alarms = (random.random((20_000, fresh)) > thresholds[:, None]).sum(1)
    low, high = Promise.of(0.05, n, above=n - kth).band(fresh)
    assert ((alarms >= low) & (alarms <= high)).mean() >= 0.95
    assert ((alarms > low) & (alarms < high)).mean() < 0.975


def test_p_values_of_new_normal_rows_are_never_too_small() -> None:
    random = np.random.default_rng(0)
    trials = [p_values(random.normal(size=50), np.sort(random.normal(size=49))) for _ in range(400)]
    found = np.concatenate(trials)
    for level in (0.02, 0.1, 0.5):
        assert (found <= level).mean() == pytest.approx(level, abs=0.012)
    assert found.min() >= 1 / 50
    assert found.max() <= 1


@given(
    calibration=st.lists(st.integers(-20, 20), min_size=1, max_size=200),
    scores=st.lists(st.integers(-25, 25), min_size=1, max_size=20),
    alpha=st.floats(0.01, 0.9),
)
def test_an_alarm_is_a_p_value_within_the_budget(calibration: list[int], scores: list[int], alpha: float) -> None:
    ranked, values = np.sort(np.array(calibration, dtype=float)), np.array(scores, dtype=float)
    if len(ranked) >= rows_needed(alpha):
        alarms = values > ranked[place(alpha, len(ranked)) - 1]
        assert (alarms == (p_values(values, ranked) <= alpha + 1e-9)).all()


@pytest.mark.parametrize(("alpha", "needed"), [(0.01, 99), (0.005, 199), (0.05, 19), (0.5, 1)])
def test_rows_needed_are_the_fewest_that_keep_the_budget(alpha: float, needed: int) -> None:
    assert rows_needed(alpha) == needed
    check_rows(alpha, needed)
    with pytest.raises(TooFewRowsError, match=f"alpha={alpha:g} needs {needed} rows.*Give 1 more"):
        check_rows(alpha, needed - 1)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, float("nan"), "0.01", None, True])
def test_a_budget_is_a_share(alpha: object) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        check_budget(alpha)


def test_unknown_rules_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'conformal'"):
        place(0.05, 100, "conformall")
