"""Pairs trained one by one: each by itself, each for its share, and worth it in the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from sklearn.utils.validation import check_is_fitted

import isthmus
from isthmus import StackedAutoencoder
from isthmus.core.code import Batch
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts import noise
from isthmus.parts.layerwise import Pair
from isthmus.training.callbacks import Callback
from isthmus.training.run import Run
from tests.models.rows import digits, error

SHAPE: dict[str, Any] = {"hidden_dims": (48, 24), "latent_dim": 8, "scaling": "none", "random_state": 0}
WAYS: dict[str | None, dict[str, Any]] = {
    "autoencoder": {},
    "denoising": {},
    "rbm": {"activation": "sigmoid", "likelihood": "bernoulli"},
}


@pytest.mark.parametrize("pretrain", WAYS)
def test_each_stage_takes_its_share_and_moves_its_pair_alone(pretrain: str) -> None:
    weights: dict[int, dict[str, torch.Tensor]] = {}

    class Watching(Callback):
        """Keeps the weights at the end of each stage."""

        def epoch_ended(self, run: Run) -> bool:
            """The newest line says which stage it was."""
            weights[run.history[-1]["stage"]] = {k: t.clone() for k, t in run.network.state_dict().items()}
            return False

    model = StackedAutoencoder(pretrain=pretrain, epochs=12, **SHAPE, **WAYS[pretrain])
    model.set_callbacks(Watching()).fit(digits()[0])
    assert [line["stage"] for line in model.history_] == [0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    for stage in (1, 2):
        moved = {
            name.rsplit(".", 1)[0]
            for name in weights[0]
            if not torch.equal(weights[stage][name], weights[stage - 1][name])
        }
        assert moved == {f"encoder.linears.{stage}", f"decoder.linears.{2 - stage}"}
    for stage in (0, 1, 2):
        assert model.history_[2 * stage + 1]["loss"] < model.history_[2 * stage]["loss"] or pretrain == "rbm"


@pytest.mark.parametrize("activation", [pytest.param("relu", marks=pytest.mark.slow), "tanh"])
def test_a_pretrained_stack_starts_ahead(activation: str) -> None:
    train, _ = digits()
    shape = {**SHAPE, "hidden_dims": (64, 48, 32), "activation": activation, "epochs": 24}
    stacked = StackedAutoencoder(**shape).fit(train)
    at_once = StackedAutoencoder(pretrain=None, **shape).fit(train)
    first = next(line for line in stacked.history_ if line["stage"] == 4)
    assert first["distortion"] < at_once.history_[0]["distortion"]


def test_a_machine_of_stacked_units_learns_digits() -> None:
    train, held_out = digits()
    model = StackedAutoencoder(pretrain="rbm", epochs=30, learning_rate=5e-3, **SHAPE, **WAYS["rbm"]).fit(train)
    contrast = [abs(line["contrast"]) for line in model.history_ if line["stage"] == 0]
    assert contrast[-1] < contrast[0]
    assert error(held_out, model.reconstruct(held_out)) < 0.75


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("depth", [0, 1])
def test_the_contrast_moves_weights_as_contrastive_divergence_does(real: bool, depth: int) -> None:
    rows = torch.from_numpy(digits()[0][:50])
    network = (
        StackedAutoencoder(pretrain=None, hidden_dims=(6,), latent_dim=4, activation="sigmoid", epochs=1)
        .fit(rows.numpy())
        .network_
    )
    pair = Pair(network, depth)
    h = pair.below(rows)
    pair.contrast(Batch(rows, generator=torch.Generator().manual_seed(0)), h, real).sum().backward()
    with torch.no_grad():
        again = torch.Generator().manual_seed(0)
        above = pair.up(h)
        if depth == 0:
            means, sent = above.sigmoid(), (noise.uniform(above, again) < above.sigmoid()).float()
        else:
            means, sent = above, above + noise.normal(above, again)
        back = sent @ pair.up.weight + pair.down.bias
        back = back if real else back.sigmoid()
        means_back = pair.up(back) if depth == 1 else pair.up(back).sigmoid()
        expected = means_back.T @ back - means.T @ h
    torch.testing.assert_close(pair.up.weight.grad, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(pair.down.bias.grad, (back - h).sum(0), rtol=1e-4, atol=1e-4)
    assert pair.down.weight.grad is None
    pair.mirror()
    assert torch.equal(pair.down.weight, pair.up.weight.T)


def test_what_is_hidden_is_a_quarter() -> None:
    network = StackedAutoencoder(epochs=1, latent_dim=2).fit(load_wine().data).network_
    weak = Pair(network, 0).weaken(torch.ones(100, 400), 0.25, torch.Generator().manual_seed(0))
    assert float(weak.mean()) == pytest.approx(0.75, abs=0.01)


def test_mixed_tables_are_pretrained_too() -> None:
    wine = load_wine(as_frame=True)
    frame = wine.data.iloc[:, :4].assign(kind=wine.target.map({0: "a", 1: "b", 2: "c"}))
    model = StackedAutoencoder(hidden_dims=(8,), latent_dim=2, epochs=4, random_state=0).fit(frame)
    check_is_fitted(model)
    assert np.isfinite([line["distortion"] for line in model.history_]).all()


@pytest.mark.parametrize(
    ("params", "error_type", "came"),
    [
        ({"pretrain": "svm"}, UnknownNameError, "pretrain='svm'"),
        ({"pretrain": "rbm"}, ParameterError, "pretrain='rbm' with activation='relu'"),
        ({"pretrain": "rbm", "activation": "sigmoid", "likelihood": "laplace"}, ParameterError, "'laplace'"),
        ({"architecture": isthmus.MLP(normalization="layer")}, ParameterError, "architecture=MLP("),
        ({"architecture": "residual"}, ParameterError, "architecture='residual'"),
    ],
)
def test_wrong_options_are_refused(params: dict[str, Any], error_type: Any, came: str) -> None:
    with pytest.raises(error_type) as caught:
        StackedAutoencoder(latent_dim=3, epochs=1, **params).fit(digits()[0][:40])
    assert came in caught.value.came
