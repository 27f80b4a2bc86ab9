"""A network of features trained here: seeded, hashed, saved, and a judge of drawn digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import isthmus

IMAGES, LABELS = (load_digits().images[:700] * 15.9375).astype(np.uint8), load_digits().target[:700]
TRAIN, REAL, MADE = IMAGES[:300], IMAGES[300:500], IMAGES[500:700]


@pytest.fixture(scope="module")
def network() -> Any:
    """A small network that learnt from labels, which no test changes."""
    return isthmus.FeatureNetwork(n_features=8, epochs=8, random_state=0).fit(TRAIN, LABELS[:300])


def test_figures_of_real_digits_are_near_those_of_none(network: Any) -> None:
    same = network.compare(REAL, MADE, draws=20)
    noise = network.compare(REAL, np.random.default_rng(0).integers(0, 256, MADE.shape, dtype=np.uint8), draws=20)
    assert same["FID"].value < 0.1 * noise["FID"].value
    assert same["KID"].value < noise["KID"].value
    assert same["precision"].value > 0.7 > noise["precision"].value
    assert same["IS"].value > noise["IS"].value
    assert same["FID"].low < same["FID"].value < same["FID"].high


def test_no_figure_is_printed_without_star_and_hash(network: Any) -> None:
    printed = str(network.compare(REAL, MADE, draws=2))
    names = [line.split()[0] for line in printed.splitlines()[:-1]]
    assert names == [f"{name}*-{network.hash_}" for name in ("FID", "KID", "precision", "recall", "IS")]
    assert len(network.hash_) == 8


def test_it_comes_back_from_disk_with_its_hash(network: Any, tmp_path: Any) -> None:
    twin = isthmus.load(network.save(tmp_path / "network"))
    assert twin.hash_ == network.hash_
    assert np.array_equal(twin.transform(REAL), network.transform(REAL))
    assert np.array_equal(twin.predict_proba(REAL), network.predict_proba(REAL))


def test_without_labels_it_gives_itself_a_lesson() -> None:
    alone, twin, other = (
        isthmus.FeatureNetwork(n_features=6, epochs=2, random_state=seed).fit(TRAIN[:120]) for seed in (0, 0, 1)
    )
    assert alone.hash_ == twin.hash_ != other.hash_
    assert alone.predict_proba(REAL).shape == (200, 12)
    assert "IS" not in str(alone.compare(REAL[:50], MADE[:50], draws=2))
