"""A row that comes alone takes a short way through a plain network, and gets the bits that it has among others."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

import isthmus
from isthmus.errors import IsthmusError

CANCER = load_breast_cancer().data.astype(np.float32)
OPTIONS: dict[str, Any] = {"epochs": 2, "batch_size": 64, "device": "cpu", "random_state": 0}
SHAPES = [
    {"hidden_dims": (64,), "latent_dim": 16},
    {"hidden_dims": (20, 9), "latent_dim": 5, "activation": "tanh"},
    {"hidden_dims": (), "latent_dim": 3, "activation": "linear"},
    {"hidden_dims": (33,), "latent_dim": 7, "activation": "leaky-relu", "scaling": "robust"},
    {"hidden_dims": (48, 24), "latent_dim": 8, "activation": "sigmoid", "scaling": "none"},
]


def detector(rows: Any, **options: Any) -> isthmus.AnomalyDetector:
    """One that reads a plain network by its own cost."""
    params = {"score": "distortion", "members": 1, "alpha": 0.05, "random_state": 0}
    chosen = {name: options.pop(name) for name in (*params, "model") if name in options}
    model = chosen.pop("model", None) or isthmus.Autoencoder(**OPTIONS | options)
    return isthmus.AnomalyDetector(model, **params | chosen).fit(rows)


def alone(judge: isthmus.AnomalyDetector, rows: Any) -> Any:
    """The score of each row by itself, (n,)."""
    return np.concatenate([judge.anomaly_score(rows[place : place + 1]) for place in range(len(rows))])


def single(judge: isthmus.AnomalyDetector) -> Any:
    """What the short way was laid out as."""
    return judge.scorer_.members[0].single


@pytest.fixture(scope="module")
def plain() -> isthmus.AnomalyDetector:
    """A detector that no test changes."""
    judge = detector(CANCER, **SHAPES[0])
    judge.anomaly_score(CANCER[:1])
    return judge


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_alone_has_the_bits_that_it_has_among_others(shape: dict[str, Any]) -> None:
    judge = detector(CANCER, **shape)
    wild = CANCER * np.float32(1e4)  # far from all that was learnt
    for rows in (CANCER, wild, -CANCER[:50]):
        np.testing.assert_array_equal(alone(judge, rows), judge.anomaly_score(rows))


def test_it_is_the_short_way_that_was_taken(plain: isthmus.AnomalyDetector) -> None:
    if single(plain) is None:
        pytest.skip("products of this machine have other bits in a block of one's own: the long way is taken")
    assert single(plain).cost(CANCER[7:8]) == plain.anomaly_score(CANCER[:64])[7]


def test_many_members_and_many_columns() -> None:
    digits = load_digits().data[:500].astype(np.float32)
    judge = detector(digits, members=3, hidden_dims=(40,), latent_dim=10)
    np.testing.assert_array_equal(alone(judge, digits[:200]), judge.anomaly_score(digits[:200]))


@pytest.mark.parametrize(
    "options",
    [
        {"score": "fusion"},
        {"score": "mahalanobis"},
        {"model": isthmus.VAE(**OPTIONS, hidden_dims=(16,), latent_dim=4)},
        {"model": isthmus.SparseAutoencoder(**OPTIONS, hidden_dims=(16,), latent_dim=4)},
        {"model": isthmus.DenoisingAutoencoder(**OPTIONS, hidden_dims=(16,), latent_dim=4)},
        {"scaling": "log", "hidden_dims": (16,), "latent_dim": 4},
        {"likelihood": "laplace", "hidden_dims": (16,), "latent_dim": 4},
        {"precision": "bfloat16", "hidden_dims": (16,), "latent_dim": 4},
        {"activation": "gelu", "hidden_dims": (16,), "latent_dim": 4},
    ],
)
def test_what_has_no_short_way_is_scored_as_before(options: dict[str, Any]) -> None:
    judge = detector(CANCER, **options)
    np.testing.assert_array_equal(alone(judge, CANCER[:40]), judge.anomaly_score(CANCER[:40]))


def test_rows_that_are_not_ready_take_the_long_way(plain: isthmus.AnomalyDetector) -> None:
    expected = plain.anomaly_score(CANCER[:1])
    for row in (CANCER[:1].astype(np.float64), CANCER[:1].tolist(), np.asfortranarray(CANCER[:2])[:1]):
        np.testing.assert_allclose(plain.anomaly_score(row), expected, rtol=1e-5)
    gap, wide = CANCER[:1].copy(), np.zeros((1, 31), np.float32)
    gap[0, 3] = np.nan
    for wrong in (gap, wide, CANCER[0], CANCER[:0]):
        with pytest.raises(IsthmusError):
            plain.anomaly_score(wrong)
    np.testing.assert_array_equal(plain.anomaly_score(CANCER[:1]), expected)


def test_every_verb_agrees(plain: isthmus.AnomalyDetector) -> None:
    for verb in ("anomaly_score", "score_samples", "decision_function", "p_value", "predict"):
        many = getattr(plain, verb)(CANCER[:20])
        one = [getattr(plain, verb)(CANCER[place : place + 1])[0] for place in range(20)]
        np.testing.assert_array_equal(one, many)


def test_a_copy_and_what_is_loaded_lay_out_their_own(plain: isthmus.AnomalyDetector, tmp_path: Path) -> None:
    plain.save(tmp_path / "d")
    expected = plain.anomaly_score(CANCER)
    for other in (copy.deepcopy(plain), pickle.loads(pickle.dumps(plain)), isthmus.load(tmp_path / "d")):
        assert single(other) is None
        np.testing.assert_array_equal(alone(other, CANCER[:100]), expected[:100])
        assert single(other) is not single(plain) or single(plain) is None


def test_it_follows_weights_that_change(plain: isthmus.AnomalyDetector) -> None:
    judge = copy.deepcopy(plain)
    before = alone(judge, CANCER[:30])
    judge.model_.partial_fit(CANCER)
    after = alone(judge, CANCER[:30])
    assert (before != after).all()
    np.testing.assert_array_equal(after, judge.anomaly_score(CANCER[:30]))


def test_threads_do_not_write_over_each_other(plain: isthmus.AnomalyDetector) -> None:
    expected = plain.anomaly_score(CANCER[:200])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: plain.anomaly_score(CANCER[place : place + 1])[0], range(200)))
    np.testing.assert_array_equal(found, expected)
