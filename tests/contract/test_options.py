"""Every option of every backbone, likelihood and corruption goes the whole way: fit, score, save, load, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

import isthmus
from isthmus.parts.backbones.activations import MODULES
from isthmus.parts.backbones.options import ALLOWED
from isthmus.parts.bottlenecks.alphabets import QUANTIZERS
from isthmus.parts.corruptions import CORRUPTIONS
from isthmus.parts.likelihoods import LIKELIHOODS
from tests.contract.cases import DEVICE

RANDOM = np.random.default_rng(0)
ROWS: dict[str, Any] = {
    "table": load_wine().data[:96].astype(np.float32),
    "series": RANDOM.random((70, 9, 2), dtype=np.float32),
    "image": (load_digits().images[:70, :, :, None] / 16).astype(np.float32),
    "volume": RANDOM.random((66, 4, 5, 4, 1), dtype=np.float32),
}
BACKBONES = {
    "table": (isthmus.MLP, isthmus.Residual),
    "series": (isthmus.MLP, isthmus.Convolutional, isthmus.Residual),
    "image": (isthmus.MLP, isthmus.Convolutional, isthmus.Residual),
    "volume": (isthmus.Convolutional, isthmus.Residual),
}
OPTIONS = [(name, value) for name, values in ALLOWED.items() for value in values] + [
    ("dropout", 0.3),
    ("skip_connections", True),
    ("kernel_size", 5),
    ("hidden", 12),
    ("blocks_per_level", 2),
]
CHOICES = [
    pytest.param(
        *(kind, backbone, {name: value}),
        id=f"{kind}-{backbone.__name__}-{name}={value}",
        marks=[pytest.mark.slow] * (kind in ("series", "volume")),
    )
    for kind, backbones in BACKBONES.items()
    for backbone in backbones
    for name, value in OPTIONS
    if hasattr(backbone(), name)
]


def goes_the_whole_way(model: Any, rows: Any, folder: Any) -> None:
    """Fit on rows, then score them whole, alone and after a journey to disk, always to the same bits."""
    scores = model.fit(rows).score_samples(rows)
    assert np.isfinite(scores).all()
    assert np.isfinite(model.reconstruct(rows)).all()
    assert model.score_samples(rows[3:4])[0] == scores[3]
    assert np.array_equal(model.score_samples(rows[::-1].copy())[::-1], scores)
    assert np.array_equal(isthmus.load(model.save(folder), device=DEVICE).score_samples(rows), scores)


def quick(**params: Any) -> Any:
    """A small autoencoder that takes two passes."""
    options = {"latent_dim": 3, "hidden_dims": (8, 8), "epochs": 2, "random_state": 0, "device": DEVICE, **params}
    return isthmus.Autoencoder(**options)


@pytest.mark.parametrize(("kind", "backbone", "option"), CHOICES)
def test_backbone_option(kind: str, backbone: Any, option: dict[str, Any], tmp_path: Any) -> None:
    goes_the_whole_way(quick(architecture=backbone(**option)), ROWS[kind], tmp_path / "model")


@pytest.mark.parametrize(
    "backbone",
    ["kl", "tiny", isthmus.KL(latent_channels=2, groups=4, blocks=1, attention=False, projected=False), isthmus.Tiny()],
)
@pytest.mark.parametrize("member", [isthmus.Autoencoder, isthmus.VAE])
def test_backbones_of_published_weights_learn_from_nothing_too(member: Any, backbone: Any, tmp_path: Any) -> None:
    model = member(architecture=backbone, hidden_dims=(8, 8, 8), epochs=2, random_state=0, device=DEVICE)
    goes_the_whole_way(model, ROWS["image"], tmp_path / "model")


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("kind", ["table", "image"])
def test_activation(kind: str, name: str, tmp_path: Any) -> None:
    goes_the_whole_way(quick(activation=name), ROWS[kind], tmp_path / "model")


@pytest.mark.parametrize("name", [name for name in LIKELIHOODS if not name.startswith("mixed")])
def test_likelihood(name: str, tmp_path: Any) -> None:
    rows = load_digits().data[:90].astype(np.float32)
    rows = rows / 16 if name in ("bernoulli", "ssim", "perceptual") else rows
    rows = rows.reshape(90, 8, 8, 1) if name in ("categorical", "ssim", "perceptual") else rows  # greys as names
    goes_the_whole_way(quick(likelihood=name, architecture="mlp"), rows, tmp_path / "model")


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("kind", ["table", "series", "image"])
def test_corruption(kind: str, name: str, tmp_path: Any) -> None:
    options = {"latent_dim": 3, "hidden_dims": (8,), "epochs": 2, "device": DEVICE}
    model = isthmus.DenoisingAutoencoder(corruption=name, amount=0.3, **options)
    goes_the_whole_way(model, ROWS[kind], tmp_path / "model")


@pytest.mark.parametrize("scaling", ["standard", "robust", "log", "none"])
def test_scaling_of_tables(scaling: str, tmp_path: Any) -> None:
    goes_the_whole_way(quick(scaling=scaling), ROWS["table"] / 100, tmp_path / "model")


@pytest.mark.parametrize("scaling", ["unit", "symmetric", "standard", "none"])
def test_scaling_of_images(scaling: str, tmp_path: Any) -> None:
    goes_the_whole_way(quick(scaling=scaling), ROWS["image"], tmp_path / "model")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["table", "image"])
def test_precision(kind: str, precision: str, tmp_path: Any) -> None:
    goes_the_whole_way(quick(precision=precision), ROWS[kind], tmp_path / "model")


@pytest.mark.parametrize("name", QUANTIZERS)
@pytest.mark.parametrize("kind", ["table", "image"])
def test_quantizer(kind: str, name: str, tmp_path: Any) -> None:
    options = {"codes": 64, "hidden_dims": (8,), "epochs": 2, "random_state": 0, "device": DEVICE}
    goes_the_whole_way(isthmus.VQVAE(quantizer=name, **options), ROWS[kind], tmp_path / "model")


@pytest.mark.parametrize("option", ["rotation", "unit"])
def test_option_of_a_book(option: str, tmp_path: Any) -> None:
    model = isthmus.VQVAE(quantizer="vq", codes=64, epochs=2, device=DEVICE, **{option: True})
    goes_the_whole_way(model, ROWS["table"], tmp_path / "model")
