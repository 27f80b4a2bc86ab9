"""SAELens: `cfg.json` and `sae_weights.safetensors`, of version 6 and, to be read, of those before.

Matrices are (d, n) and (n, d). Dictionaries that were trained as batch-top-k or Matryoshka are saved as jumprelu.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from isthmus.errors import ModelFileError
from isthmus.parts.exchange.record import Record, Rule, given, refuse
from isthmus.parts.published import Config, read_json, read_tensors

CONFIG, TENSORS = "cfg.json", "sae_weights.safetensors"
ARCHITECTURES: dict[str, Rule] = {"standard": "relu", "topk": "topk", "jumprelu": "jumprelu", "gated": "gated"}
VERSION = "6.0.0"  # of the layout that is written: without it SAELens takes a folder for an older one
FACTS = ("model_name", "hook_name")  # that stood among the other entries before version 6
RULES = tuple(ARCHITECTURES.values())


def is_here(folder: Path) -> bool:
    """Whether a folder has this layout."""
    return (folder / CONFIG).is_file() and (folder / TENSORS).is_file()


def read(folder: Path) -> Record:
    """The dictionary of a folder.

    Raises:
        ModelFileError: an architecture or a scaling of the rows that a record cannot say.
        CorruptFileError: a tensor or an entry is missing.
    """
    config, tensors = read_json(folder / CONFIG), read_tensors(folder / TENSORS)
    name = architecture_of(config)
    check(folder, config, name)
    rule = ARCHITECTURES[name]
    record = Record(
        tensors["W_enc"].T.contiguous(),
        tensors["b_gate" if rule == "gated" else "b_enc"],
        tensors["W_dec"],
        tensors["b_dec"],
        rule,
        k=k_of(config) if rule == "topk" else None,
        threshold=tensors["threshold"] if rule == "jumprelu" else None,
        stretch=tensors["r_mag"] if rule == "gated" else None,
        lift=tensors["b_mag"] if rule == "gated" else None,
        centred=bool(config.get("apply_b_dec_to_input", True)),
        facts={
            **config.get("metadata", {name: config[name] for name in ("model_name", "hook_name") if name in config})
        },
    )
    return record.ranked() if config.get("rescale_acts_by_decoder_norm") else record


def architecture_of(config: Config) -> str:
    """Its name; before version 6 a top-k was a standard one with another activation.

    Example:
        >>> architecture_of(Config(activation_fn_str="topk"))
        'topk'
    """
    name = str(config.get("architecture", "standard"))
    activation = config.get("activation_fn", config.get("activation_fn_str", "relu"))
    return "topk" if name == "standard" and activation == "topk" else name


def k_of(config: Config) -> int:
    """How many latents are on."""
    own: dict[str, Any] = config.get("activation_fn_kwargs") or {}
    return int(own["k"] if "k" in own else config["k"])


def check(folder: Path, config: Config, name: str) -> None:
    """Refuse what a record cannot say.

    Raises:
        ModelFileError: it cannot.
    """
    if name not in ARCHITECTURES:
        allowed = f"those that are read are {', '.join(map(repr, ARCHITECTURES))}"
        raise ModelFileError(f"{folder} with architecture={name!r}", allowed, "convert it with SAELens first")
    scaling = config.get("normalize_activations", "none")
    if scaling not in ("none", None, False):
        allowed = "rows go into the dictionary as they are, since their scale is not in the file"
        fix = "fold the scale into the weights with SAELens, and save it again"
        raise ModelFileError(f"{folder} with normalize_activations={scaling!r}", allowed, fix)


def write(record: Record, folder: Path) -> None:
    """Write a dictionary as version 6 does."""
    refuse(record, "saelens", RULES)
    n, d = record.encoder_weight.shape
    name = next(name for name, rule in ARCHITECTURES.items() if rule == record.rule)
    config: dict[str, Any] = {"d_in": d, "d_sae": n, "dtype": "float32", "device": "cpu", "architecture": name}
    config |= {"apply_b_dec_to_input": record.centred, "normalize_activations": "none", "reshape_activations": "none"}
    if record.rule == "topk":
        config |= {"k": record.k, "rescale_acts_by_decoder_norm": False}
    save_file(tensors_of(record), folder / TENSORS)
    text = json.dumps({**config, "metadata": {**record.facts, "sae_lens_version": VERSION}}, indent=1)
    (folder / CONFIG).write_text(text, encoding="utf-8")


def tensors_of(record: Record) -> dict[str, Tensor]:
    """By the names of this layout."""
    gated = record.rule == "gated"
    named: dict[str, Tensor] = {
        "W_enc": record.encoder_weight.T,
        "b_gate" if gated else "b_enc": record.encoder_bias,
        "W_dec": record.decoder_weight,
        "b_dec": record.decoder_bias,
    }
    if gated:
        named |= {"r_mag": given(record.stretch), "b_mag": given(record.lift)}
    if record.rule == "jumprelu":
        named["threshold"] = given(record.threshold)
    return {name: tensor.contiguous().clone() for name, tensor in named.items()}
