"""A conditional VAE draws what it was asked for, and its bound is one of log p(x | y)."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import isthmus
from isthmus import MLP, ConditionalVAE
from isthmus.displays.seen import rebuilt
from isthmus.errors import AbilityError, InputError, InputTypeError, ParameterError
from isthmus.training.callbacks import JSONLLog

BACKBONES = [("mlp", (128,), 30), pytest.param("conv", (32,), 100, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def wine() -> Any:
    """178 wines of three growers."""
    return load_wine(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(wine: Any) -> Any:
    """A model of them that is told the grower."""
    X, y = wine
    return ConditionalVAE(latent_dim=3, epochs=100, learning_rate=5e-3, random_state=0).fit(X, y)


def recognised(model: Any, X: Any, y: Any, each: int = 60) -> float:
    """The share of rows drawn for a class that a classifier of real rows puts into it."""
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
    asked = np.repeat(np.unique(y), each)
    return float((judge.predict(model.sample(len(asked), y=asked, random_state=0)) == asked).mean())


def test_rows_drawn_for_a_class_are_recognised_as_it(fitted: Any, wine: Any) -> None:
    X, y = wine
    assert recognised(fitted, X, y) > 0.95
    shuffled = np.random.default_rng(0).permutation(y)
    control = ConditionalVAE(latent_dim=3, epochs=100, learning_rate=5e-3, random_state=0).fit(X, shuffled)
    assert recognised(control, X, y) < 0.5


def test_the_right_label_makes_a_row_likelier(fitted: Any, wine: Any) -> None:
    X, y = wine
    each = np.stack([fitted.score_samples(X, y=grower) for grower in range(3)], axis=1)
    assert (each.argmax(1) == y).mean() > 0.95
    assert np.array_equal(each[np.arange(len(X)), y], fitted.score_samples(X, y=y))
    assert (fitted.log_likelihood(X, 50, y=y) >= fitted.elbo(X, y=y) - 0.5).all()


@pytest.mark.slow
def test_a_linear_model_reaches_the_evidence_of_the_residuals() -> None:
    random = np.random.default_rng(0)
    y = random.normal(size=(600, 2))
    X = y @ random.normal(size=(2, 5)) + random.normal(size=(600, 1)) @ random.normal(size=(1, 5))
    X = X + 0.5 * random.normal(size=X.shape)
    options = {"hidden_dims": (), "activation": "linear", "latent_dim": 1, "scaling": "none", "batch_size": 75}
    model = ConditionalVAE(epochs=250, learning_rate=0.02, random_state=0, **options).fit(X, y)
    rest = X - LinearRegression().fit(y, X).predict(y)
    covariance = rest.T @ rest / len(rest)
    best = -0.5 * (5 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + 5)  # with any covariance at all
    assert best - 0.15 < model.elbo(X, y=y).mean() < best + 0.01


@pytest.mark.parametrize(("architecture", "hidden_dims", "epochs"), BACKBONES, ids=["mlp", "conv"])
def test_a_picture_beside_a_picture_is_seen_sharply(architecture: str, hidden_dims: Any, epochs: int) -> None:
    images = (load_digits().images[:300] / 16).astype(np.float32)
    colour = np.stack([images, images * images, 1 - images], axis=3)
    grey = images[..., None]
    asked = {"architecture": architecture, "hidden_dims": hidden_dims, "epochs": epochs, "learning_rate": 5e-3}
    model = ConditionalVAE(latent_dim=1, random_state=0, **asked).fit(colour, grey)
    drawn = model.sample(100, y=grey[:100], random_state=0)
    error = np.mean((drawn - colour[:100]) ** 2)
    assert error < 0.15 * colour.var(axis=0).mean()
    others = model.sample(100, y=grey[100:200], random_state=0)
    assert np.mean((others - colour[:100]) ** 2) > 8 * error


def test_training_takes_y_with_its_rows(wine: Any, tmp_path: Any) -> None:
    X, y = wine
    quick = ConditionalVAE(latent_dim=2, epochs=4, random_state=0)
    share = quick.fit(X, y, validation=0.2).history_[-1]
    assert share["validation_loss"] == pytest.approx(share["validation_distortion"] + share["validation_rate"])
    pair = quick.set_callbacks(JSONLLog(tmp_path / "log.jsonl")).fit(X[10:], y[10:], validation=(X[:10], y[:10]))
    held = pair.history_[-1]["validation_loss"]
    assert held == pytest.approx(-pair.score(X[:10], y[:10]), rel=1e-4)
    with pytest.raises(InputError, match=r"validation=\(X_validation, y_validation\)"):
        quick.fit(X, y, validation=X[:10])
    strings = quick.set_callbacks().fit(X, np.array(["first", "second", "third"])[y])
    assert strings.sample(2, y="second").shape == (2, 13)
    assert strings.condition_.spec.columns[0].categories == ("first", "second", "third")


def test_missing_wrong_and_needless_y_are_said(fitted: Any, wine: Any) -> None:
    X, y = wine
    with pytest.raises(InputError, match="requires y to be passed"):
        ConditionalVAE().fit(X)
    with pytest.raises(InputError, match="in training each row has a condition"):
        ConditionalVAE().fit(X, y[:9])
    for call in (fitted.transform, fitted.score_samples, fitted.reconstruct, fitted.elbo, fitted.log_likelihood):
        with pytest.raises(InputError, match="y=None"):
            call(X)
    with pytest.raises(InputError, match="y with 9 entries beside 178 rows"):
        fitted.transform(X, y=y[:9])
    with pytest.raises(AbilityError, match="reads a condition"):
        fitted.finetune(X, y)
    with pytest.raises(InputError, match=r"held_out=\(X_held_out, y_held_out\)"):
        isthmus.diagnose(fitted, X, X[:50], y=y)
    with pytest.raises(AbilityError, match="it is told a y beside each row"):
        rebuilt(fitted, torch.zeros(1, 13))
    with pytest.raises(InputTypeError, match="it is told nothing"):
        isthmus.VAE(epochs=1).fit(X).transform(X, y=y)
    with pytest.raises(ParameterError, match="joined to a flat code"):
        ConditionalVAE(architecture=MLP(skip_connections=True)).fit(X, y)


def test_ways_between_rows_and_along_axes_keep_their_condition(fitted: Any, wine: Any) -> None:
    X, y = wine
    way = fitted.interpolate(X[:2], X[2:4], 3, y=[0, 2])
    codes = fitted.transform(X[:4], y=[0, 2, 0, 2])
    ends = fitted.inverse_transform(codes, y=[0, 2, 0, 2])
    assert np.allclose(way[[0, 3, 2, 5]], ends, rtol=1e-4)
    along = fitted.traverse(X[:2], 0, [codes[0, 0]], y=[0, 2])
    assert np.allclose(along[0], ends[0], rtol=1e-4)


def test_a_prior_of_the_code_serves_every_y(fitted: Any, wine: Any, tmp_path: Any) -> None:
    X, y = wine
    model = copy.deepcopy(fitted).fit_prior(X, "mixture", y=y, components=3)
    assert recognised(model, X, y) > 0.95
    assert model.elbo(X, y=y).mean() > fitted.elbo(X, y=y).mean() - 0.05  # fitted to these very codes
    assert (model.log_likelihood(X, 50, y=y) >= model.elbo(X, y=y) - 1.0).all()
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(twin.sample(5, y=2, random_state=1), model.sample(5, y=2, random_state=1))
    assert model.gaps(2, y=1, random_state=0).shape == (2, 13)
    with pytest.raises(AbilityError, match="made-up conditions"):
        model.fit_prior(X, "vamp", y=y)
    with pytest.raises(ParameterError, match="would not heed"):
        model.fit_prior(X, "diffusion", y=y, on="data")
    with pytest.raises(InputError, match="y=None"):
        model.fit_prior(X, "mixture")


def test_variations_keep_what_was_told(fitted: Any, wine: Any) -> None:
    X, y = wine
    still = fitted.variations(X[:2], 3, 0.0, y=y[:2])
    assert np.allclose(still, fitted.reconstruct(X[:2], y=y[:2]).repeat(3, 0), rtol=1e-3)


def test_the_doctor_is_told_y_and_hands_it_on(wine: Any) -> None:
    X, y = wine
    model = ConditionalVAE(scaling="none", latent_dim=2, epochs=2, random_state=0).fit(X, y)
    told = model.diagnose(X, (X[:60], y[:60]), y=y)
    assert {"code-bypassed", "rate-collapsed"} <= told.not_asked.keys()
    remedy = told.findings["unscaled-data"].remedy
    assert remedy.endswith(".fit(X, y)")
    again = eval(remedy, {"model": model, "X": X, "y": y})
    assert "unscaled-data" in again.diagnose(X, y=y).sound
