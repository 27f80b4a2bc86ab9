"""Two scores cut normal rows off in turn, and the share beyond is what is promised, whatever they have in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import TooFewRowsError
from isthmus.tasks.anomaly.few_labels.cuts import Cuts

ALPHA = 0.05


def pairs(n: int, agreement: float, random: np.random.Generator) -> np.ndarray:
    """Two scores of normal rows that agree more or less, (2, n)."""
    first, second = random.normal(size=(2, n))
    return np.stack([first, agreement * first + np.sqrt(1 - agreement**2) * second])


@pytest.mark.parametrize("agreement", [-0.9, 0.0, 0.9, 1.0])
def test_both_together_spend_the_budget(agreement: float) -> None:
    random = np.random.default_rng(0)
    rates, inside = [], []
    for _ in range(150):
        rows = pairs(1199, agreement, random)
        cuts = Cuts.of(rows[:, :199])
        alarms = int((cuts.surprise(rows[:, 199:]) > cuts.threshold(ALPHA)).sum())
        promise = cuts.promise(ALPHA)
        low, high = promise.band(1000)
        rates.append(alarms / 1000)
        inside.append(low <= alarms <= high)
    assert abs(np.mean(rates) - promise.expected) < 0.005  # four standard errors
    assert np.mean(inside) > 0.9


def test_p_values_of_normal_rows_are_uniform() -> None:
    random = np.random.default_rng(1)
    found = []
    for _ in range(300):
        rows = pairs(139, 0.5, random)
        found.append(Cuts.of(rows[:, :39]).p_values(rows[:, 39:]))
    for share in (0.05, 0.1, 0.25, 0.5, 1.0):
        assert abs(np.mean(np.concatenate(found) <= share + 1e-12) - share) < 0.012


@given(st.integers(2, 60), st.integers(1, 6), st.floats(0.01, 0.9), st.integers(0, 10_000))
def test_an_alarm_is_a_score_above_a_cut_and_a_small_p(n: int, values: int, alpha: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    cuts = Cuts.of(random.integers(values, size=(2, n)).astype(float))  # many of them equal
    new = random.integers(-1, values + 1, size=(2, 50)) + random.choice([0.0, 0.5], size=(2, 50))
    last = cuts.pairs(alpha) - 1
    beyond = (new > cuts.values[:, last : last + 1]).any(0)
    assert (beyond == (cuts.surprise(new) > cuts.threshold(alpha))).all()
    assert (beyond == (cuts.p_values(new) <= 2 * (last + 1) / (n + 1))).all()


def test_equal_scores_raise_fewer_alarms_and_never_more() -> None:
    random = np.random.default_rng(2)
    cuts = Cuts.of(np.stack([random.normal(size=199), np.zeros(199)]))
    new = np.stack([random.normal(size=20_000), np.zeros(20_000)])
    assert (cuts.surprise(new) > cuts.threshold(ALPHA)).mean() < ALPHA
    assert (cuts.surprise(np.zeros((2, 1))) < cuts.threshold(ALPHA)).all()


def test_a_higher_score_is_never_less_surprising() -> None:
    random = np.random.default_rng(3)
    cuts = Cuts.of(random.normal(size=(2, 50)))
    rising = np.stack([np.linspace(-9, 40, 500), np.full(500, -99.0)])
    assert (np.diff(cuts.surprise(rising)) >= 0).all()
    assert (np.diff(cuts.surprise(rising)[-300:]) > 0).all()  # beyond all calibration rows too


def test_one_row_is_not_cut_twice() -> None:
    with pytest.raises(TooFewRowsError, match="n=1 calibration rows"):
        Cuts.of(np.zeros((2, 1)))
