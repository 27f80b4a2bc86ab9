"""dictionary_learning: `ae.pt`, a state dict that is read without running anything, and `config.json`.

Linear layers are torch's, so the decoder's weight is (d, n); classes with plain parameters have both the other way.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isthmus.errors import CorruptFileError, ModelFileError
from isthmus.parts.exchange.record import Record, Rule, given, refuse
from isthmus.parts.published import Config, Named, read_json

CONFIG, TENSORS = "config.json", "ae.pt"


class Kind(NamedTuple):
    """What one of its classes is.

    Args:
        rule: Which latents are on when it is used.
        bias: Its name for b_d.
        centred: Whether b_d is taken off the rows.
        is_plain: Whether W_enc and W_dec are parameters, and not layers.
    """

    rule: Rule
    bias: str = "b_dec"
    centred: bool = True
    is_plain: bool = False


KINDS = {
    "AutoEncoder": Kind("relu", "bias"),
    "AutoEncoderNew": Kind("relu", "decoder.bias", centred=False),
    "AutoEncoderTopK": Kind("topk"),
    "BatchTopKSAE": Kind("jumprelu"),
    "MatryoshkaBatchTopKSAE": Kind("jumprelu", is_plain=True),
    "JumpReluAutoEncoder": Kind("jumprelu", centred=False, is_plain=True),
    "GatedAutoEncoder": Kind("gated", "decoder_bias"),
}
WRITTEN = {"relu": "AutoEncoder", "topk": "AutoEncoderTopK", "jumprelu": "JumpReluAutoEncoder"}
WRITTEN |= {"gated": "GatedAutoEncoder"}
FACTS = {"model_name": "lm_name", "hook_name": "submodule_name", "layer": "layer"}  # our names for what it says


def is_here(folder: Path) -> bool:
    """Whether a folder has this layout."""
    return (folder / TENSORS).is_file()


def read(folder: Path) -> Record:
    """The dictionary of a folder.

    Raises:
        ModelFileError: a class that is not known.
        CorruptFileError: a tensor or an entry is missing, or the file is more than tensors.
    """
    config, tensors = Config(read_json(folder / CONFIG)["trainer"]), state_of(folder / TENSORS)
    name = str(config["dict_class"])
    if name not in KINDS:
        allowed = f"those that are read are {', '.join(map(repr, KINDS))}"
        raise ModelFileError(f"{folder} with dict_class={name!r}", allowed, "convert it to one of these")
    kind = KINDS[name]
    record = record_of(kind, tensors, bool(config.get("apply_b_dec_to_input", kind.centred)))
    return replace(record, facts={ours: config[theirs] for ours, theirs in FACTS.items() if theirs in config})


def record_of(kind: Kind, tensors: Named, centred: bool) -> Record:
    """The tensors of one class as a record."""
    encoder = tensors["W_enc"].T if kind.is_plain else tensors["encoder.weight"]
    decoder = tensors["W_dec"] if kind.is_plain else tensors["decoder.weight"].T
    own = "gate_bias" if kind.rule == "gated" else "b_enc" if kind.is_plain else "encoder.bias"
    return Record(
        encoder.contiguous(),
        tensors[own],
        decoder.contiguous(),
        tensors[kind.bias],
        kind.rule,
        k=int(tensors["k"]) if kind.rule == "topk" else None,
        threshold=tensors["threshold"].expand(len(encoder)).clone() if kind.rule == "jumprelu" else None,
        stretch=tensors["r_mag"] if kind.rule == "gated" else None,
        lift=tensors["mag_bias"] if kind.rule == "gated" else None,
        centred=centred,
    )


def state_of(path: Path) -> Named:
    """The tensors of a file that torch wrote, and nothing else that may be in it.

    Raises:
        CorruptFileError: it holds something that only unpickling would give, or is cut short.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        return Named({name: torch.as_tensor(value).float() for name, value in found.items()})
    except Exception as fault:  # a damaged or hostile file can make torch raise anything
        said = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        allowed = "a state dict of tensors is read, and nothing in it is run"
        raise CorruptFileError(f"{path}: {said}", allowed, "take the file anew") from fault


def write(record: Record, folder: Path) -> None:
    """Write a dictionary as the class that has its rule."""
    refuse(record, "dictionary-learning", ("relu", "topk", "jumprelu", "gated"))
    name = WRITTEN[record.rule]
    own = record.turned(KINDS[name].centred)
    n, d = own.encoder_weight.shape
    torch.save(
        {key: value.contiguous().clone() for key, value in state_from(own, KINDS[name]).items()}, folder / TENSORS
    )
    trainer: dict[str, Any] = {"dict_class": name, "activation_dim": d, "dict_size": n}
    trainer |= {"k": own.k} if own.k is not None else {}
    trainer |= {theirs: own.facts[ours] for ours, theirs in FACTS.items() if ours in own.facts}
    text = json.dumps({"trainer": trainer, "buffer": {"d_submodule": d}}, indent=1)
    (folder / CONFIG).write_text(text, encoding="utf-8")


def state_from(record: Record, kind: Kind) -> dict[str, Tensor]:
    """By the names of this layout."""
    if kind.is_plain:
        named = {"W_enc": record.encoder_weight.T, "b_enc": record.encoder_bias, "W_dec": record.decoder_weight}
    else:
        named = {"encoder.weight": record.encoder_weight, "decoder.weight": record.decoder_weight.T}
        named |= {"gate_bias" if record.rule == "gated" else "encoder.bias": record.encoder_bias}
    named[kind.bias] = record.decoder_bias
    if record.rule == "topk":
        named |= {"k": torch.tensor(record.k), "threshold": torch.tensor(-1.0)}
    if record.rule == "jumprelu":
        named["threshold"] = given(record.threshold)
    if record.rule == "gated":
        named |= {"r_mag": given(record.stretch), "mag_bias": given(record.lift)}
    return named
