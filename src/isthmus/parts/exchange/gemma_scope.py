"""Gemma Scope: one `params.npz`; all its dictionaries are jumprelu, and b_d is not taken off the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from isthmus.errors import CorruptFileError
from isthmus.parts.exchange.record import Record, given, refuse
from isthmus.parts.published import Named

TENSORS = "params.npz"
NAMES = ("W_enc", "W_dec", "b_enc", "b_dec", "threshold")


def is_here(folder: Path) -> bool:
    """Whether a folder has this layout."""
    return (folder / TENSORS).is_file()


def read(folder: Path) -> Record:
    """The dictionary of a folder.

    Raises:
        CorruptFileError: an array is missing, or the file cannot be read.
    """
    tensors = arrays_of(folder / TENSORS)
    return Record(
        tensors["w_enc"].T.contiguous(),
        tensors["b_enc"],
        tensors["w_dec"],
        tensors["b_dec"],
        "jumprelu",
        threshold=tensors["threshold"],
        centred=False,
    )


def arrays_of(path: Path) -> Named:
    """The arrays by their names in small letters, since releases differ in that."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = Named({name.lower(): torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files})
    except (OSError, ValueError, EOFError) as fault:
        raise CorruptFileError(f"{path}: {fault}", "an .npz file is read as it was written", "take it anew") from fault
    missing = [name for name in NAMES if name.lower() not in found]
    if missing:
        came = f"{path} without the array {missing[0]!r}"
        raise CorruptFileError(came, f"this layout has {', '.join(NAMES)}", "name another layout, or take it anew")
    return found


def write(record: Record, folder: Path) -> None:
    """Write a dictionary; only thresholds can be said, and a relu is one at 0."""
    refuse(record, "gemma-scope", ("jumprelu", "relu"))
    own = record.turned(centred=False)
    threshold = torch.zeros_like(own.encoder_bias) if own.rule == "relu" else given(own.threshold)
    values = (own.encoder_weight.T, own.decoder_weight, own.encoder_bias, own.decoder_bias, threshold)
    arrays = {name: value.numpy() for name, value in zip(NAMES, values, strict=True)}
    np.savez(folder / TENSORS, allow_pickle=False, **arrays)
