"""Scores that are chosen: each against a plain oracle, to the bit for one row as for many, and of use on real rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from tests.tasks.conftest import learner

import isthmus
from isthmus.core.code import Batch
from isthmus.errors import AbilityError, ParameterError
from isthmus.estimator.inputs import read
from isthmus.metrics import roc_auc
from isthmus.tasks.anomaly.member import DISAGREEMENT, RECONSTRUCTION
from isthmus.tasks.anomaly.scorer import Scorer

NEW = ("density", DISAGREEMENT, RECONSTRUCTION)
BEATS = 0.35  # by so much of ROC-AUC each is better than a coin on malignant tumours


@pytest.fixture(scope="module", params=NEW)
def fitted(request: Any, tumours: Any) -> isthmus.AnomalyDetector:
    """A detector of each of these scores, three members."""
    model = learner(request.param, epochs=20, batch_size=32, latent_dim=4, hidden_dims=(16,))
    return isthmus.AnomalyDetector(model, alpha=0.05, score=request.param, members=3, random_state=0).fit(
        tumours.benign[::2], X_calibration=tumours.benign[1::4]
    )


def test_a_row_has_the_same_bits_alone_and_among_many(fitted: Any, tumours: Any) -> None:
    X = np.concatenate([tumours.malignant, tumours.benign])
    whole = fitted.anomaly_score(X)
    assert [fitted.anomaly_score(X[row : row + 1])[0] for row in range(0, 60, 3)] == whole[:60:3].tolist()
    assert (fitted.anomaly_score(np.concatenate([X] * 8)).reshape(8, -1) == whole).all()
    assert (fitted.anomaly_score(X[::-1])[::-1] == whole).all()


def test_it_comes_back_from_disk_to_the_bit(fitted: Any, tumours: Any, tmp_path: Path) -> None:
    loaded = isthmus.load(fitted.save(tmp_path / "detector"))
    assert (loaded.anomaly_score(tumours.malignant) == fitted.anomaly_score(tumours.malignant)).all()
    assert loaded.explain(tumours.malignant[:2]) == fitted.explain(tumours.malignant[:2])


def test_malignant_tumours_score_higher_by_a_margin(fitted: Any, tumours: Any) -> None:
    fresh = tumours.benign[3::4]
    scores = fitted.anomaly_score(np.concatenate([fresh, tumours.malignant]))
    assert roc_auc(np.arange(len(scores)) >= len(fresh), scores) > 0.5 + BEATS


def test_each_is_what_its_formula_says(fitted: Any, tumours: Any) -> None:
    X, members = tumours.malignant[:40], fitted.scorer_.members
    source = read(fitted.model_, X)
    scores, score = fitted.anomaly_score(X), fitted.get_params()["score"]
    if score == DISAGREEMENT:
        rebuilt = np.stack([member.run(source, member.rebuilt).double().numpy() for member in members])
        expected = rebuilt.var(0, ddof=1).sum(1)
    elif score == "density":
        expected = np.mean([half_distances(member, source, tumours.benign[::2]) for member in members], 0)
    else:
        expected = np.mean([drawn_unlikeliness(member.model, source.block(0, 40)) for member in members], 0)
        costs = np.mean([member.model.network_.price(Batch(source.block(0, 40)))[0].detach() for member in members], 0)
        assert (scores <= costs + 1e-4).all() and (scores < costs - 0.1).any()
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def half_distances(member: Any, source: Any, X: Any) -> Any:
    """Half the squared Mahalanobis distance of each code under scikit-learn's shrunk covariance of training codes."""
    from sklearn.covariance import LedoitWolf

    codes, new = member.run(read(member.model, X), member.code).numpy(), member.run(source, member.code).numpy()
    spread = codes.std(0)
    known = LedoitWolf(assume_centered=True).fit((codes - codes.mean(0)) / spread)
    correlations = known.covariance_.copy()
    np.fill_diagonal(correlations, 1.0)
    z = (new - codes.mean(0)) / spread
    return np.einsum("ni,ij,nj->n", z, np.linalg.inv(correlations), z) / 2


def drawn_unlikeliness(model: Any, x: torch.Tensor) -> Any:
    """-log of the mean likelihood over draws made here from the stored noise."""
    network, noise = model.network_, model.network_.bottleneck.noise
    with torch.inference_mode():
        mean, log_var = network.bottleneck.posterior(network.encoder(x))
        codes = [mean + (log_var / 2).exp() * draw for draw in noise]
        costs = np.stack([network.likelihood.distortion(x, network.decoder(z)).double().numpy() for z in codes])
    return np.log(len(noise)) - logsumexp(-costs, axis=0)


def test_what_differs_between_members_belongs_to_columns(fitted: Any, tumours: Any) -> None:
    shares = fitted.scorer_.shares(tumours.malignant[:20]).sum(1).numpy()
    expected = 0.0 if fitted.get_params()["score"] == "density" else 1.0
    np.testing.assert_allclose(shares, expected, atol=1e-9)


def test_a_gap_is_no_disagreement_and_a_category_can_be_one() -> None:
    import pandas as pd

    random = np.random.default_rng(0)
    kind = random.choice(["x", "y", "z"], 200)
    frame = pd.DataFrame({"a": random.normal(size=200) + 3 * (kind == "x"), "kind": kind})
    frame.loc[::9, "a"] = np.nan
    model = isthmus.Autoencoder(epochs=5, latent_dim=1, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.1, score=DISAGREEMENT, members=3, random_state=0).fit(frame)
    shares = detector.scorer_.shares(frame).numpy()
    assert (shares[::9, 0] == 0).all() and (shares[:, 1] > 0).any()
    assert np.isfinite(detector.anomaly_score(frame)).all()


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"score": DISAGREEMENT, "members": 1}, ParameterError, "members=1.*two at least.*Use members=5"),
        ({"score": RECONSTRUCTION}, AbilityError, "Autoencoder has one code for a row.*model='vae'"),
    ],
)
def test_a_score_that_cannot_be_is_refused_before_training(options: Any, error: Any, told: str, tumours: Any) -> None:
    with pytest.raises(error, match=told):
        isthmus.AnomalyDetector(**options).fit(tumours.benign)


def test_a_row_is_encoded_once_and_scores_as_if_it_were_twice(detector: Any, tumours: Any) -> None:
    member, calls = detector.scorer_.members[0], []
    source = read(member.model, tumours.malignant)
    alone = Scorer([member], detector.scorer_.scale)
    hook = member.model.network_.encoder.register_forward_hook(lambda *_: calls.append(1))

    def encoded(ask: Callable[[], torch.Tensor]) -> tuple[int, torch.Tensor]:
        ask()  # the first time blocks are tried for their bits
        calls.clear()
        answer = ask()
        return len(calls), answer

    terms = alone.terms(tumours.malignant)
    once, _ = encoded(partial(member.run, source, member.code))
    times, again = encoded(partial(alone.terms, tumours.malignant))
    hook.remove()
    assert times == once > 0
    lost = member.run(source, lambda batch: member.lost.heavy_parts(member.residual(batch)).sum(1))
    crossed = member.run(source, lambda batch: member.crossed.distance(member.code(batch)))
    assert torch.equal(again, torch.stack([lost, crossed], 1).sqrt()) and torch.equal(again, terms)
