"""Rows as whole numbers and back: the same bits as a reconstruction, and nothing that is no symbol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import isthmus
from isthmus.errors import AbilityError, InputError, InputTypeError, ValueRangeError

IMAGES = (load_digits().images[:150, :, :, None] / 16).astype(np.float32)
BRIEF: dict[str, Any] = {"epochs": 2, "random_state": 0, "batch_size": 32}
PLACED = isthmus.Convolutional(latent_channels=4)
MODELS = {
    **{name: lambda name=name: isthmus.VQVAE(quantizer=name, codes=64, **BRIEF) for name in ("fsq", "vq", "lfq")},
    "residual": lambda: isthmus.VQVAE(quantizer="residual", codes=32, depth=3, **BRIEF),
    "places": lambda: isthmus.VQVAE(
        quantizer="vq", codes=64, architecture=isthmus.Convolutional(latent_channels=4), **BRIEF
    ),
    "discrete": lambda: isthmus.DiscreteVAE(codes=32, **BRIEF),
    "two levels": lambda: isthmus.VQVAE2(codes=64, hidden_dims=(8,), **BRIEF),
}


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """Each kind of model, fitted."""
    return {name: make().fit(IMAGES) for name, make in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_rows_from_tokens_are_reconstructions_bit_for_bit(name: str, fitted: Any, tmp_path: Any) -> None:
    model = fitted[name]
    symbols = model.tokens(IMAGES)
    assert symbols.dtype == np.int64
    assert symbols.shape == (150, len(model.network_.bottleneck.alphabet))
    assert len(np.unique(symbols)) > 1
    rebuilt = model.reconstruct(IMAGES)
    assert np.array_equal(model.from_tokens(symbols), rebuilt)
    assert np.array_equal(model.from_tokens(symbols[5:6].tolist()), rebuilt[5:6])
    assert np.array_equal(model.tokens(IMAGES[::-1].copy())[::-1], symbols)
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert np.array_equal(twin.tokens(IMAGES), symbols)
    assert np.array_equal(twin.from_tokens(symbols), rebuilt)


def test_a_frame_comes_back_from_tokens_as_a_frame() -> None:
    frame = load_digits(as_frame=True).data.iloc[:100]
    model = isthmus.VQVAE(codes=64, **BRIEF).fit(frame)
    rows = model.from_tokens(model.tokens(frame))
    assert list(rows.columns) == list(frame.columns)
    assert np.array_equal(rows.to_numpy(), model.reconstruct(frame).to_numpy())


@pytest.mark.parametrize(
    ("change", "error", "part"),
    [
        (lambda T: T[:, :-1], InputError, "symbols each"),
        (lambda T: T[0], InputError, "symbols each"),
        (lambda T: T[:0], InputError, "symbols each"),
        (lambda T: T.astype(float), InputTypeError, "whole numbers"),
        (lambda T: T - 64, ValueRangeError, "0 to 63"),
        (lambda T: np.where(T == T.max(), 64, T), ValueRangeError, "=64"),
    ],
)
def test_what_is_no_symbol_is_refused_in_three_parts(change: Any, error: type, part: str, fitted: Any) -> None:
    model = fitted["fsq"]
    with pytest.raises(error, match=part) as caught:
        model.from_tokens(change(model.tokens(IMAGES)))
    assert caught.value.came.startswith("T")
    assert caught.value.fix


def test_who_has_no_symbols_says_why() -> None:
    model = isthmus.Autoencoder(latent_dim=3, **BRIEF).fit(IMAGES)
    with pytest.raises(AbilityError, match="no integer form: use a VQVAE"):
        model.tokens(IMAGES)
    with pytest.raises(AbilityError, match="no integer form"):
        model.from_tokens([[0]])
    with pytest.raises(NotFittedError):
        isthmus.VQVAE().tokens(IMAGES)
