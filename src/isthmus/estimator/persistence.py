"""A model on disk: a folder in the hub's layout, JSON and safetensors, never a pickle.

    config.json        format, class, parameters, what the data is, and the digests that vouch for it
    model.safetensors  every tensor
    README.md          a card for people; it may be edited

Whatever else the folder holds stays as it is. A save that is cut short leaves the old model or the new one, never half
of either: the new config lies ready beside the old one before the tensors change, and a config speaks for those
tensors alone whose digest it carries. One process at a time may save to a folder; any number may load from it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

import isthmus
from isthmus.errors import CorruptFileError, IsthmusError, MissingFileError, ModelFileError, NewerFormatError
from isthmus.estimator.registry import saved_class
from isthmus.training.checkpoints import replace_file

FORMAT = 1
CONFIG, TENSORS, CARD = "config.json", "model.safetensors", "README.md"
NEXT = ".config.json.next"  # the config of tensors that are about to take the place of the old ones
SEAL, UNSEALED = "config_sha256", "0" * 64  # a config's digest of its own bytes, and what stands there meanwhile
MALFORMED = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
LARGEST_CONFIG = 64 * 2**20  # bytes; a config beyond this was not written by isthmus


class Saved(Protocol):
    """What can be saved: it gives a configuration and tensors, and can be made from them again."""

    def to_saved(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """JSON values and tensors that make up the whole object."""

    @classmethod
    def from_saved(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
        """The object that `to_saved` described."""


def save(model: Saved, path: str | Path, card: str) -> Path:
    """Write `model` to the folder `path`, in place of a model that was there.

    Args:
        model: What to save.
        path: The folder, made if it is not there.
        card: Its README.

    Returns:
        The folder.

    Raises:
        ModelFileError: the path is that of a file.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ModelFileError(f"path={str(path)!r}, a file", "a model is saved as a folder", "name another path")
    config, tensors = model.to_saved()
    weights = save_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    head = {"format": FORMAT, "isthmus": isthmus.__version__, "class": type(model).__name__}
    sealed = _sealed({**head, **config, "tensors_sha256": hashlib.sha256(weights).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    _finish(folder)
    replace_file(folder / CARD, card.encode())
    replace_file(folder / NEXT, sealed)
    replace_file(folder / TENSORS, weights)
    (folder / NEXT).replace(folder / CONFIG)
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
    config = _read_config(folder, CONFIG)
    content = _read(folder, TENSORS)
    digest = hashlib.sha256(content).hexdigest()
    for name in (NEXT, CONFIG):  # while a save is under way, or after one that was cut short
        if digest != config["tensors_sha256"] and (folder / name).is_file():
            config = _read_config(folder, name)
    if digest != config["tensors_sha256"]:
        raise _corrupt(folder / TENSORS, f"its digest differs from the one in {CONFIG}")
    try:
        tensors = load_tensors(content)
    except SafetensorError as fault:
        raise _corrupt(folder / TENSORS, str(fault)) from fault
    try:
        cls: Any = saved_class(config["class"])
        return cls.from_saved({**config, "device": device}, tensors)
    except IsthmusError:
        raise
    except MALFORMED as fault:  # its seal fits, but whoever wrote it was no `save`
        why = f"it describes no model that can be made ({type(fault).__name__}: {str(fault)[:200]})"
        raise _corrupt(folder / CONFIG, why) from fault


def digest(path: str | Path) -> str:
    """What tells a saved model from every other: the digest that its config carries, of itself and of its tensors.

    Raises:
        MissingFileError: there is no model.
        CorruptFileError: its config is not as it was written.
    """
    return str(_read_config(Path(path), CONFIG).get(SEAL) or UNSEALED)


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    """A config, checked against its own digest."""
    content = _read(folder, name)
    try:
        if len(content) > LARGEST_CONFIG:
            raise ValueError(f"{len(content)} bytes")
        text = content.decode()
        config: dict[str, Any] = json.loads(text)
        version, _ = int(config["format"]), (config["class"], config["tensors_sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise _corrupt(folder / name, f"it is not a config that isthmus wrote ({fault})") from fault
    if version > FORMAT:
        raise NewerFormatError(
            f"{folder} has format {version} (isthmus {config.get('isthmus')})",
            f"isthmus {isthmus.__version__} reads formats up to {FORMAT}",
            "upgrade isthmus",
        )
    seal = str(config.get(SEAL) or UNSEALED)
    before, _, after = text.rpartition(seal)
    if seal != _digest(f"{before}{UNSEALED}{after}"):
        raise _corrupt(folder / name, "its digest differs from the one it carries")
    return config


def _finish(folder: Path) -> None:
    """Put the config of a save that was cut short in its place, where its tensors already are."""
    if (folder / NEXT).is_file() and (folder / TENSORS).is_file():
        digest = hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()
        if digest.encode() in (folder / NEXT).read_bytes():
            (folder / NEXT).replace(folder / CONFIG)


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


def _sealed(body: dict[str, Any]) -> bytes:
    """The config as JSON text, with the digest of all its bytes in it."""
    text = json.dumps({**body, SEAL: UNSEALED}, indent=1, ensure_ascii=False, allow_nan=False)
    before, _, after = text.rpartition(UNSEALED)
    return f"{before}{_digest(text)}{after}".encode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
