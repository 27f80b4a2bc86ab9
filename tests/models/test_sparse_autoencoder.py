"""Few units on: as few as were asked for, the largest of them worth most, in codes narrow and wide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

import isthmus
from isthmus import SparseAutoencoder
from isthmus.errors import ParameterError, UnknownNameError
from isthmus.parts.backbones.tied import from_code, to_code
from isthmus.parts.centre import Centre
from tests.models.rows import digits, error

KINDS: dict[str, dict[str, Any]] = {"topk": {"k": 6}, "l1": {"weight": 0.1}, "kl": {"weight": 0.3}}
every_kind = pytest.mark.parametrize("sparsity", KINDS)


@pytest.fixture(scope="module")
def fitted() -> Any:
    """Each kind fitted once on digits, with twice as many units as pixels."""
    made: dict[str, Any] = {}

    def get(sparsity: str) -> Any:
        if sparsity not in made:
            model = SparseAutoencoder(
                sparsity=sparsity, latent_dim=128, hidden_dims=(), scaling="none", epochs=30, random_state=0
            )
            made[sparsity] = model.set_params(**KINDS[sparsity]).fit(digits()[0])
        return made[sparsity]

    return get


@every_kind
def test_the_error_falls_with_every_unit_that_is_kept(sparsity: str, fitted: Any) -> None:
    model, (_, held_out) = fitted(sparsity), digits()
    errors = [error(held_out, model.reconstruct(held_out, keep=k)) for k in (0, 1, 2, 4, 8, 16, 128)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.75 * errors[0]
    assert np.array_equal(model.reconstruct(held_out, keep=128), model.reconstruct(held_out))


def test_topk_has_k_units_on(fitted: Any) -> None:
    on = (fitted("topk").transform(digits()[1]) > 0).sum(1)
    assert on.max() == 6
    assert on.mean() > 5.5


def test_a_higher_price_leaves_fewer_units_on(fitted: Any) -> None:
    train, held_out = digits()
    dear = SparseAutoencoder(sparsity="l1", weight=0.5, latent_dim=128, hidden_dims=(), scaling="none", epochs=30)
    on = [(m.transform(held_out) > 0).sum(1).mean() for m in (fitted("l1"), dear.set_params(random_state=0).fit(train))]
    assert on[1] < 0.6 * on[0]
    assert on[0] < 128 / 3


def test_kl_brings_units_to_the_wanted_mean(fitted: Any) -> None:
    train, held_out = digits()
    free = SparseAutoencoder(sparsity="kl", weight=0.0, latent_dim=128, hidden_dims=(), scaling="none", epochs=30)
    codes = [m.transform(held_out) for m in (fitted("kl"), free.set_params(random_state=0).fit(train))]
    wanted = fitted("kl").k_ / 128
    assert wanted == pytest.approx(0.05, abs=0.005)
    assert codes[0].mean() == pytest.approx(wanted, rel=0.3)
    assert codes[1].mean() > 4 * wanted


def test_the_pre_bias_keeps_units_alive(fitted: Any) -> None:
    train, _ = digits()
    without = SparseAutoencoder(k=6, pre_bias=False, latent_dim=128, hidden_dims=(), scaling="none", epochs=30)
    without.set_params(random_state=0).fit(train)
    dead = [(~(model.transform(train) > 0).any(0)).sum() for model in (fitted("topk"), without)]
    assert dead[0] < 0.5 * dead[1]


def test_the_pre_bias_starts_at_the_mean_and_goes_on_from_there() -> None:
    centre = Centre((64,))
    train, held_out = (torch.from_numpy(rows) for rows in digits())
    assert torch.equal(centre(train), train - train.mean(0))
    assert torch.equal(centre(held_out), held_out - train.mean(0))
    twin = Centre((64,))
    twin.load_state_dict(centre.state_dict())
    assert torch.equal(twin(held_out), held_out - train.mean(0))


@pytest.mark.parametrize("hidden_dims", [(), (16,)])
def test_tied_layers_have_one_weight(hidden_dims: tuple[int, ...], tmp_path: Any) -> None:
    rows = load_wine().data
    model = SparseAutoencoder(tied=True, latent_dim=20, hidden_dims=hidden_dims, epochs=20, random_state=0).fit(rows)
    network = model.network_
    into, out_of = to_code(network.encoder), from_code(network.decoder)
    assert torch.equal(out_of.weight, into.weight.T)
    assert sum(p is into.weight for p in network.parameters()) == 1
    untied = SparseAutoencoder(latent_dim=20, hidden_dims=hidden_dims, epochs=1).fit(rows)
    sizes = [sum(p.numel() for p in m.network_.parameters()) for m in (untied, model)]
    assert sizes[0] - sizes[1] == into.weight.numel()
    assert np.array_equal(isthmus.load(model.save(tmp_path / "tied")).score_samples(rows), model.score_samples(rows))


def test_a_tied_weight_learns_from_both_sides() -> None:
    rows = load_wine().data.astype(np.float32)
    model = SparseAutoencoder(tied=True, latent_dim=20, hidden_dims=(), k=3, epochs=1, random_state=0).fit(rows)
    network, weight = model.network_, to_code(model.network_.encoder).weight
    x = torch.from_numpy((rows - rows.mean(0)) / rows.std(0))[:50]

    def loss() -> Any:
        return network(isthmus.core.code.Batch(x)).distortion.sum()

    loss().backward()
    place = tuple(int(i) for i in (weight.grad.abs() == weight.grad.abs().max()).nonzero()[0])
    ends = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            weight[place] += step
            ends.append(float(loss()))
            weight[place] -= step
    assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(float(weight.grad[place]), rel=0.05)


@pytest.mark.parametrize("sparsity", ["topk", "l1"])
def test_any_backbone_will_do(sparsity: str) -> None:
    images = digits()[0][:200].reshape(-1, 8, 8, 1)
    for backbone in ("conv", "residual"):
        model = SparseAutoencoder(
            sparsity=sparsity, latent_dim=100, hidden_dims=(8,), architecture=backbone, tied=True, epochs=2
        )
        assert (model.fit(images).transform(images) == 0).mean() > 0.2
    places = isthmus.Convolutional(latent_channels=5)
    model = SparseAutoencoder(sparsity=sparsity, hidden_dims=(8,), architecture=places, epochs=2).fit(images)
    assert model.reconstruct(images, keep=3).shape == images.shape


def one_hots(seed: int, epochs: int) -> tuple[bool, int]:
    """Whether 8 one-hot inputs come back through 3 sigmoid units, and how many words the units make at a half."""
    words = np.eye(8)
    model = SparseAutoencoder(
        sparsity="kl", weight=0.0, pre_bias=False, latent_dim=3, hidden_dims=(), likelihood="bernoulli",
        epochs=epochs, batch_size=8, learning_rate=0.2, random_state=seed,
    ).fit(np.tile(words, (16, 1)))  # fmt: skip
    rebuilt = bool((model.reconstruct(words).argmax(1) == np.arange(8)).all())
    return rebuilt, len({tuple(code) for code in model.transform(words) > 0.5})


def test_eight_one_hot_inputs_come_back_through_three_sigmoid_units() -> None:
    assert one_hots(seed=0, epochs=120)[0]


@pytest.mark.slow
def test_half_of_all_seeds_invent_binary_numbers(capsys: Any) -> None:
    found = [one_hots(seed, epochs=250) for seed in range(20)]
    share = np.mean([words == 8 for _, words in found])
    with capsys.disabled():
        print(f"8-3-8: {np.mean([ok for ok, _ in found]):.0%} rebuilt, {share:.0%} with eight different words")
    assert all(ok for ok, _ in found)
    assert share >= 0.5


@pytest.mark.parametrize(
    ("params", "error_type", "came"),
    [
        ({"sparsity": "l2"}, UnknownNameError, "sparsity='l2'"),
        ({"k": 10}, ParameterError, "k=10 with latent_dim=10"),
        ({"k": 0}, ParameterError, "k=0"),
        ({"weight": -1.0}, ParameterError, "weight=-1.0"),
        ({"pre_bias": True, "likelihood": "bernoulli", "scaling": "none"}, ParameterError, "pre_bias=True"),
        (
            {"tied": True, "hidden_dims": (), "architecture": isthmus.Residual(latent_channels=3)},
            ParameterError,
            "tied",
        ),
    ],
)
def test_wrong_options_are_refused(params: dict[str, Any], error_type: Any, came: str) -> None:
    rows = digits()[0][:40].reshape(-1, 8, 8, 1)
    latent = {} if "architecture" in params else {"latent_dim": 10}
    with pytest.raises(error_type) as caught:
        SparseAutoencoder(**latent, **params, epochs=1).fit(rows)
    assert came in caught.value.came


def test_units_beyond_the_code_cannot_be_kept(fitted: Any) -> None:
    with pytest.raises(ParameterError, match="keep=129"):
        fitted("topk").reconstruct(digits()[1], keep=129)
