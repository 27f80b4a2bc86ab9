"""Dictionaries of other libraries: their own arithmetic, written out, and ours give the same numbers both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from isthmus.errors import (
    CorruptFileError,
    MissingFileError,
    ModelFileError,
    ParameterError,
    UnknownNameError,
)
from isthmus.parts.exchange.layouts import LAYOUTS, read_record, recognised, write_record
from isthmus.parts.exchange.record import Record

D, N, K = 6, 17, 4
Told = tuple[Tensor, Tensor]


def drawn(*shape: int, seed: int) -> Tensor:
    """Numbers of a standard normal."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


X = drawn(40, D, seed=0)
W_ENC, B_ENC = drawn(D, N, seed=1), 0.3 * drawn(N, seed=2)
W_DEC, B_DEC = drawn(N, D, seed=3), drawn(D, seed=4)
THRESHOLD = drawn(N, seed=5).abs()
R_MAG, B_MAG = 0.3 * drawn(N, seed=6), 0.3 * drawn(N, seed=7)


def top(pre: Tensor) -> Tensor:
    """The K largest of each row, rectified."""
    best = pre.topk(K, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())


def saelens(folder: Path, architecture: str, **config: Any) -> Told:
    """A folder as SAELens writes it; what its forward gives."""
    tensors = {"W_enc": W_ENC, "b_enc": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
    if architecture == "jumprelu":
        tensors["threshold"] = THRESHOLD
    if architecture == "gated":
        del tensors["b_enc"]
        tensors |= {"b_gate": B_ENC, "r_mag": R_MAG, "b_mag": B_MAG}
    told = {"d_in": D, "d_sae": N, "dtype": "float32", "device": "cpu", "architecture": architecture}
    told |= {"apply_b_dec_to_input": True, "normalize_activations": "none", "metadata": {"model_name": "tiny"}}
    told |= {"k": K} if architecture == "topk" else {}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(told | config))
    sae_in = X - B_DEC if (told | config)["apply_b_dec_to_input"] else X
    hidden_pre = sae_in @ W_ENC + B_ENC
    if architecture == "gated":
        active = (hidden_pre > 0).float()
        acts = active * torch.relu(sae_in @ (W_ENC * R_MAG.exp()) + B_MAG)
    elif architecture == "jumprelu":
        acts = torch.relu(hidden_pre) * (hidden_pre > THRESHOLD)
    elif config.get("rescale_acts_by_decoder_norm"):
        acts = top(hidden_pre * W_DEC.norm(dim=-1))
        return acts, (acts / W_DEC.norm(dim=-1)) @ W_DEC + B_DEC
    else:
        acts = top(hidden_pre) if architecture == "topk" else torch.relu(hidden_pre)
    return acts, acts @ W_DEC + B_DEC


def saelens_5(folder: Path) -> Told:
    """A top-k dictionary as it was written before version 6: flat, and by its activation."""
    told = saelens(folder, "topk")
    config = {"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}, "d_in": D}
    config |= {"d_sae": N, "hook_name": "blocks.3.hook_resid_pre", "apply_b_dec_to_input": True}
    (folder / "cfg.json").write_text(json.dumps({**config, "normalize_activations": "none"}))
    return told


def dictionary_learning(folder: Path, name: str) -> Told:
    """A folder as dictionary_learning writes it; what its forward gives."""
    linear = {"encoder.weight": W_ENC.T, "encoder.bias": B_ENC, "decoder.weight": W_DEC.T}
    plain = {"W_enc": W_ENC, "b_enc": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
    pre, scalar = (X - B_DEC) @ W_ENC + B_ENC, torch.tensor(0.4)
    count = {"k": torch.tensor(K), "threshold": scalar}
    state, f = {
        "AutoEncoder": (linear | {"bias": B_DEC}, torch.relu(pre)),
        "AutoEncoderNew": (linear | {"decoder.bias": B_DEC}, torch.relu(X @ W_ENC + B_ENC)),
        "AutoEncoderTopK": (linear | count | {"b_dec": B_DEC}, top(pre)),
        "BatchTopKSAE": (linear | count | {"b_dec": B_DEC}, torch.relu(pre) * (torch.relu(pre) > scalar)),
        "MatryoshkaBatchTopKSAE": (
            plain | count | {"group_sizes": torch.tensor([8, 9])},
            torch.relu(pre) * (torch.relu(pre) > scalar),
        ),
        "JumpReluAutoEncoder": (
            plain | {"threshold": THRESHOLD},
            torch.relu(X @ W_ENC + B_ENC) * (X @ W_ENC + B_ENC > THRESHOLD),
        ),
        "GatedAutoEncoder": (
            {"decoder_bias": B_DEC, "encoder.weight": W_ENC.T, "r_mag": R_MAG, "gate_bias": B_ENC, "mag_bias": B_MAG}
            | {"decoder.weight": W_DEC.T},
            (pre > 0).float() * torch.relu(R_MAG.exp() * ((X - B_DEC) @ W_ENC) + B_MAG),
        ),
    }[name]
    torch.save({key: value.contiguous() for key, value in state.items()}, folder / "ae.pt")
    trainer = {"dict_class": name, "activation_dim": D, "dict_size": N, "lm_name": "tiny", "layer": 3}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer, "buffer": {"d_submodule": D}}))
    return f, f @ W_DEC + B_DEC


def sparsify(folder: Path) -> Told:
    """A folder as sparsify writes it; what its forward gives."""
    tensors = {"encoder.weight": W_ENC.T.contiguous(), "encoder.bias": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
    save_file(tensors, folder / "sae.safetensors")
    config = {"activation": "topk", "expansion_factor": 32, "normalize_decoder": True, "num_latents": N, "k": K}
    config |= {"multi_topk": False, "skip_connection": False, "transcode": False, "d_in": D}
    (folder / "cfg.json").write_text(json.dumps(config))
    acts = torch.relu((X - B_DEC) @ W_ENC + B_ENC).topk(K)
    z = torch.zeros(len(X), N).scatter(1, acts.indices, acts.values)
    return z, sum(acts.values[:, i, None] * W_DEC[acts.indices[:, i]] for i in range(K)) + B_DEC  # type: ignore


def gemma_scope(folder: Path) -> Told:
    """A folder as Gemma Scope has it; what its forward gives."""
    arrays = {"W_enc": W_ENC, "W_dec": W_DEC, "b_enc": B_ENC, "b_dec": B_DEC, "threshold": THRESHOLD}
    np.savez(folder / "params.npz", **{name: value.numpy() for name, value in arrays.items()})
    pre = X @ W_ENC + B_ENC
    acts = (pre > THRESHOLD) * torch.relu(pre)
    return acts, acts @ W_DEC + B_DEC


WRITERS: dict[str, tuple[str, Callable[[Path], Told]]] = {
    "saelens standard": ("saelens", lambda folder: saelens(folder, "standard")),
    "saelens topk": ("saelens", lambda folder: saelens(folder, "topk")),
    "saelens ranked": ("saelens", lambda folder: saelens(folder, "topk", rescale_acts_by_decoder_norm=True)),
    "saelens jumprelu": ("saelens", lambda folder: saelens(folder, "jumprelu", apply_b_dec_to_input=False)),
    "saelens gated": ("saelens", lambda folder: saelens(folder, "gated")),
    "saelens 5": ("saelens", saelens_5),
    "sparsify": ("sparsify", sparsify),
    "gemma-scope": ("gemma-scope", gemma_scope),
} | {
    f"dictionary-learning {name}": ("dictionary-learning", lambda folder, name=name: dictionary_learning(folder, name))
    for name in (
        "AutoEncoder",
        "AutoEncoderNew",
        "AutoEncoderTopK",
        "BatchTopKSAE",
        "MatryoshkaBatchTopKSAE",
        "JumpReluAutoEncoder",
        "GatedAutoEncoder",
    )
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_published_dictionary_gives_the_numbers_of_its_own_library(name: str, tmp_path: Path) -> None:
    layout, write = WRITERS[name]
    z, rebuilt = write(tmp_path)
    assert recognised(tmp_path) == layout
    record = read_record(tmp_path)
    torch.testing.assert_close(record.encode(X), z, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(record.decode(record.encode(X)), rebuilt, atol=1e-4, rtol=1e-4)
    for centred in (True, False):
        torch.testing.assert_close(record.turned(centred).encode(X), z, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_layout_can_say_comes_back_and_what_it_cannot_is_refused(name: str, layout: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    z, _ = WRITERS[name][1](tmp_path / "in")
    record = read_record(tmp_path / "in")
    says = {"sparsify": ("topk",), "gemma-scope": ("jumprelu", "relu")}.get(layout)
    if says and record.rule not in says:
        with pytest.raises(ParameterError, match=f"{layout}.*{record.rule}"):
            write_record(record, tmp_path / "out", layout)
        return
    again = read_record(write_record(record, tmp_path / "out", layout))
    torch.testing.assert_close(again.encode(X), z, atol=1e-4, rtol=1e-4)
    assert torch.equal(again.decoder_weight, record.decoder_weight)
    assert torch.equal(again.encoder_weight, record.encoder_weight)
    if again.centred == record.centred:
        assert torch.equal(again.encoder_bias, record.encoder_bias)
    if layout in ("saelens", "dictionary-learning") and record.facts:
        assert again.facts.get("model_name") == "tiny" or "model_name" not in record.facts


def test_scaled_rows_fold_into_the_weights() -> None:
    record = Record(W_ENC.T, B_ENC, W_DEC, B_DEC, "topk", k=K)
    offset, factor = drawn(D, seed=8), drawn(D, seed=9).abs() + 0.1
    own = record.rescaled(offset, factor)
    z = record.encode((X - offset) / factor)
    torch.testing.assert_close(own.encode(X), z, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(own.decode(z), record.decode(z) * factor + offset, atol=1e-4, rtol=1e-4)


def test_what_is_amiss_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="check the path|Check the path"):
        read_record(tmp_path / "nowhere")
    with pytest.raises(ModelFileError, match="ae.pt"):
        read_record(tmp_path)
    with pytest.raises(UnknownNameError, match="saelens"):
        read_record(tmp_path, "sealens")
    saelens(tmp_path, "standard", normalize_activations="layer_norm")
    with pytest.raises(ModelFileError, match="layer_norm"):
        read_record(tmp_path)
    saelens(tmp_path, "temporal")
    with pytest.raises(ModelFileError, match="architecture='temporal'"):
        read_record(tmp_path)
    saelens(tmp_path, "standard")
    with pytest.raises(MissingFileError, match="params.npz"):
        read_record(tmp_path, "gemma-scope")
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    save_file(tensors | {"b_enc": tensors["b_dec"].clone()}, tmp_path / "sae_weights.safetensors")
    with pytest.raises(CorruptFileError, match=r"encoder_bias of shape \(6,\)"):
        read_record(tmp_path)
    save_file({"W_enc": tensors["W_enc"]}, tmp_path / "sae_weights.safetensors")
    with pytest.raises(CorruptFileError, match="without 'b_enc'"):
        read_record(tmp_path)
    (tmp_path / "sae_weights.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CorruptFileError, match="sae_weights"):
        read_record(tmp_path)


class Hostile:
    """What runs something when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


def test_a_file_of_torch_is_read_without_running_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dictionary_learning(tmp_path, "AutoEncoder")
    torch.save({"bias": Hostile()}, tmp_path / "ae.pt")
    with pytest.raises(CorruptFileError, match=r"ae\.pt"):
        read_record(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_skip_connection_has_no_place_in_a_record(tmp_path: Path) -> None:
    sparsify(tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps(config | {"skip_connection": True}))
    with pytest.raises(ModelFileError, match="skip_connection=True"):
        read_record(tmp_path)
    with pytest.raises(CorruptFileError, match="k=99"):
        replace(Record(W_ENC.T, B_ENC, W_DEC, B_DEC), k=99)
