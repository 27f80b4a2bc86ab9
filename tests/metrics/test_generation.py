"""Figures of drawn samples against closed forms: normal distributions, clusters, and classes that are sure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from isthmus.errors import InputError, ParameterError
from isthmus.metrics import (
    bootstrap_interval,
    fid_star,
    inception_score_star,
    kid_star,
    precision_recall,
    starred,
)

RANDOM = np.random.default_rng(3)
PIXELS = load_digits().data / 16


def cloud(n: int, mean: float, scales: NDArray[Any]) -> NDArray[np.float64]:
    """Rows whose mean and covariance are exactly those asked for."""
    x = RANDOM.standard_normal((n, len(scales)))
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    exact: NDArray[np.float64] = white * scales + mean
    return exact


def test_the_distance_of_two_normal_distributions_is_the_closed_form() -> None:
    one, other = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 0.1])
    expected = 3 * 2.0**2 + ((one - other) ** 2).sum()
    assert fid_star(cloud(200, 1.0, one), cloud(300, 3.0, other)) == pytest.approx(expected, rel=1e-9)


def test_the_distance_does_not_care_about_the_axes_and_is_symmetric() -> None:
    turn = np.linalg.qr(RANDOM.standard_normal((4, 4))).Q
    a, b = RANDOM.standard_normal((80, 4)), RANDOM.standard_normal((90, 4)) @ np.diag([1.0, 2.0, 3.0, 0.2])
    assert fid_star(a @ turn, b @ turn) == pytest.approx(fid_star(a, b), rel=1e-9)
    assert fid_star(b, a) == pytest.approx(fid_star(a, b), rel=1e-9)
    assert fid_star(a, a) == pytest.approx(0, abs=1e-9)


def test_the_kernel_distance_is_zero_in_the_mean_for_equal_distributions_whatever_their_size() -> None:
    for n in (10, 40):
        found = [kid_star(*RANDOM.standard_normal((2, n, 3))) for _ in range(400)]
        assert abs(np.mean(found)) < 4 * np.std(found) / 20


def test_the_kernel_distance_of_two_points_masses_is_the_closed_form() -> None:
    # k(0, 0) + k(c, c) - 2 k(0, c) with k = (x y / F + 1)^3 in one dimension
    assert kid_star(np.zeros((5, 1)), np.full((4, 1), 2.0)) == pytest.approx(1 + 5**3 - 2)


def test_both_distances_grow_with_the_damage_of_real_pictures() -> None:
    real, rest = PIXELS[:800], PIXELS[800:1600]
    for distance in (fid_star, kid_star):
        found = [distance(real, rest + RANDOM.normal(0, amount, rest.shape)) for amount in (0, 0.3, 0.6)]
        assert found == sorted(found)


def test_precision_and_recall_tell_missing_modes_from_bad_rows() -> None:
    left, right = RANDOM.standard_normal((300, 2)), RANDOM.standard_normal((300, 2)) + 50
    real = np.concatenate([left, right])
    half = precision_recall(real, RANDOM.standard_normal((300, 2)))
    assert half.precision.value > 0.9
    assert 0.4 < half.recall.value < 0.5
    mixed = precision_recall(real, np.concatenate([real[:100] + 1e-3, np.full((100, 2), 900.0)]))
    assert mixed.precision.value == 0.5
    assert mixed.precision.low < 0.5 < mixed.precision.high


def test_the_score_of_classes_lies_between_one_and_their_number() -> None:
    sure = np.eye(5)[np.arange(100) % 5]
    assert inception_score_star(sure) == pytest.approx(5)
    assert inception_score_star(np.eye(5)[np.zeros(100, int)]) == pytest.approx(1)
    # half sure: KL of (3/4, 1/4) from (1/2, 1/2)
    p = np.array([[0.75, 0.25], [0.25, 0.75]])
    assert inception_score_star(p) == pytest.approx(np.exp(0.75 * np.log(1.5) + 0.25 * np.log(0.5)))


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    x = RANDOM.standard_normal(400)
    interval = bootstrap_interval(np.mean, x, draws=400)
    assert interval.value == x.mean()
    assert interval.high - interval.value == pytest.approx(1.96 * x.std() / 20, rel=0.15)
    again = bootstrap_interval(np.mean, x, draws=400)
    assert again == interval
    between = bootstrap_interval(fid_star, PIXELS[:300, 20:30], PIXELS[300:600, 20:30], draws=20)
    assert between.low < between.value < between.high


def test_figures_carry_the_hash_of_their_network() -> None:
    assert starred("KID", "0f0f") == "KID*-0f0f"


@pytest.mark.parametrize("figure", [fid_star, kid_star, precision_recall])
def test_features_that_do_not_fit_are_refused(figure: Any) -> None:
    good = RANDOM.standard_normal((9, 2))
    for bad in (good[:, :1], good[:1], good[0], good * np.nan):
        with pytest.raises(InputError, match="features of shape"):
            figure(good, bad)


def test_probabilities_and_draws_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="predict_proba"):
        inception_score_star(np.ones((3, 2)))
    with pytest.raises(ParameterError, match="draws=1"):
        bootstrap_interval(np.mean, [1.0, 2.0], draws=1)
