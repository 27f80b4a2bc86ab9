"""sparsify: `cfg.json` and `sae.safetensors`; all its dictionaries are top-k, and both matrices are (n, d)."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from isthmus.errors import ModelFileError
from isthmus.parts.exchange.record import Record, refuse
from isthmus.parts.published import read_json, read_tensors

CONFIG, TENSORS = "cfg.json", "sae.safetensors"


def is_here(folder: Path) -> bool:
    """Whether a folder has this layout."""
    return (folder / CONFIG).is_file() and (folder / TENSORS).is_file()


def read(folder: Path) -> Record:
    """The dictionary of a folder.

    Raises:
        ModelFileError: a skip connection, or another rule than top-k.
        CorruptFileError: a tensor or an entry is missing.
    """
    config, tensors = read_json(folder / CONFIG), read_tensors(folder / TENSORS)
    for name, known in (("activation", "topk"), ("skip_connection", False), ("signed", False), ("transcode", False)):
        if config.get(name, known) != known:
            came, allowed = f"{folder} with {name}={config[name]!r}", f"dictionaries with {name}={known!r} are read"
            raise ModelFileError(came, allowed, "train one without it, or read the tensors yourself")
    return Record(
        tensors["encoder.weight"],
        tensors["encoder.bias"],
        tensors["W_dec"],
        tensors["b_dec"],
        "topk",
        k=int(config["k"]),
    )


def write(record: Record, folder: Path) -> None:
    """Write a dictionary; only top-k can be said."""
    refuse(record, "sparsify", ("topk",))
    own = record.turned(centred=True)
    n, d = own.encoder_weight.shape
    tensors = {
        "encoder.weight": own.encoder_weight,
        "encoder.bias": own.encoder_bias,
        "W_dec": own.decoder_weight,
        "b_dec": own.decoder_bias,
    }
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, folder / TENSORS)
    config = {"activation": "topk", "expansion_factor": n // d, "num_latents": n, "k": own.k, "d_in": d}
    config |= {"normalize_decoder": False, "multi_topk": False, "skip_connection": False, "transcode": False}
    (folder / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
