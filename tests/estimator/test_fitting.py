"""From rows to a fitted network: what is held out, what is random, what a second fit leaves of the first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_wine

from isthmus import MLP, VAE, Autoencoder, DenoisingAutoencoder, EarlyStopping
from isthmus.errors import InputError, ParameterError, TooFewRowsError
from isthmus.estimator.fitting import split
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run

X = load_wine().data


def small(cls: Any = Autoencoder, **params: Any) -> Any:
    """A model of a few steps."""
    usual = {"latent_dim": 2, "hidden_dims": (8,), "epochs": 2, "batch_size": 32, "random_state": 0}
    return cls(**{**usual, **params})


@pytest.mark.parametrize("rows", [X, X.astype("float32"), pd.DataFrame(X), csr_array(X), X.tolist()])
def test_a_share_is_held_out_of_any_container(rows: Any) -> None:
    train, weight, held = split(rows, np.arange(178.0), 0.25, seed=0)
    assert (len(weight), held.shape[0], train.shape[0]) == (134, 44, 134)
    both = [np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype=float) for part in (train, held)]
    assert np.allclose(both[0], X[weight.astype(int)], rtol=1e-6)
    assert np.allclose(np.sort(np.concatenate(both), axis=0), np.sort(X, axis=0), rtol=1e-6)


def test_the_seed_decides_who_is_held_out() -> None:
    held = [split(X, None, 0.1, seed)[2] for seed in (0, 0, 1)]
    assert np.array_equal(held[0], held[1])
    assert not np.array_equal(held[0], held[2])


def test_images_are_held_out_with_their_tag() -> None:
    images = load_digits().images[:50].astype(np.uint8)
    model = small().fit(images, validation=0.2)
    assert model.spec_.kind == "image"
    assert "validation_loss" in model.history_[-1]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 3, True])
def test_a_share_lies_between_none_and_all(share: Any) -> None:
    with pytest.raises(ParameterError, match="validation="):
        small().fit(X, validation=share)


def test_both_parts_need_a_row() -> None:
    with pytest.raises(TooFewRowsError, match="n=1 rows"):
        small().fit(X[:1], validation=0.5)


def test_nothing_is_learnt_from_held_out_rows() -> None:
    far = np.concatenate([X, X[:20] + 1e4])
    given, none = small().fit(X, validation=far), small().fit(X)
    assert given.spec_ == none.spec_
    assert np.array_equal(given.score_samples(X), none.score_samples(X))
    shared = small().fit(X, validation=0.1)
    train = split(X, None, 0.1, seed=int(np.random.RandomState(0).randint(2**31 - 1)))[0]
    assert [column.high for column in shared.spec_.columns] == train.max(0).tolist()


def test_the_history_holds_the_raw_price_of_held_out_rows() -> None:
    model = small(VAE).fit(X[:150], validation=X[150:])
    distortion, rate = (model.history_[-1][f"validation_{name}"] for name in ("distortion", "rate"))
    assert rate > 0
    assert distortion + rate == pytest.approx(-model.score(X[150:]), rel=1e-6)


def test_weights_follow_their_rows_and_are_checked_first() -> None:
    weight = np.where(np.arange(178) < 100, 1.0, 1e-9)
    model = small(epochs=60).fit(X, sample_weight=weight, validation=0.2)
    assert model.score(X[:100]) > model.score(X[100:])
    with pytest.raises(InputError, match="one weight for each of the n=178 rows"):
        small().fit(X, sample_weight=weight[:20], validation=0.2)


@pytest.mark.parametrize("architecture", ["auto", MLP(dropout=0.5), "residual"])
def test_all_randomness_is_the_seeds(architecture: Any) -> None:
    def scores(moved: int) -> Any:
        torch.manual_seed(moved)
        np.random.seed(moved)  # noqa: NPY002
        model = small(DenoisingAutoencoder, corruption="masking", architecture=architecture)
        return model.fit(X).score_samples(X)

    assert np.array_equal(scores(1), scores(2))


def test_what_a_part_draws_by_itself_is_the_seeds_too() -> None:
    class Embedded(Autoencoder):
        def build(self, spec: Any) -> Any:
            network = super().build(spec)
            network.table = torch.nn.Embedding(3, 4)
            return network

    tables = []
    for moved, seed in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(moved)
        tables.append(small(Embedded, random_state=seed).fit(X).network_.table.weight)
    assert torch.equal(tables[0], tables[1])
    assert not torch.equal(tables[1], tables[2])


def test_a_generator_moves_on_and_none_is_random() -> None:
    state = np.random.RandomState(0)
    first, second = (small(random_state=state).fit(X).score(X) for _ in range(2))
    assert first != second
    assert small(random_state=None).fit(X).score(X) != small(random_state=None).fit(X).score(X)


def test_a_second_fit_forgets_the_first() -> None:
    model = small().fit(pd.DataFrame(X[:, :5], columns=list("abcde")))
    model.fit(X)
    fresh = small().fit(X)
    assert np.array_equal(model.score_samples(X), fresh.score_samples(X))
    assert not hasattr(model, "feature_names_in_")
    assert vars(model).keys() == vars(fresh).keys()
    assert len(model.history_) == model.n_iter_ == 2


def test_partial_fit_of_nothing_begins_and_goes_on_with_fresh_noise() -> None:
    model, seen = small(VAE, epochs=50), []
    for times in (1, 2, 3):
        model.partial_fit(X)
        assert model.n_iter_ == len(model.history_) == times
        seen.append(model.history_[-1]["rate"])
    assert len(set(seen)) == 3
    other = small(VAE, learning_rate=1e-12)
    paid = [other.partial_fit(X).history_[-1]["distortion"] for _ in range(2)]
    assert paid[0] != paid[1]  # the weights stand still, so other draws and another order alone can differ


def test_partial_fit_keeps_scaling_and_takes_other_rows() -> None:
    model = small().fit(X)
    spec = model.spec_
    model.partial_fit(X[:10] * 3)
    assert model.spec_ is spec


def test_fitting_is_told_to_callbacks_and_leaves_nothing_behind() -> None:
    moments: list[str] = []

    class Told(Callback):
        def setup(self, estimator: Any, context: Any) -> None:
            moments.append("setup")

        def begin(self, run: Run) -> None:
            moments.append(f"begin {run.total_epochs}")

        def epoch_begins(self, run: Run) -> None:
            moments.append(f"epoch {run.epochs_done}")

        def epoch_ended(self, run: Run) -> bool:
            moments.append(f"ended {run.epochs_done}")
            return False

        def ended(self, run: Run) -> bool:
            moments.append("over")
            return False

        def teardown(self, estimator: Any, context: Any) -> None:
            moments.append("teardown")

    model = small().set_callbacks(Told()).fit(X)
    assert moments == ["setup", "begin 2", "epoch 0", "ended 1", "epoch 1", "ended 2", "over", "teardown"]
    assert not hasattr(model, "run_")
    model.partial_fit(X)
    assert len(moments) == 8


def test_a_callback_that_fails_is_heard_and_the_model_handed_back() -> None:
    class Fails(Callback):
        def epoch_ended(self, run: Run) -> bool:
            raise ZeroDivisionError

    threads = torch.get_num_threads()
    model = small(DenoisingAutoencoder, architecture=MLP(dropout=0.2)).set_callbacks(Fails())
    with pytest.raises(ZeroDivisionError):
        model.fit(X)
    assert torch.get_num_threads() == threads
    assert not model.network_.training
    assert np.isfinite(model.set_callbacks().score_samples(X)).all()
    assert model.n_iter_ == 1


def test_stopping_early_counts_the_epochs_that_were() -> None:
    model = small(epochs=30).set_callbacks(EarlyStopping(patience=1, min_delta=1e9)).fit(X)
    assert model.n_iter_ == len(model.history_) == 2
