"""The detector's contract: signs, promises, determinism, what it refuses, and that it finds anomalies."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.tasks.conftest import learner

import isthmus
from isthmus.errors import ParameterError, TooFewRowsError, UnknownNameError
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.member import SCORES
from isthmus.tasks.anomaly.recipe import unfitted

Rows = Any


def test_signs_are_scikit_learns_and_agree(detector: Any, tumours: Any) -> None:
    X = tumours.malignant
    score, normal = detector.anomaly_score(X), detector.score_samples(X)
    assert (normal == -score).all()
    assert (detector.decision_function(X) == normal - detector.offset_).all()
    assert detector.offset_ == -detector.threshold_
    alarms = detector.predict(X) == -1
    assert (alarms == (score > detector.threshold_)).all()
    assert (alarms == (detector.decision_function(X) < 0)).all()
    assert (alarms == (detector.p_value(X) <= detector.promise_.alpha)).all()
    assert set(detector.predict(X)) <= {-1, 1}


def test_a_row_has_the_same_bits_whatever_comes_with_it(detector: Any, tumours: Any) -> None:
    X = tumours.benign
    whole = detector.anomaly_score(X)
    alone = [detector.anomaly_score(X[row : row + 1])[0] for row in range(40)]
    many = detector.anomaly_score(np.concatenate([X] * 30))
    assert (whole[:40] == alone).all()
    assert (many.reshape(30, -1) == whole).all()


def test_the_same_seed_gives_the_same_detector(tumours: Any, detector: Any) -> None:
    again = clone(detector).fit(tumours.benign)
    assert (again.anomaly_score(tumours.malignant) == detector.anomaly_score(tumours.malignant)).all()
    assert again.promise_ == detector.promise_
    other = clone(detector).set_params(random_state=1).fit(tumours.benign)
    assert other.threshold_ != detector.threshold_


SHARP = ("distortion", "fusion", "latent", "mahalanobis")  # what the others find is tested beside their formulas
EVERY_SCORE = [pytest.param(score, marks=() if score == "fusion" else pytest.mark.slow) for score in SHARP]


@pytest.mark.parametrize("score", EVERY_SCORE)
def test_anomalies_are_found_within_the_budget(score: str, tumours: Any) -> None:
    split = isthmus.split_for_detection(tumours.benign, random_state=0)
    train, calibration, fresh = (tumours.benign[rows] for rows in split)
    detector = isthmus.AnomalyDetector(alpha=0.05, score=score, random_state=0)
    detector.fit(train, X_calibration=calibration)
    low, high = detector.promise_.band(len(fresh))
    assert low <= (detector.predict(fresh) == -1).sum() <= high
    assert (detector.predict(tumours.malignant) == -1).mean() > 0.2
    truth = np.repeat([False, True], [len(fresh), len(tumours.malignant)])
    scores = detector.anomaly_score(np.concatenate([fresh, tumours.malignant]))
    assert isthmus.metrics.roc_auc(truth, scores) > 0.88


@pytest.mark.parametrize("score", SCORES)
def test_the_promise_is_kept_whatever_rows_calibrate(score: str) -> None:
    # noise of 6 columns: a model learns little, and the promise must hold all the same
    model = learner(score, epochs=2, batch_size=64, latent_dim=2, hidden_dims=(8,))
    random = np.random.default_rng(0)
    detector = isthmus.AnomalyDetector(model, alpha=0.1, score=score, random_state=0).fit(random.normal(size=(250, 6)))
    fresh = detector.anomaly_score(random.normal(size=(20_000, 6)))
    rates = [(fresh > detector.calibrate(random.normal(size=(50, 6))).threshold_).mean() for _ in range(100)]
    promise = detector.promise_
    assert np.mean(rates) == pytest.approx(promise.expected, abs=0.015)
    assert np.mean([promise.low < rate < promise.high for rate in rates]) > 0.88


def test_fit_holds_out_a_share_when_that_is_enough(tumours: Any, quick: Any) -> None:
    held = isthmus.AnomalyDetector(quick, alpha=0.05, calibration=0.3, random_state=0).fit(tumours.benign)
    assert held.promise_.n == pytest.approx(0.3 * len(tumours.benign), abs=1)
    assert (held.calibration_scores_ == np.sort(held.calibration_scores_)).all()


def test_fit_scores_every_row_by_a_model_that_never_saw_it_when_rows_are_few(tumours: Any, quick: Any) -> None:
    crossed = isthmus.AnomalyDetector(quick, alpha=0.01, random_state=0).fit(tumours.benign)
    assert crossed.promise_.n == len(tumours.benign)
    assert (np.sort(crossed.anomaly_score(tumours.benign)) == crossed.calibration_scores_).all()
    assert (
        crossed.predict(tumours.benign) == -1
    ).sum() == 2  # 3 of 358 is the most within alpha, and one of those is the row to come
    moved = tumours.benign + 1e-3 * tumours.benign.std(0)  # rows that it does not know
    assert (crossed.anomaly_score(moved) != crossed.anomaly_score(tumours.benign)).all()
    assert (crossed.predict(moved) == -1).mean() < 0.02


def test_too_few_rows_for_the_budget_warn_and_say_what_can_be_promised(tumours: Any, quick: Any) -> None:
    detector = isthmus.AnomalyDetector(quick, alpha=0.01, random_state=0)
    with pytest.warns(FewCalibrationRowsWarning, match="n=40 calibration rows.*needs 99.*2.4 % false alarms"):
        detector.fit(tumours.benign[:40])
    assert detector.threshold_ == detector.calibration_scores_[-1]
    assert detector.promise_.high > 0.05


def test_duplicates_never_calibrate_what_they_trained(quick: Any) -> None:
    # every row twice: were a twin in training and the other in calibration, the threshold would come out too low
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(150, 8)), 2, axis=0)
    model = clone(quick).set_params(epochs=200, latent_dim=7, hidden_dims=(64,))
    detector = isthmus.AnomalyDetector(model, alpha=0.1, score="distortion", random_state=0).fit(rows)
    fresh = detector.predict(random.normal(size=(400, 8))) == -1
    assert fresh.mean() < 0.25


def test_groups_stay_on_one_side(tumours: Any, quick: Any) -> None:
    groups = np.arange(len(tumours.benign)) // 100
    detector = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0).fit(tumours.benign, groups=groups)
    assert detector.promise_.n in (57, 100, 157, 357)


def test_calibrate_moves_the_threshold_and_nothing_else(detector: Any, tumours: Any) -> None:
    detector = clone(detector).fit(tumours.benign[120:])
    own = copy.deepcopy(detector)
    X = np.concatenate([tumours.benign[:120], tumours.malignant[:30]])
    y = np.repeat([0, 1], [120, 30])
    own.calibrate(X, y, alpha=0.02)
    assert (own.promise_.alpha, own.promise_.n) == (0.02, 120)
    assert (own.anomaly_score(X) == detector.anomaly_score(X)).all()
    assert own.threshold_ == np.sort(detector.anomaly_score(X[:120]))[118]
    assert own.calibrate(X[:120], rule="percentile").threshold_ == np.quantile(
        detector.anomaly_score(X[:120]), 0.98, method="higher"
    )


def test_calibrate_refuses_fewer_rows_than_the_budget_needs(detector: Any, tumours: Any) -> None:
    own = copy.deepcopy(detector)
    with pytest.raises(TooFewRowsError, match="n=90 calibration rows for alpha=0.01.*needs 99.*Give 9 more"):
        own.calibrate(tumours.malignant[:90], alpha=0.01)
    assert own.threshold_ == detector.threshold_


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"alpha": 0}, ParameterError, "alpha=0"),
        ({"alpha": 1.5}, ParameterError, "between 0 and 1"),
        ({"calibration": 0.0}, ParameterError, "calibration=0.0"),
        ({"score": "distorsion"}, UnknownNameError, "Did you mean 'distortion'"),
        ({"model": "autoencodr"}, UnknownNameError, "Did you mean 'autoencoder'"),
        ({"model": StandardScaler()}, ParameterError, "an unfitted estimator of ours"),
    ],
)
def test_parameters_outside_their_domain_are_refused(params: dict[str, Any], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        isthmus.AnomalyDetector(**params).fit(np.arange(60.0).reshape(20, 3))


@pytest.mark.parametrize("rows", [np.ones((50, 3)), np.repeat([[1.0, 2.0], [3.0, 4.0]], 20, axis=0)])
def test_rows_that_are_all_equal_cannot_calibrate(rows: Rows, quick: Any) -> None:
    with pytest.raises(TooFewRowsError, match="groups of equal or grouped rows.*X_calibration"):
        isthmus.AnomalyDetector(quick).fit(rows)


def test_groups_beside_rows_for_calibration_are_refused(tumours: Any, quick: Any) -> None:
    with pytest.raises(ParameterError, match="groups= beside X_calibration="):
        isthmus.AnomalyDetector(quick).fit(tumours.benign, X_calibration=tumours.benign, groups=np.zeros(357))


UNTOLD = [name for name, cls in isthmus.family().items() if "table" in cls.kinds and not cls.is_conditional]


@pytest.mark.parametrize("member", UNTOLD)
def test_any_member_can_be_given_by_name_or_as_an_estimator(member: str, tumours: Any) -> None:
    model = isthmus.family()[member](epochs=2, random_state=3, device="cpu")
    given = isthmus.AnomalyDetector(model, alpha=0.05, random_state=0).fit(tumours.benign)
    assert given.model_.random_state == 3
    assert model.random_state == 3
    assert not hasattr(model, "network_")
    assert np.isfinite(given.anomaly_score(tumours.malignant)).all()
    assert type(unfitted(member, 0, 0)) is type(model)


def test_images_are_scored_and_found() -> None:
    digits = load_digits()
    images = (digits.images[:, :, :, None] / 16).astype(np.float32)
    model = isthmus.Autoencoder(epochs=5, latent_dim=8, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(images[digits.target == 0])
    alarms = detector.predict(images[digits.target == 1]) == -1
    assert alarms.mean() > 0.8
    assert "fit on a table" in detector.abilities()["explain"]


def test_mixed_tables_with_rare_categories_and_gaps_are_learnt_whole() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": random.normal(size=120), "b": random.choice(["x", "y"], 120), "c": random.random(120) < 0.5}
    )
    frame.loc[7, "b"] = "only once"
    frame.loc[11, "a"] = np.nan
    model = isthmus.Autoencoder(epochs=3, latent_dim=2, device="cpu")
    for alpha in (0.1, 0.01):  # held out, and cross-fitted
        detector = isthmus.AnomalyDetector(model, alpha=alpha, random_state=0).fit(frame)
        assert np.isfinite(detector.anomaly_score(frame)).all()
        assert detector.promise_.n in (24, 118)


def test_it_works_in_pipelines_and_searches(tumours: Any, quick: Any) -> None:
    detector = isthmus.AnomalyDetector(quick, alpha=0.05, random_state=0)
    pipeline = make_pipeline(StandardScaler(), detector).fit(tumours.benign)
    assert set(pipeline.predict(tumours.malignant)) == {-1, 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewCalibrationRowsWarning)
        search = GridSearchCV(detector, {"model__latent_dim": [1, 2]}, cv=2).fit(tumours.benign)
    assert search.best_params_["model__latent_dim"] in (1, 2)


def test_score_is_a_parameter_and_a_verb(detector: Any, tumours: Any) -> None:
    assert detector.get_params()["score"] == "fusion"
    assert detector.score(tumours.benign) == detector.score_samples(tumours.benign).mean()
    assert clone(detector).set_params(score="distortion").get_params()["score"] == "distortion"
    assert "score='distortion'" in repr(isthmus.AnomalyDetector(score="distortion"))
