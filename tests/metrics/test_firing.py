"""When latents fire: counts by hand, and F1 by scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.metrics import f1_score, precision_recall_curve

from isthmus.errors import InputError, UnknownNameError
from isthmus.metrics import best_latents, dead_share, densities, l0

CODES = random_array((500, 8), density=0.2, random_state=0, format="csr")
FIRING = np.random.default_rng(1).random((500, 4)) < [0.05, 0.1, 0.3, 0.6]


def test_sparse_and_dense_codes_are_counted_alike() -> None:
    codes = csr_array(([1.0, 2.0, -1.0], ([0, 0, 2], [1, 3, 3])), shape=(4, 5))
    for given in (codes, codes.toarray()):
        assert densities(given).tolist() == [0, 0.25, 0, 0.5, 0]
        assert l0(given) == 0.75
        assert dead_share(given) == pytest.approx(3 / 5)


def test_an_entry_that_is_zero_does_not_fire() -> None:
    stored = csr_array(([0.0, 1.0], ([0, 1], [0, 1])), shape=(2, 2))
    assert densities(stored).tolist() == [0, 0.5]


@pytest.mark.parametrize("sparse", [True, False])
def test_the_best_latent_is_scikit_learns(sparse: bool) -> None:
    dense = CODES.toarray()
    found = best_latents(CODES if sparse else dense, FIRING)
    for k in range(4):
        by_hand = [f1_score(FIRING[:, k], column > 0) for column in dense.T]
        assert found.f1[k] == pytest.approx(max(by_hand))
        assert found.latent[k] == np.argmax(by_hand)
        on = dense[:, found.latent[k]] > 0
        assert found.precision[k] == pytest.approx((on & FIRING[:, k]).sum() / on.sum())
        assert found.recall[k] == pytest.approx((on & FIRING[:, k]).sum() / FIRING[:, k].sum())


@pytest.mark.parametrize("sparse", [True, False])
def test_the_best_threshold_is_that_of_the_curve(sparse: bool) -> None:
    dense = CODES.toarray().round(1)  # with ties
    found = best_latents(csr_array(dense) if sparse else dense, FIRING, threshold="best")
    for k in range(4):
        curves = [precision_recall_curve(FIRING[:, k], column) for column in dense.T]
        reached = max(
            (2 * p * r / np.maximum(p + r, 1e-12))[:-1][t > 0 if sparse else slice(None)].max() for p, r, t in curves
        )
        assert found.f1[k] == pytest.approx(reached)
        on = dense[:, found.latent[k]] > found.threshold[k]
        assert f1_score(FIRING[:, k], on) == pytest.approx(found.f1[k])


def test_a_neuron_that_is_high_where_the_feature_is_has_a_threshold_above_zero() -> None:
    there = FIRING[:, 2]
    neuron = np.where(there, 3.0, 1.0)
    assert best_latents(neuron[:, None], there[:, None]).f1[0] < 0.5
    found = best_latents(neuron[:, None], there[:, None], threshold="best")
    assert (found.f1[0], found.threshold[0]) == (1, 1)


def test_a_feature_that_is_never_or_always_there_says_nothing() -> None:
    firing = np.column_stack([np.zeros(500), np.ones(500), FIRING[:, 0]])
    for threshold in ("zero", "best"):
        assert np.isnan(best_latents(CODES, firing, threshold).f1).tolist() == [True, True, False]


def test_many_features_are_answered_in_parts() -> None:
    many = np.tile(FIRING, 100)
    assert np.array_equal(best_latents(CODES, many).f1, np.tile(best_latents(CODES, FIRING).f1, 100))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="codes of 500 rows with firing of 3"):
        best_latents(CODES, np.ones((3, 1)))
    with pytest.raises(InputError, match=r"codes of shape \(3,\)"):
        l0(np.ones(3))
    with pytest.raises(UnknownNameError, match="threshold='mean'"):
        best_latents(CODES, FIRING, "mean")  # type: ignore[arg-type]
