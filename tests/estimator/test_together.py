"""Members trained in one run against members trained in turn: weights, scores, histories, and who trains how."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from torch import Tensor

import isthmus
from isthmus import MLP, VAE, Autoencoder, DenoisingAutoencoder, EarlyStopping, fit_together
from isthmus.estimator import together

X = load_wine().data
GAPPY = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0] * 30, "b": np.linspace(0, 9, 120) ** 2, "c": list("xyxz") * 30})


def members(cls: Any = Autoencoder, seeds: Any = (3, 4, 5), **params: Any) -> list[Any]:
    """Models of a few steps."""
    return [cls(**{"epochs": 2, "device": "cpu", "random_state": seed, **params}) for seed in seeds]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many members each common run had."""
    seen: list[int] = []

    def noted(run: Any) -> None:
        seen.append(run.members)
        train(run)

    train = together.train
    monkeypatch.setattr(together, "train", noted)
    return seen


def apart(one: Any, other: Any) -> float:
    """How far two models' weights lie apart, as a share of their size: the largest over all tensors."""
    pairs = zip(one.network_.parameters(), other.network_.parameters(), strict=True)
    return max(float((a.detach() - b.detach()).norm() / a.detach().norm()) for a, b in pairs)


def check_equal(cls: Any, rows: Any, **params: Any) -> list[Any]:
    """Train both ways, compare, and give the ones that were trained together."""
    alone = [model.fit(rows) for model in members(cls, **params)]
    shared = fit_together(members(cls, **params), rows)
    for one, other in zip(alone, shared, strict=True):
        assert apart(one, other) < 1e-4
        np.testing.assert_allclose(other.score_samples(rows), one.score_samples(rows), rtol=1e-3)
        assert [list(line) for line in other.history_] == [list(line) for line in one.history_]
        for line, expected in zip(other.history_, one.history_, strict=True):
            figures = {name: value for name, value in expected.items() if name != "seconds"}
            assert {name: line[name] for name in figures} == pytest.approx(figures, rel=1e-4)
    assert apart(shared[0], shared[1]) > 0.1
    return shared


@pytest.mark.parametrize("cls", [Autoencoder, DenoisingAutoencoder])
def test_each_member_ends_where_it_would_have_alone(cls: Any, real_data: Path, runs: list[int]) -> None:
    with np.load(real_data / "adbench" / "28_pendigits.npz") as held:
        check_equal(cls, held["X"][:1000])
    assert runs == [3]


@pytest.mark.parametrize(
    ("cls", "rows", "params"),
    [
        (Autoencoder, X, {"activation": "tanh", "hidden_dims": (9, 7, 5), "batch_size": 25}),
        (Autoencoder, X.astype("float32"), {"hidden_dims": (), "weight_decay": 0.1}),
        (Autoencoder, load_digits().images[:150], {"architecture": "mlp", "latent_dim": 5}),
        (DenoisingAutoencoder, X, {"corruption": "masking", "activation": "sigmoid"}),
        (DenoisingAutoencoder, GAPPY, {"corruption": "blocks", "amount": 0.4}),
        (DenoisingAutoencoder, X, {"corruption": "salt-and-pepper", "likelihood": "laplace"}),
    ],
)
def test_so_does_it_with_other_shapes_data_and_noise(cls: Any, rows: Any, params: Any, runs: list[int]) -> None:
    check_equal(cls, rows, **params)
    assert runs == [3]


def test_a_member_is_an_ordinary_model(tmp_path: Path) -> None:
    model = fit_together(members(), X)[1]
    assert (model.n_iter_, len(model.history_), model.n_features_in_) == (2, 2, 13)
    assert not hasattr(model, "run_")
    assert all(p.requires_grad and p.grad is None for p in model.network_.parameters())
    loaded = isthmus.load(model.save(tmp_path / "member"))
    np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))
    before = model.score_samples(X).mean()
    assert model.partial_fit(X).score_samples(X).mean() > before


def test_the_same_models_give_the_same_bits_again() -> None:
    first, again = (fit_together(members(DenoisingAutoencoder), X) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert apart(one, other) == 0


def test_members_of_one_random_state_take_their_seeds_from_it_in_turn() -> None:
    alone, shared = (members(seeds=[np.random.RandomState(0)] * 2) for _ in range(2))
    for one, other in zip([model.fit(X) for model in alone], fit_together(shared, X), strict=True):
        assert apart(one, other) < 1e-4


@pytest.mark.parametrize(
    "models",
    [
        members(seeds=(0,), epochs=1),
        members(VAE, (0, 1)),
        [*members(seeds=(0,), epochs=1), *members(DenoisingAutoencoder, seeds=(0,), epochs=1)],
        [*members(seeds=(0,), epochs=1), *members(seeds=(1,), latent_dim=3, epochs=1)],
        members(seeds=(0, 1), epochs=1, architecture=MLP(dropout=0.2)),
        members(seeds=(0, 1), epochs=1, architecture=MLP(normalization="layer")),
        members(seeds=(0, 1), epochs=1, architecture=MLP(skip_connections=True)),
        members(seeds=(0, 1), epochs=1, activation="gelu"),
        members(seeds=(0, 1), epochs=1, hidden_dims=(1024, 512), batch_size=64),
        members(seeds=(0, 1), epochs=1, precision="bfloat16"),
        members(seeds=(0, 1), epochs=1, likelihood="gaussian-learned"),
        members(seeds=(0, 1), epochs=1, likelihood="gaussian-optimal"),
        [model.set_callbacks(EarlyStopping(patience=1)) for model in members(seeds=(0, 1))],
    ],
    ids=lambda models: f"{models[0]!r:.60}",
)
def test_others_train_in_turn_and_end_the_same(models: list[Any], runs: list[int]) -> None:
    alone = [clone(model).fit(X) for model in models]
    shared = fit_together(list(map(clone, models)), X)
    assert runs == []
    assert max(map(apart, alone, shared)) == 0


def test_nothing_gives_nothing() -> None:
    assert fit_together([], X) == []


def test_a_member_whose_gradient_is_not_finite_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(self: Any, network: Any, batch: Any) -> dict[str, Tensor]:
        cost: Tensor = network(batch).distortion
        if isinstance(network.encoder, together.DenseEnsemble) and batch.progress > 0.5:
            cost[0] = cost[0] * torch.nan
        return {"distortion": cost}

    alone = [model.fit(X) for model in members()]
    monkeypatch.setattr(Autoencoder, "objective", spoilt)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shared = fit_together(members(), X)
    assert max(map(apart, alone, shared)) == 0
