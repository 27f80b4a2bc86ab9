"""A fitted dictionary goes out in the files of others and comes back as the same function of rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits, load_wine

import isthmus
from isthmus.errors import ColumnError, CorruptFileError, ModelFileError, ParameterError, UnknownNameError

X = load_wine().data.astype(np.float32)  # columns of very different size, so that the scale is no trifle
OPTIONS: dict[str, dict[str, Any]] = {
    "topk": {"k": 3},
    "batch-topk": {"k": 3},
    "matryoshka": {"k": 3},
    "relu": {"weight": 0.2},
    "jumprelu": {"l0": 4},
    "gated": {"weight": 0.2},
}
SAID = {"saelens": set(OPTIONS), "dictionary-learning": set(OPTIONS), "sparsify": {"topk"}}
SAID["gemma-scope"] = set(OPTIONS) - {"topk", "gated"}


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """A dictionary of each activation."""
    return {
        name: isthmus.SAE(n_latents=40, activation=name, epochs=2, random_state=0, **told).fit(X)
        for name, told in OPTIONS.items()
    }


@pytest.mark.parametrize("activation", OPTIONS)
@pytest.mark.parametrize("layout", SAID)
def test_it_comes_back_as_the_same_function(
    fitted: dict[str, Any], activation: str, layout: str, tmp_path: Path
) -> None:
    sae = fitted[activation]
    if activation not in SAID[layout]:
        with pytest.raises(ParameterError, match="its files can say"):
            sae.save(tmp_path, layout=layout)
        return
    twin = isthmus.SAE.load(sae.save(tmp_path / "one", layout=layout))
    z, again = (model.transform(X).toarray() for model in (sae, twin))
    on = (z > 0) == (again > 0)  # a pre-activation on the very edge may fall to either side in other units
    assert on.mean() > 0.998
    np.testing.assert_allclose(again[on], z[on], atol=1e-3, rtol=1e-3)
    rows = on.all(1)
    assert rows.mean() > 0.9
    scale = np.abs(X).max(0)
    np.testing.assert_allclose(twin.reconstruct(X)[rows] / scale, sae.reconstruct(X)[rows] / scale, atol=1e-3)
    third = isthmus.SAE.load(twin.save(tmp_path / "two", layout=layout), layout=layout)
    assert np.array_equal(third.components_, twin.components_)
    own = isthmus.load(twin.save(tmp_path / "own"))
    assert np.array_equal(own.transform(X).toarray(), again)


def test_what_sae_lens_published_goes_through_the_estimators_verbs(tmp_path: Path) -> None:
    """The forward pass of its version 6, written out, beside transform and reconstruct of an unscaled dictionary."""
    digits = load_digits().data[:60].astype(np.float32)
    chance = torch.Generator().manual_seed(0)
    W_enc, W_dec = (torch.randn(shape, generator=chance) / 8 for shape in ((64, 30), (30, 64)))
    b_enc, b_dec = (torch.randn(width, generator=chance) for width in (30, 64))
    threshold = torch.rand(30, generator=chance) * 4 - 1  # some below zero, where a rectifier cuts first
    tensors = {"W_enc": W_enc, "b_enc": b_enc, "W_dec": W_dec, "b_dec": b_dec, "threshold": threshold}
    save_file(tensors, tmp_path / "sae_weights.safetensors")
    config = {"d_in": 64, "d_sae": 30, "dtype": "float32", "architecture": "jumprelu", "apply_b_dec_to_input": False}
    (tmp_path / "cfg.json").write_text(json.dumps({**config, "normalize_activations": "none", "metadata": {}}))
    hidden_pre = torch.from_numpy(digits) @ W_enc + b_enc
    acts = torch.relu(hidden_pre) * (hidden_pre > threshold)
    sae = isthmus.SAE.load(tmp_path)
    np.testing.assert_allclose(sae.transform(digits).toarray(), acts, atol=1e-3)
    np.testing.assert_allclose(sae.reconstruct(digits), acts @ W_dec + b_dec, atol=1e-3)
    assert sae.activation == "jumprelu" and sae.n_features_in_ == 64
    more = sae.partial_fit(digits)  # it can be trained on
    assert np.isfinite(more.reconstruct(digits)).all()


def test_activations_of_another_width_are_refused(fitted: dict[str, Any]) -> None:
    with pytest.raises(ColumnError, match="5 columns"):
        fitted["topk"].transform(isthmus.Activations.of_arrays(X[:, :5]))
    assert np.array_equal(
        fitted["topk"].transform(isthmus.Activations.of_arrays(X)).toarray(), fitted["topk"].transform(X).toarray()
    )


def test_what_cannot_go_out_or_come_in_is_said(fitted: dict[str, Any], tmp_path: Path) -> None:
    sae = fitted["topk"]
    with pytest.raises(UnknownNameError, match="saelens"):
        sae.save(tmp_path, layout="sae-lens")
    with pytest.raises(UnknownNameError, match="auto"):
        isthmus.SAE.load(tmp_path, layout="own")
    with pytest.raises(ParameterError, match="encoder_only"):
        sae.save(tmp_path, layout="saelens", encoder_only=True)
    transcoder = isthmus.SAE(n_latents=20, k=2, epochs=1, random_state=0).fit(X, X[:, :5])
    with pytest.raises(ParameterError, match="become others"):
        transcoder.save(tmp_path, layout="saelens")
    crosscoder = isthmus.SAE(n_latents=20, k=2, epochs=1, random_state=0).fit([X, X])
    with pytest.raises(ParameterError, match="several sources"):
        crosscoder.save(tmp_path, layout="saelens")
    isthmus.Autoencoder(epochs=1, hidden_dims=(4,), latent_dim=2).fit(X).save(tmp_path / "other")
    with pytest.raises(ModelFileError, match="holds a Autoencoder|holds an? Autoencoder"):
        isthmus.SAE.load(tmp_path / "other")
    folder = sae.save(tmp_path / "flipped", layout="saelens")
    content = (folder / "sae_weights.safetensors").read_bytes()
    (folder / "sae_weights.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(CorruptFileError, match="sae_weights"):
        isthmus.SAE.load(folder)
