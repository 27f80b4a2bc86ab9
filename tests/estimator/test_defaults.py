"""Every "auto": what it becomes for small and large data, and that nothing else is touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine

from isthmus import MLP, VAE, Autoencoder, Convolutional, DenoisingAutoencoder, Residual
from isthmus.core.spec import Column, Spec
from isthmus.errors import LatentTooWideError, ParameterError, UnknownNameError
from isthmus.estimator.defaults import derive, seed_of, whole


def table(*kinds: str) -> Spec:
    """A table with columns of these kinds."""
    columns = (
        Column(f"c{i}", kind, categories=("a", "b", "c") * (kind == "categorical")) for i, kind in enumerate(kinds)
    )
    return Spec("table", (len(kinds),), tuple(columns))


def numbers(width: int) -> Spec:
    return table(*["numeric"] * width)


def settings(spec: Spec, rows: int = 1000, model: Any = Autoencoder, **params: Any) -> Any:
    """What a fit with these parameters would use."""
    return derive(model(device="cpu", **params), spec, rows)


@pytest.mark.parametrize(("width", "latent"), [(1, 1), (2, 1), (3, 2), (30, 8), (100, 15), (784, 42), (50_000, 64)])
def test_the_code_is_narrower_than_the_data(width: int, latent: int) -> None:
    assert settings(numbers(width)).latent_dim == latent


def test_categories_count_as_wide_as_they_enter() -> None:
    assert settings(table("categorical", "categorical", "numeric")).latent_dim == 4


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [(2, 32, 200), (100, 32, 200), (1_000, 32, 63), (10_000, 128, 26), (100_000, 512, 11), (10_000_000, 512, 10)],
)
def test_steps_follow_the_rows(rows: int, batch_size: int, epochs: int) -> None:
    derived = settings(numbers(5), rows)
    assert (derived.batch_size, derived.epochs) == (batch_size, epochs)


@pytest.mark.parametrize(("batch_size", "rate"), [(32, 1e-3), (128, 2e-3), (1024, 5.657e-3), (8192, 6e-3)])
def test_the_step_size_grows_with_the_root_of_the_batch(batch_size: int, rate: float) -> None:
    assert settings(numbers(5), batch_size=batch_size).learning_rate == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize(
    ("spec", "likelihood"),
    [
        (table("numeric", "datetime"), "gaussian"),
        (table("numeric", "boolean"), "mixed"),
        (table("categorical"), "mixed"),
        (Spec("image", (1, 8, 8)), "gaussian"),
        (Spec("series", (2, 9)), "gaussian"),
    ],
)
def test_the_likelihood_follows_the_columns_and_a_vae_has_variances(spec: Spec, likelihood: str) -> None:
    assert settings(spec).likelihood == likelihood
    variance = "learned" if spec.kind == "table" else "optimal"
    assert settings(spec, model=VAE).likelihood == f"{likelihood}-{variance}"
    assert settings(spec, likelihood="laplace").likelihood == "laplace"


@pytest.mark.parametrize(
    ("spec", "backbone", "hidden_dims"),
    [
        (numbers(5), MLP, (32, 16)),
        (numbers(30), MLP, (64, 32)),
        (numbers(5_000), MLP, (512, 256)),
        (Spec("image", (1, 8, 8)), MLP, (128, 64)),
        (Spec("image", (3, 32, 32)), Convolutional, (32, 64, 128)),
        (Spec("series", (2, 16)), Convolutional, (32, 64, 128)),
        (Spec("series", (2, 9)), MLP, (32, 16)),
        (Spec("volume", (1, 16, 16, 16)), Convolutional, (32, 64, 128)),
    ],
)
def test_the_backbone_follows_the_kind_and_extent(spec: Spec, backbone: type, hidden_dims: tuple[int, ...]) -> None:
    derived = settings(spec)
    assert type(derived.architecture) is backbone
    assert derived.hidden_dims == hidden_dims


def test_what_is_asked_for_is_taken() -> None:
    asked = {
        "latent_dim": 3,
        "hidden_dims": [9, 5],
        "activation": "gelu",
        "architecture": "residual",
        "likelihood": "laplace",
        "epochs": 7,
        "batch_size": np.int64(11),
        "learning_rate": 0.5,
        "weight_decay": 0.25,
        "precision": "bfloat16",
    }
    derived = settings(numbers(10), **asked)
    assert derived.hidden_dims == (9, 5)
    assert derived.architecture == Residual()
    for name in ("latent_dim", "activation", "likelihood", "epochs", "batch_size", "learning_rate", "weight_decay"):
        assert getattr(derived, name) == asked[name]


@pytest.mark.parametrize(
    ("units", "hidden_dims", "wanted"), [(True, (512, 256), 16), (True, (512, 64), 32), (False, (512,), 32)]
)
def test_bfloat16_pays_for_wide_layers_on_processors_that_have_units_for_it(
    units: bool, hidden_dims: tuple[int, ...], wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.estimator.defaults.has_bfloat16_units", lambda: units)
    assert settings(numbers(10), hidden_dims=hidden_dims).precision == f"{'b' * (wanted == 16)}float{wanted}"


@pytest.mark.parametrize("wide", [{"model": DenoisingAutoencoder}, {"model": VAE}, {"allow_overcomplete": True}])
def test_a_wide_code_needs_another_bound(wide: dict[str, Any]) -> None:
    with pytest.raises(LatentTooWideError, match="Use latent_dim <= 4"):
        settings(numbers(5), latent_dim=5)
    with pytest.raises(LatentTooWideError, match="Use a code made to be wide"):
        settings(numbers(1), latent_dim=1)
    assert settings(numbers(5), latent_dim=9, **wide).latent_dim == 9


@pytest.mark.parametrize("value", [0, -3, 2.0, True, "3", None])
def test_whole_numbers_are_whole(value: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        whole("epochs", value)
    assert caught.value.came == f"epochs={value!r}"
    assert "'auto'" in caught.value.fix
    with pytest.raises(ParameterError, match="Use n=1"):
        whole("n", value)


def test_unknown_names_bring_the_nearest() -> None:
    for params, near in (
        ({"activation": "rellu"}, "relu"),
        ({"precision": "float16"}, "bfloat16"),
        ({"architecture": "mpl"}, "mlp"),
    ):
        with pytest.raises(UnknownNameError, match=f"Did you mean '{near}'"):
            settings(numbers(5), **params)


def test_seeds_are_taken_as_scikit_learn_takes_them() -> None:
    assert seed_of(3) == seed_of(np.random.RandomState(3)) != seed_of(4)
    state = np.random.RandomState(3)
    assert seed_of(state) != seed_of(state)
    with pytest.raises(ParameterError, match="random_state='x'"):
        seed_of("x")


def test_parameters_stay_as_they_were_given() -> None:
    model = Autoencoder(epochs=1)
    before = model.get_params()
    model.fit(load_wine().data)
    assert model.get_params() == before
    assert model.settings_.latent_dim == model.latent_dim_ == 5
