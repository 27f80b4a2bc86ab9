"""Intervals hold what they promise: checked by drawing, and where there is a closed form against it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from isthmus.errors import InputError, ParameterError
from isthmus.metrics import beta_interval, resampled_interval, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (250, 1000)])
def test_wilson_is_the_one_that_scipy_has(successes: int, n: int) -> None:
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    ours = wilson_interval(successes, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.value == successes / n


def test_beta_interval_holds_its_share_of_draws() -> None:
    draws = np.random.default_rng(0).beta(5, 96, 20_000)
    interval = beta_interval(5, 96)
    assert ((draws > interval.low) & (draws < interval.high)).mean() == pytest.approx(0.95, abs=0.01)
    assert interval.value == pytest.approx(draws.mean(), abs=1e-3)


def test_resampled_interval_covers_the_mean_of_values_with_a_common_part() -> None:
    # values of J splits share a part whose variance is to their own as the rows that judge to those that teach
    random, hits = np.random.default_rng(0), 0
    for _ in range(2000):
        values = 0.9 + np.sqrt(0.25) * random.normal() + random.normal(size=8)
        interval = resampled_interval(values, test_per_train=0.25)
        hits += interval.low < 0.9 < interval.high
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("values", [[0.5], [[0.1, 0.2]], [0.1, np.nan]])
def test_a_spread_needs_two_finite_values(values: list[float]) -> None:
    with pytest.raises(InputError, match="two finite figures"):
        resampled_interval(values, 0.25)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ParameterError, match="successes=11, n=10"):
        wilson_interval(11, 10)
    with pytest.raises(ParameterError, match="a=0"):
        beta_interval(0, 3)
