"""How much of one dictionary is in another: closed forms, turned copies, and all matchings of a small one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from isthmus.errors import InputError
from isthmus.metrics import absorption, mcc, mmcs, seed_stability

RANDOM = np.random.default_rng(0)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_shuffled_and_stretched_copy_is_the_same_dictionary() -> None:
    true = RANDOM.normal(size=(12, 8))
    learned = RANDOM.uniform(0.1, 9, (12, 1)) * true[RANDOM.permutation(12)]
    assert mmcs(learned, true) == pytest.approx(1)
    assert mcc(learned, true).true == pytest.approx(1)


def test_the_cosine_keeps_its_sign() -> None:
    assert mmcs(-np.eye(3), np.eye(3)) == 0
    assert mcc([[-1.0, 0.0]], [[1.0, 0.0]]).true == -1


def test_of_five_orthonormal_features_two_are_found() -> None:
    learned = np.eye(5)[[0, 3, 3]]
    found = mcc(learned, np.eye(5))
    assert mmcs(learned, np.eye(5)) == pytest.approx(2 / 5)
    assert mmcs(np.eye(5), learned) == pytest.approx(1)
    assert (found.true, found.learned) == (pytest.approx(2 / 5), pytest.approx(2 / 3))
    assert len(found.pairs) == 3
    assert sorted(found.pairs[:, 0]) == [0, 1, 2]


def test_two_directions_at_a_known_angle() -> None:
    angle = 0.3
    learned = [[np.cos(angle), np.sin(angle)], [0.0, 1.0]]
    assert mmcs(learned, np.eye(2)) == pytest.approx((np.cos(angle) + 1) / 2)
    assert mcc(learned, np.eye(2)).cosines == pytest.approx([np.cos(angle), 1])


def test_the_matching_is_the_best_of_all() -> None:
    learned, true = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 3))
    cosines = unit(learned) @ unit(true).T
    best = max(cosines[range(5), list(order)].mean() for order in permutations(range(5)))
    assert mcc(learned, true).true == pytest.approx(best)
    assert mmcs(learned, true) == pytest.approx(cosines.max(0).mean())


def test_chance_is_the_largest_of_random_cosines() -> None:
    """The mean of the largest of n normal numbers over the root of d, which is what the largest cosine nears."""
    d, n = 200, 400
    expected = RANDOM.normal(size=(2000, n)).max(1).mean() / np.sqrt(d)
    assert mmcs(RANDOM.normal(size=(n, d)), RANDOM.normal(size=(n, d))) == pytest.approx(expected, rel=0.05)


def test_a_row_of_zeros_is_near_nothing() -> None:
    assert mmcs(np.zeros((2, 3)), np.eye(3)) == 0


def test_seeds_are_compared_in_pairs() -> None:
    found = seed_stability([np.eye(2), np.eye(2), [[1.0, 0.0], [1.0, 1.0]]])
    assert found == pytest.approx([1, (1 + np.sqrt(0.5)) / 2, (1 + np.sqrt(0.5)) / 2])
    with pytest.raises(InputError, match="1 dictionaries.*two seeds"):
        seed_stability([np.eye(2)])


def test_a_child_that_took_in_its_parent_is_seen() -> None:
    true, parent = np.eye(4), [-1, 0, 0, -1]
    assert absorption(true, true, parent) == 0
    swallowed = true.copy()
    swallowed[1] += 0.5 * true[0]
    assert absorption(swallowed, true, parent) == pytest.approx(0.5 / np.sqrt(1.25) / 2)
    with pytest.raises(InputError, match="0 of them with a parent"):
        absorption(true, true, [-1] * 4)


@pytest.mark.parametrize("learned", [np.zeros(3), np.zeros((2, 4)), np.zeros((0, 3))])
def test_other_spaces_are_refused(learned: np.ndarray) -> None:
    for measure in (mmcs, mcc):
        with pytest.raises(InputError, match="learned of shape"):
            measure(learned, np.eye(3))
