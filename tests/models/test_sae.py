"""Sparse dictionaries: the features that rows are made of come back, as few of them on as was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import PCA

import isthmus
from isthmus import SAE
from isthmus.errors import InputError, InputTypeError, MissingValueError, ParameterError, UnknownNameError
from isthmus.parts.dictionary.choose import ACTIVATIONS, COUNTED
from tests.models.rows import digits, error

QUICK: dict[str, Any] = {"batch_size": 128, "learning_rate": 4e-3, "random_state": 0}
DEAR = ("gated", "matryoshka", "jumprelu")
some_activations = pytest.mark.parametrize(
    "activation", [pytest.param(name, marks=[pytest.mark.slow] * (name in DEAR)) for name in ACTIVATIONS]
)


def made_of_features(rows: int, seed: int = 0) -> tuple[Any, Any]:
    """Rows with two or so of 24 random directions in 16 dimensions, each 0.5 to 1.5 times."""
    draws = np.random.default_rng(seed)
    features = draws.normal(size=(24, 16))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    there = draws.random((rows, 24)) < 2 / 24
    return ((there * draws.uniform(0.5, 1.5, there.shape)) @ features).astype(np.float32), features


@pytest.fixture(scope="module")
def fitted() -> Any:
    """Each activation fitted once on digits, eight latents on of 128."""
    made: dict[str, Any] = {}

    def get(activation: str) -> Any:
        if activation not in made:
            made[activation] = SAE(n_latents=128, activation=activation, l0=8, epochs=30, **QUICK)
            made[activation].fit(digits()[0])
        return made[activation]

    return get


def test_the_directions_that_rows_are_made_of_come_back() -> None:
    X, features = made_of_features(4000)
    model = SAE(n_latents=24, k=2, epochs=48, **QUICK).fit(X)
    nearest = (features @ model.components_.T).max(1)
    assert nearest.mean() > 0.9  # directions at random: 0.6
    assert np.allclose(np.linalg.norm(model.components_, axis=1), 1, atol=1e-5)


@some_activations
def test_as_many_latents_are_on_as_were_asked_for(activation: str, fitted: Any) -> None:
    model = fitted(activation)
    on = np.diff(model.transform(digits()[1]).indptr)
    assert on.mean() == pytest.approx(8, rel=0.2)
    assert (on.max() == 8) == (activation == "topk")


@some_activations
def test_few_latents_say_more_than_as_many_principal_components(activation: str, fitted: Any) -> None:
    train, held_out = digits()
    plane = PCA(8).fit(train)
    lost = error(held_out, plane.inverse_transform(plane.transform(held_out)))
    assert error(held_out, fitted(activation).reconstruct(held_out)) < 0.95 * lost


@pytest.mark.slow
def test_a_search_in_bfloat16_learns_as_well(fitted: Any) -> None:
    train, held_out = digits()
    low = SAE(n_latents=128, k=8, epochs=30, precision="bfloat16", **QUICK).fit(train)
    lost = error(held_out, fitted("topk").reconstruct(held_out))
    assert error(held_out, low.reconstruct(held_out)) == pytest.approx(lost, rel=0.1)
    low.network_.is_low = False  # which is of training alone
    scores = low.score_samples(held_out)
    low.network_.is_low = True
    assert np.array_equal(low.score_samples(held_out), scores)


def test_codes_go_out_and_come_back_as_csr(fitted: Any) -> None:
    model, (_, held_out) = fitted("topk"), digits()
    Z = model.transform(held_out)
    assert isinstance(Z, scipy.sparse.csr_matrix)
    assert Z.dtype == np.float32
    rebuilt = model.reconstruct(held_out)
    assert np.array_equal(model.inverse_transform(Z), rebuilt)
    assert np.array_equal(model.inverse_transform(Z.toarray()), rebuilt)


@pytest.mark.slow
def test_a_nested_dictionary_rebuilds_from_its_first_level() -> None:
    model, (train, held_out) = (
        SAE(activation="matryoshka", n_latents=64, k=6, levels=(0.25, 1.0), random_state=0),
        digits(),
    )
    Z = model.fit(train).transform(held_out).tolil()
    Z[:, 16:] = 0
    first = error(held_out, model.inverse_transform(Z.tocsr()))
    flat = SAE(activation="batch-topk", n_latents=64, k=6, random_state=0).fit(train)
    Z = flat.transform(held_out).tolil()
    Z[:, 16:] = 0
    assert first < 0.6 * error(held_out, flat.inverse_transform(Z.tocsr()))


def test_tied_directions_are_the_encoders(fitted: Any, tmp_path: Any) -> None:
    train, held_out = digits()
    model = SAE(n_latents=32, k=4, tied=True, epochs=2, **QUICK).fit(train)
    assert "decoder_weight" not in model.network_.state_dict()
    assert np.array_equal(model.components_, model.network_.encoder_weight.detach().numpy())
    again = isthmus.load(model.save(tmp_path / "tied"))
    assert np.array_equal(again.score_samples(held_out), model.score_samples(held_out))


class Lazy:
    """Rows that are read in blocks, and counts the blocks."""

    def __init__(self, rows: Any) -> None:
        self.held, self.shape, self.dtype, self.asked = rows, rows.shape, rows.dtype, 0

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, rows: slice) -> Any:
        self.asked += 1
        return self.held[rows]


def test_rows_may_come_in_blocks_or_one_array_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    train, held_out = digits()
    model = SAE(n_latents=32, k=4, epochs=2, **QUICK)
    plain = model.fit(train).transform(held_out)
    for rows in (
        Lazy(train),
        iter(np.array_split(train, 7)),
        np.memmap(stored(train, tmp_path), np.float32, shape=train.shape),
    ):
        assert (model.fit(rows).transform(Lazy(held_out)) != plain).nnz == 0
    monkeypatch.setattr("isthmus.data.scanning.in_blocks.__defaults__", (1 << 16,))
    lazy = Lazy(train)
    assert error(held_out, model.set_params(epochs=10).fit(lazy).reconstruct(held_out)) < 0.6
    assert lazy.asked > 10


def stored(rows: Any, folder: Any) -> str:
    """A file with the bare numbers."""
    rows.tofile(folder / "rows.bin")
    return str(folder / "rows.bin")


def test_a_transcoder_makes_other_rows_of_rows(tmp_path: Any) -> None:
    train, held_out = digits()
    turn = np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)
    model = SAE(n_latents=96, k=8, epochs=30, **QUICK).fit(train, np.maximum(train @ turn, 0))
    wanted = np.maximum(held_out @ turn, 0)
    assert error(wanted, model.reconstruct(held_out)) < 0.3
    assert model.components_.shape == (96, 10)
    assert model.score_samples(held_out, y=wanted).mean() > model.score_samples(held_out, y=-wanted).mean()
    with pytest.raises(InputError, match="X without y"):
        model.score_samples(held_out)
    again = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(again.reconstruct(held_out), model.reconstruct(held_out))


def test_a_crosscoder_has_one_code_for_several_places(tmp_path: Any) -> None:
    train, held_out = digits()
    several = [[rows[:, :40], 100 * rows[:, 40:]] for rows in (train, held_out)]
    model = SAE(n_latents=96, k=8, epochs=20, **QUICK).fit(several[0])
    first, second = model.reconstruct(several[1])
    assert error(several[1][0], first) < 0.5
    assert error(several[1][1], second) < 0.5
    again = isthmus.load(model.save(tmp_path / "model"))
    assert (again.transform(several[1]) != model.transform(several[1])).nnz == 0
    with pytest.raises(InputError, match="arrays of shapes"):
        model.transform(several[1][::-1])


def test_hardly_a_latent_is_dead(fitted: Any) -> None:
    for activation in COUNTED:
        if activation != "matryoshka":
            assert (np.asarray(fitted(activation).transform(digits()[0]).sum(0)).ravel() == 0).mean() < 0.05


ROWS = digits()[0][:64].astype(np.float64)
GAP = ROWS.copy()
GAP[17, 3] = np.nan


@pytest.mark.parametrize(
    ("params", "X", "error_type", "came"),
    [
        ({}, GAP, MissingValueError, "row 17, column 'x3' holds nan"),
        ({"n_latents": 10, "k": 11}, ROWS, ParameterError, "k=11 with n_latents=10"),
        ({"l0": 4, "k": 4}, ROWS, ParameterError, "k=4, l0=4"),
        ({"l0": 4, "weight": 0.1, "activation": "relu"}, ROWS, ParameterError, "l0=4, weight=0.1"),
        ({"k": 4, "activation": "relu"}, ROWS, ParameterError, "k=4 with activation='relu'"),
        ({"weight": 0.1}, ROWS, ParameterError, "weight=0.1 with activation='topk'"),
        ({"activation": "tanh"}, ROWS, UnknownNameError, "activation='tanh'"),
        ({"n_latents": 0}, ROWS, ParameterError, "n_latents=0"),
        ({"k": 0}, ROWS, ParameterError, "k=0"),
        ({"levels": (0.5, 2.0), "activation": "matryoshka"}, ROWS, ParameterError, "levels=(0.5, 2.0)"),
        ({}, [ROWS, ROWS[:5]], InputError, "arrays of shapes"),
    ],
)
def test_wrong_input_is_refused(params: dict[str, Any], X: Any, error_type: Any, came: str) -> None:
    with pytest.raises(error_type) as caught:
        SAE(epochs=1, **params).fit(X)
    assert came in caught.value.came


def test_later_rows_must_be_like_those_of_training(fitted: Any) -> None:
    model, (_, held_out) = fitted("topk"), digits()
    with pytest.raises(InputError, match="60 columns"):
        model.transform(held_out[:, :60])
    with pytest.raises(InputError, match=r"codes are \(n, 128\)"):
        model.inverse_transform(np.zeros((2, 60)))
    with pytest.raises(InputTypeError, match="categorical"):
        import pandas as pd

        SAE().fit(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    with pytest.raises(ParameterError, match="tied=True with y"):
        SAE(tied=True).fit(held_out, held_out[:, :3])
