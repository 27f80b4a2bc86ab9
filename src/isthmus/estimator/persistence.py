"""A model on disk: a folder in the hub's layout, JSON and safetensors, never a pickle.

    config.json        format, class, parameters, what the data is, and the digests that vouch for it
    model.safetensors  every tensor
    README.md          a card for people; it may be edited

The folder is written under another name and renamed into place: there is a whole one or none.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

import isthmus
from isthmus.errors import CorruptFileError, MissingFileError, NewerFormatError
from isthmus.estimator.registry import saved_class

FORMAT = 1
CONFIG, TENSORS, CARD = "config.json", "model.safetensors", "README.md"
LARGEST_CONFIG = 64 * 2**20  # bytes; a config beyond this was not written by isthmus


class Saved(Protocol):
    """What can be saved: it gives a configuration and tensors, and can be made from them again."""

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """JSON values and tensors that make up the whole object."""

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
        """The object that `to_saved` described."""


def save(model: Saved, path: str | Path, card: str) -> Path:
    """Write `model` to the folder `path`, in place of one that was there.

    Args:
        model: What to save.
        path: The folder.
        card: Its README.

    Returns:
        The folder.
    """
    folder = Path(path)
    config, tensors = model.to_saved()
    weights = save_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    head = {"format": FORMAT, "isthmus": isthmus.__version__, "class": type(model).__name__}
    body = {**head, **config, "tensors_sha256": hashlib.sha256(weights).hexdigest()}
    body["config_sha256"] = _digest(body)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, content in ((TENSORS, weights), (CARD, card.encode()), (CONFIG, _dump(body))):
        _write(beside / name, content)
    _put_in_place(beside, folder)
    return folder


def load(path: str | Path, device: str = "cpu") -> Any:
    """Read a model or detector from its folder, onto the CPU unless another device is named.

    Args:
        path: What `save` wrote.
        device: Where to put it.

    Raises:
        MissingFileError: the folder or one of its files is not there.
        CorruptFileError: a byte differs from what was written, or a file is no JSON or safetensors.
        NewerFormatError: a newer isthmus wrote it.
        UnknownNameError: it names a class that isthmus does not have.
    """
    folder = Path(path)
    config = _read_config(folder)
    content = _read(folder, TENSORS)
    if hashlib.sha256(content).hexdigest() != config["tensors_sha256"]:
        raise _corrupt(folder / TENSORS, "its digest differs from the one in config.json")
    try:
        tensors = load_tensors(content)
    except SafetensorError as fault:
        raise _corrupt(folder / TENSORS, str(fault)) from fault
    cls: Any = saved_class(config["class"])
    return cls.from_saved({**config, "device": device}, tensors)


def _read_config(folder: Path) -> dict[str, Any]:
    """config.json, checked against its own digest."""
    content = _read(folder, CONFIG)
    try:
        if len(content) > LARGEST_CONFIG:
            raise ValueError(f"{len(content)} bytes")
        config: dict[str, Any] = json.loads(content)
        version = int(config["format"])
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise _corrupt(folder / CONFIG, f"it is not a config that isthmus wrote ({fault})") from fault
    if version > FORMAT:
        raise NewerFormatError(
            f"{folder} has format {version} (isthmus {config.get('isthmus')})",
            f"isthmus {isthmus.__version__} reads formats up to {FORMAT}",
            "upgrade isthmus",
        )
    if config.pop("config_sha256", None) != _digest(config):
        raise _corrupt(folder / CONFIG, "its digest differs from the one it carries")
    return config


def _read(folder: Path, name: str) -> bytes:
    """One file of the folder."""
    path = folder / name
    if not path.is_file():
        raise MissingFileError(
            f"{path}", f"a saved model holds {CONFIG} and {TENSORS}", "check the path, or save the model again"
        )
    return path.read_bytes()


def _corrupt(path: Path, why: str) -> CorruptFileError:
    return CorruptFileError(f"{path}: {why}", "a model is read only as it was written", "copy or save it again")


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _digest(body: dict[str, Any]) -> str:
    """Of the content, not of its layout."""
    plain = json.dumps(body, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(beside: Path, folder: Path) -> None:
    """Rename the new folder to its name; an old one steps aside first and is removed after."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(aside)
    beside.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)
