"""Explained variance: of the mean it is 0, and no way of cutting the rows into parts changes it."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest

from isthmus.errors import InputError
from isthmus.metrics import Residuals, explained_variance

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(3, [1, 5, 0.1], (1000, 3))
REBUILT = X + RANDOM.normal(0, 0.5, X.shape)


def test_the_mean_explains_nothing_and_the_rows_themselves_all() -> None:
    assert explained_variance(X, np.broadcast_to(X.mean(0), X.shape)) == pytest.approx(0, abs=1e-12)
    assert explained_variance(X, X) == 1
    assert explained_variance(X, np.zeros_like(X)) < 0


def test_it_is_one_minus_the_ratio_of_two_sums() -> None:
    by_hand = 1 - ((X - REBUILT) ** 2).sum() / (len(X) * np.trace(np.cov(X.T, ddof=0)))
    assert explained_variance(X, REBUILT) == pytest.approx(by_hand)
    assert Residuals.of(X, REBUILT).mse == pytest.approx(((X - REBUILT) ** 2).mean())


@pytest.mark.parametrize("parts", [1, 2, 7, 1000])
def test_a_stream_gives_what_the_whole_gives(parts: int) -> None:
    pairs = zip(np.array_split(X, parts), np.array_split(REBUILT, parts), strict=True)
    streamed = reduce(add, (Residuals.of(*pair) for pair in pairs))
    assert streamed.explained_variance == pytest.approx(explained_variance(X, REBUILT), abs=1e-12)
    assert streamed.rows == len(X)


def test_a_far_mean_costs_no_digits() -> None:
    shifted = explained_variance((X + 1e6).astype(np.float32), (REBUILT + 1e6).astype(np.float32))
    assert shifted == pytest.approx(explained_variance(X, REBUILT), abs=0.01)


def test_pictures_count_like_their_pixels() -> None:
    assert explained_variance(X.reshape(1000, 3, 1), REBUILT.reshape(1000, 3, 1)) == explained_variance(X, REBUILT)


def test_rows_that_are_all_the_same_have_no_variance_to_explain() -> None:
    assert np.isnan(explained_variance(np.ones((3, 2)), np.ones((3, 2))))
    with pytest.raises(InputError, match=r"X of shape \(3, 2\) with rebuilt of shape \(2, 2\)"):
        explained_variance(np.ones((3, 2)), np.ones((2, 2)))
