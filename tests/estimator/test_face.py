"""What a user types, on real tables: types in and out, units, what may be asked before and after a fit."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError

from isthmus import MLP, VAE, Autoencoder, DenoisingAutoencoder
from isthmus.errors import AbilityError, ParameterError
from isthmus.estimator.face import Estimator

X = load_wine().data
FRAME = load_iris(as_frame=True).data


def small(cls: Any = Autoencoder, **params: Any) -> Any:
    """A model of a few steps."""
    usual = {"latent_dim": 2, "hidden_dims": (8,), "epochs": 3, "batch_size": 32, "random_state": 0}
    return cls(**{**usual, **params})


@pytest.fixture(scope="module")
def model() -> Any:
    return small(VAE).fit(X)


def test_parameters_are_keywords() -> None:
    with pytest.raises(TypeError):
        Autoencoder(3)
    with pytest.raises(TypeError):
        Autoencoder(laten_dim=3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_codes_have_the_precision_of_the_rows(dtype: Any, model: Any) -> None:
    rows = X.astype(dtype)
    wanted = np.float32 if dtype == np.float32 else np.float64
    assert model.transform(rows).dtype == wanted
    assert model.transform(rows).flags.c_contiguous
    assert model.anomaly_score(rows).dtype == np.float64


def test_tensors_and_lists_are_rows_too(model: Any) -> None:
    codes = model.transform(X)
    assert np.array_equal(model.transform(X.tolist()), codes)
    assert np.allclose(model.transform(torch.from_numpy(X)), codes, atol=1e-5)


def test_scores_are_the_bound_and_its_mean_is_the_score(model: Any) -> None:
    scores = model.score_samples(X)
    assert model.score(X) == model.score(X, load_wine().target) == scores.mean()
    assert np.array_equal(model.anomaly_score(X), -scores)


def test_labels_are_ignored() -> None:
    assert np.array_equal(small().fit(X, load_wine().target).score_samples(X), small().fit(X).score_samples(X))


def test_frames_give_frames_with_their_index_and_codes_names(model: Any) -> None:
    fitted = small().fit(FRAME)
    rows = FRAME.iloc[[7, 3]]
    rebuilt = fitted.reconstruct(rows)
    assert list(rebuilt.index) == [7, 3]
    assert list(rebuilt.columns) == list(FRAME.columns)
    assert list(fitted.get_feature_names_out()) == ["autoencoder0", "autoencoder1"]
    assert list(fitted.set_output(transform="pandas").transform(rows).index) == [7, 3]
    assert isinstance(fitted.inverse_transform(fitted.transform(rows)), pd.DataFrame)


def test_codes_are_turned_back_into_what_the_row_becomes(model: Any) -> None:
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), model.reconstruct(X), rtol=1e-5)


def test_units_of_the_table_do_not_matter() -> None:
    pounds = X * 2.2 + 7
    assert np.allclose(small(VAE).fit(X).score_samples(X), small(VAE).fit(pounds).score_samples(pounds), atol=1e-3)


def test_samples_of_a_table_have_its_spread_and_of_images_none(model: Any) -> None:
    drawn = small(VAE, epochs=100).fit(X).sample(2000, random_state=0)
    assert np.allclose(drawn.std(0) / X.std(0), 1, atol=0.35)
    images = load_digits().images[:300, :, :, None].astype(np.float32) / 16
    pictures = small(VAE, epochs=5, architecture="mlp").fit(images)
    z = np.random.default_rng(0).normal(size=(500, 2))
    assert pictures.sample(500, random_state=0).std() == pytest.approx(pictures.inverse_transform(z).std(), rel=0.1)


@pytest.mark.parametrize("n", [0, -1, 2.5, "many"])
def test_a_number_of_samples_is_whole(n: Any, model: Any) -> None:
    with pytest.raises(ParameterError, match="whole number >= 1. Use n=1"):
        model.sample(n)


def test_scores_follow_the_weights_wherever_they_moved(model: Any) -> None:
    moving = small().fit(X)
    before = moving.score_samples(X)
    moving.partial_fit(X)
    after = moving.score_samples(X)
    assert not np.array_equal(before, after)
    for twin in (copy.deepcopy(moving), pickle.loads(pickle.dumps(moving))):
        assert np.array_equal(twin.score_samples(X), after)
        twin.partial_fit(X)
        assert not np.array_equal(twin.score_samples(X), after)
    assert np.array_equal(moving.score_samples(X), after)


def test_clones_are_unfitted_and_equal() -> None:
    fitted = small(architecture=MLP(dropout=0.1), random_state=np.random.RandomState(0)).fit(X)
    twin = clone(fitted)
    assert twin.architecture == fitted.architecture
    with pytest.raises(NotFittedError):
        twin.score_samples(X)
    with pytest.raises(NotFittedError):
        twin.save("nowhere")


@pytest.mark.parametrize("verb", ["sample", "denoise", "fill"])
def test_a_verb_that_is_missing_says_why_and_what_there_is(verb: str) -> None:
    fitted = small().fit(X)
    with pytest.raises(AbilityError) as caught:
        getattr(fitted, verb)(3 if verb == "sample" else X)
    assert caught.value.came == f"Autoencoder.{verb}()"
    assert caught.value.allowed == fitted.abilities()[verb]
    assert "reconstruct" in caught.value.fix


def test_masks_of_images_have_the_layout_of_the_images() -> None:
    images = load_digits().images[:64, :, :, None].astype(np.float32) / 16
    fitted = small(DenoisingAutoencoder, corruption="masking", architecture="mlp").fit(images)
    known = np.random.default_rng(0).random(images.shape) > 0.3
    filled = fitted.fill(images, known)
    assert np.allclose(filled[known], images[known], atol=1e-6)
    assert not np.allclose(filled[~known], images[~known], atol=1e-2)
    assert np.array_equal(filled, fitted.fill(np.where(known, images, 0.7).astype(np.float32), known))


def test_repr_shows_what_was_set_and_after_a_fit_what_was_derived() -> None:
    model = Autoencoder(epochs=2, hidden_dims=np.array([8, 4]), architecture=MLP(dropout=0.25))
    assert repr(model) == "Autoencoder(architecture=MLP(dropout=0.25), epochs=2, hidden_dims=array([8, 4]))"
    text = repr(model.fit(X))
    for part in ("latent_dim=5", "batch_size=32", "learning_rate=0.001", "likelihood='gaussian'", "dropout=0.25"):
        assert part in text
    assert len(f"{Autoencoder(hidden_dims=tuple(range(1, 900)))!r}") <= 710


def test_a_member_says_how_it_is_built_and_what_it_pays() -> None:
    class Silent(Estimator):
        pass

    with pytest.raises(TypeError, match=r"Silent is no member: a member defines build\(spec\)"):
        small(Silent).fit(X)
    with pytest.raises(TypeError, match="objective"):
        small(Silent).objective(None, None)
