"""A certificate: rivals do what they are called, and a dictionary that is the truth is told from one that is not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA

import isthmus
from isthmus.data import toy_dictionary
from isthmus.errors import ParameterError, TooFewRowsError
from isthmus.metrics import densities, explained_variance, l0, mmcs
from isthmus.tasks.interpretation.certificate.certificate import in_decades
from isthmus.tasks.interpretation.certificate.rivals import RIVALS, fitted_to, frozen_random, largest

MADE = toy_dictionary(2000, dimensions=12, features=16, active=2, firing="bernoulli")


class Knowing(BaseEstimator):
    """Reads rows by the true directions, disturbed by some noise of its seed's own."""

    def __init__(self, noise: float = 0.1, random_state: int = 0) -> None:
        self.noise, self.random_state = noise, random_state

    def fit(self, X: Any) -> Knowing:
        draws = np.random.default_rng(self.random_state)
        self.components_ = MADE.features + draws.normal(0, self.noise / np.sqrt(12), MADE.features.shape)
        self.components_ /= np.linalg.norm(self.components_, axis=1, keepdims=True)
        return self

    def transform(self, X: Any) -> Any:
        from scipy.sparse import csr_array

        return csr_array(fitted_to(np.asarray(X, dtype=float), self.components_, X @ self.components_.T, 2))

    def inverse_transform(self, Z: Any) -> np.ndarray:
        return np.asarray(Z @ self.components_)


@pytest.fixture(scope="module")
def certificate() -> Any:
    """Beside two of the rivals, since the others take their time and are looked at by themselves."""
    with pytest.MonkeyPatch.context() as patch:
        few = {name: RIVALS[name] for name in ("frozen random", "PCA")}
        patch.setattr("isthmus.tasks.interpretation.certificate.certify.RIVALS", few)
        return isthmus.certify(Knowing(), MADE.X, MADE, seeds=3)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_have_k_latents_on_and_directions_of_length_one(name: str) -> None:
    rival = RIVALS[name](MADE.X[:400].astype(float), 16, 3, 0)
    codes = rival.transform(MADE.X[1800:])
    assert (codes.toarray() >= 0).all()
    assert (codes != 0).sum(1).max() <= 3
    assert np.allclose(np.linalg.norm(rival.atoms, axis=1), 1)
    assert explained_variance(MADE.X[1800:], rival.inverse_transform(codes)) > 0.2


def test_all_principal_components_rebuild_the_rows() -> None:
    rival = RIVALS["PCA"](MADE.X.astype(float), 16, 12, 0)
    assert explained_variance(MADE.X, rival.inverse_transform(rival.transform(MADE.X))) == pytest.approx(1)
    one = RIVALS["PCA"](MADE.X.astype(float), 1, 1, 0)
    by_hand = PCA(1).fit(MADE.X)
    share = explained_variance(MADE.X, one.inverse_transform(one.transform(MADE.X)))
    assert share == pytest.approx(by_hand.explained_variance_ratio_[0], abs=1e-3)


def test_a_random_dictionary_learns_nothing_but_its_weights() -> None:
    one, other = (frozen_random(MADE.X[:rows].astype(float), 16, 2, 3) for rows in (100, 2000))
    assert np.array_equal(one.atoms, other.atoms)
    chosen = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.allclose(fitted_to(np.array([[3.0, 4.0]]), chosen, np.array([[3.0, 4.0]]), 2), [[3, 4]], atol=1e-4)


def test_the_largest_are_kept() -> None:
    codes = np.random.default_rng(0).normal(size=(50, 20))
    kept = largest(codes, 4)
    assert np.array_equal(np.sort(kept)[:, -4:], np.sort(codes)[:, -4:])
    assert l0(kept) == pytest.approx(4)
    assert np.array_equal(largest(codes, 20), np.maximum(codes, 0))


def test_the_truth_stands_above_the_random_dictionary(certificate: Any) -> None:
    assert list(certificate.found) == ["SAE", "frozen random", "PCA"]
    assert certificate.found["SAE"]["MMCS"].value > 0.97
    assert certificate.found["frozen random"]["MMCS"].value < 0.8
    assert certificate.verdicts == dict.fromkeys(("explained variance", "MMCS", "MCC", "F1", "stability"), "above")
    assert (certificate.learnt, certificate.judged, certificate.k) == (1600, 400, 2)


def test_intervals_are_over_seeds(certificate: Any) -> None:
    found = [mmcs(Knowing(random_state=seed).fit(None).components_, MADE.features) for seed in range(3)]
    interval = certificate.found["SAE"]["MMCS"]
    assert interval.value == pytest.approx(np.mean(found))
    assert interval.low < min(found) < max(found) < interval.high


def test_it_prints_a_table_and_goes_into_json(certificate: Any) -> None:
    text = repr(certificate)
    assert str(certificate) == text
    lines = text.splitlines()
    assert lines[2].split()[0] == "method"
    assert [line.split("  ")[0] for line in lines[3:6]] == ["SAE", "frozen random", "PCA"]
    assert "Beside the frozen random dictionary the SAE is above it in" in text
    told = json.loads(json.dumps(certificate.as_dict()))
    assert told["found"]["SAE"]["F1"]["value"] == certificate.found["SAE"]["F1"].value


def test_latents_are_counted_by_decade() -> None:
    codes = (np.random.default_rng(0).random((1000, 50)) < np.geomspace(1e-5, 1, 50)).astype(float)
    assert sum(in_decades(densities(codes)).values()) == 50


def test_without_truth_nothing_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"frozen random": RIVALS["frozen random"]}
    monkeypatch.setattr("isthmus.tasks.interpretation.certificate.certify.RIVALS", few)
    found = isthmus.certify(Knowing(), MADE.X[:200], seeds=2).found["SAE"]
    assert set(found) == {"explained variance", "MSE", "L0", "dead share", "stability"}


@pytest.mark.parametrize(
    ("rows", "seeds", "kind", "words"),
    [(100, 1, ParameterError, "seeds=1.*two fits"), (10, 2, TooFewRowsError, "X with 10 rows")],
)
def test_too_little_to_judge_by_is_refused(rows: int, seeds: int, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        isthmus.certify(Knowing(), MADE.X[:rows], seeds=seeds)
