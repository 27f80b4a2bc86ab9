"""The files that others publish: safetensors, and the JSON beside them, each as it is read and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from isthmus.errors import CorruptFileError, MissingFileError, ModelFileError

ENDING = ".safetensors"
PICKLED = (".bin", ".ckpt", ".pkl", ".pt", ".pth")


Tensors = dict[str, Tensor]


class Named(Tensors):
    """The tensors of a file by name; one that is not there is an error of its own."""

    def __missing__(self, key: str) -> Tensor:
        """Refuse to go on without it.

        Raises:
            CorruptFileError: always.
        """
        came = f"{len(self)} tensors without {key!r} ({', '.join(sorted(self)[:4])}, ...)"
        raise CorruptFileError(came, "every file of this layout has it", "name another layout, or take the file anew")


class Config(dict[str, Any]):
    """What a JSON file says; what it does not say is an error of its own."""

    def __missing__(self, key: str) -> Any:
        """Refuse to go on without it.

        Raises:
            CorruptFileError: always.
        """
        came = f"a config with {len(self)} entries and without {key!r}"
        fix = "download the config that belongs to the weights"
        raise CorruptFileError(came, "the sizes of a network follow from it", fix)


class Published(NamedTuple):
    """What came.

    Args:
        path: The file or folder, as it was named.
        tensors: Of all its files, by name; those of `*_encoder` and `*_decoder` files led by "encoder." and "decoder.".
        configs: What the JSON files beside them say, by file name.
    """

    path: Path
    tensors: Tensors
    configs: dict[str, Config]

    def config(self, name: str, needed: str) -> Config:
        """What one of the JSON files says.

        Raises:
            MissingFileError: it is not there.
        """
        if name not in self.configs:
            fix = "download it too and put it beside the weights"
            raise MissingFileError(f"{self.path} without {name}", f"it says {needed}, which the tensors do not", fix)
        return self.configs[name]


def read_published(path: str | Path) -> Published:
    """Read a file of tensors, or all of a folder, without running anything that is in them.

    Raises:
        MissingFileError: nothing is there, or no safetensors.
        ModelFileError: pickled weights.
        CorruptFileError: a file is none of safetensors, or no JSON.
    """
    place = Path(path)
    files = sorted(place.glob(f"*{ENDING}")) if place.is_dir() else [place]
    if not files or not all(file.is_file() for file in files):
        allowed = f"weights are read from a {ENDING} file, or from a folder that holds some"
        raise MissingFileError(f"path={str(path)!r}", allowed, "check the path")
    for file in files:
        if file.suffix in PICKLED:
            came, allowed = (
                f"{file}, pickled weights",
                f"only {ENDING} is read, since unpickling runs what is in a file",
            )
            raise ModelFileError(came, allowed, "convert it: safetensors.torch.save_file(state_dict, path)")
    tensors: Tensors = {}
    for file in files:
        tensors |= sided(file)
    folder = place if place.is_dir() else place.parent
    return Published(place, tensors, {file.name: read_json(file) for file in folder.glob("*config*.json")})


def sided(file: Path) -> Tensors:
    """The tensors of one file, named by its side where it holds one side alone."""
    side = next((f"{side}." for side in ("encoder", "decoder") if file.stem.endswith(f"_{side}")), "")
    return {f"{side}{name}": tensor for name, tensor in read_tensors(file).items()}


def read_tensors(file: Path) -> Named:
    """The tensors of one file of safetensors as float32.

    Raises:
        CorruptFileError: it is none.
    """
    try:
        found = load_file(file)
    except (SafetensorError, OSError) as fault:
        raise CorruptFileError(
            f"{file}: {fault}", f"a {ENDING} file is read as it was written", "download it again"
        ) from fault
    return Named({name: tensor.float() for name, tensor in found.items()})


def read_json(file: Path) -> Config:
    """What one JSON file says.

    Raises:
        CorruptFileError: it is none, or no object.
    """
    try:
        return Config(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as fault:
        raise CorruptFileError(f"{file}: {fault}", "a config is JSON", "download it again") from fault
