"""Rows made of known features: how often each fires, with whom, and that rows are what their features add up to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isthmus.data import feature_tree, toy_dictionary
from isthmus.errors import IsthmusError


def near(shares: np.ndarray, expected: Any, rows: int) -> bool:
    """Whether shares lie within five deviations of what they should be."""
    return bool((abs(shares - expected) < 5 * np.sqrt(np.maximum(expected, 1e-3) / rows)).all())


@pytest.mark.parametrize("make", [toy_dictionary, feature_tree])
def test_rows_are_what_their_features_add_up_to(make: Any) -> None:
    made, noisy = make(3000, random_state=1), make(3000, random_state=1, noise=0.1)
    assert np.allclose(np.linalg.norm(made.features, axis=1), 1, atol=1e-6)
    assert np.allclose(made.X, made.codes.toarray() @ made.features, atol=1e-5)
    assert (noisy.X - made.X).std() == pytest.approx(0.1, rel=0.02)
    assert np.array_equal(make(100, random_state=1).features, made.features)
    assert not np.array_equal(make(3000, random_state=2).X, made.X)


@pytest.mark.parametrize("options", [{}, {"firing": "bernoulli"}, {"correlation": 0.3}, {"exponent": 0.8}])
def test_each_feature_fires_as_often_as_it_should(options: dict[str, Any]) -> None:
    rows = 20_000
    on = (toy_dictionary(rows, features=32, active=3, **options).codes != 0).toarray()
    law = np.arange(1.0, 33) ** -(0.0 if "firing" in options else options.get("exponent", 0.5))
    assert near(on.mean(0), 3 * law / law.sum(), rows)


def test_correlated_features_come_together_within_their_group_only() -> None:
    on = (toy_dictionary(20_000, features=16, active=4, group=4, correlation=0.5).codes != 0).toarray()
    pairs = np.corrcoef(on.T)
    same = (np.arange(16) % 4)[:, None] == np.arange(16) % 4
    assert pairs[same & ~np.eye(16, dtype=bool)].min() > 0.15
    assert abs(pairs[~same]).max() < 0.04


def test_the_tree_grows_as_it_should() -> None:
    rows = 20_000
    made = feature_tree(rows)
    on = (made.codes != 0).toarray()
    parents, children, alone = on[:, :8], on[:, 8:32].reshape(rows, 8, 3), on[:, 32:]
    assert made.features.shape == (64, 64)
    assert np.allclose(made.features @ made.features.T, np.eye(64), atol=1e-5)
    assert made.parent.tolist() == [-1] * 8 + [parent for parent in range(8) for _ in range(3)] + [-1] * 32
    assert children.sum(2).max() == 1
    assert not (children.any(2) & ~parents).any()
    assert near(parents.mean(0), 0.15, rows)
    assert near(children.mean(0), 0.15 * 0.2, rows)
    assert near(alone.mean(0), 0.05, rows)


def test_more_features_than_dimensions_point_anywhere() -> None:
    assert feature_tree(10, dimensions=16).features.shape == (64, 16)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: toy_dictionary(0), "n=0"),
        (lambda: toy_dictionary(9, active=100), "active=100 of features=128"),
        (lambda: toy_dictionary(9, correlation=1.0), "correlation=1.0"),
        (lambda: toy_dictionary(9, firing="often"), "firing='often'.*'zipf'"),  # type: ignore[arg-type]
        (lambda: toy_dictionary(9, magnitudes="big"), "magnitudes='big'"),
        (lambda: feature_tree(9, children=6), "children=6 with a share of 0.2"),
        (lambda: feature_tree(9, parents=-1), "parents=-1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Any, words: str) -> None:
    with pytest.raises(IsthmusError, match=words):
        make()
