"""A run on disk, so that one killed at any moment goes on from its last checkpoint to the same weights, bit for bit.

A checkpoint is one safetensors file: weights, Adam's moments, running sums, the generator's state, what callbacks
keep; the position, the history and the thread count stand in its header as JSON. It is written beside its name and
renamed into place, so there is always a whole one or none.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from isthmus.errors import CorruptFileError, MissingFileError, NewerFormatError, ParameterError
from isthmus.training.run import Run

FORMAT = 1

T = TypeVar("T")


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that readers see the old file or the new one, never half of either."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


class ResumedElsewhereWarning(UserWarning):
    """A run goes on where its first part was not computed, so it will not end with the same bits."""


def save_checkpoint(path: Path, run: Run, kept: dict[str, Any]) -> None:
    """Write the whole state of `run`.

    Args:
        path: The file; its folder exists.
        run: Between two steps.
        kept: What callbacks keep: {name: tensor or JSON value}.
    """
    tensors = {f"network.{name}": value for name, value in run.network.state_dict().items()}
    for turn in run.turns:
        tensors |= turn.state()
    tensors["generator"] = run.generator.get_state()
    tensors |= {f"kept.{name}": value for name, value in kept.items() if isinstance(value, Tensor)}
    position = {
        "format": FORMAT,
        "identity": run.identity(),
        "seed": run.seed,
        "device": run.generator.device.type,
        "stage": run.stage,
        "epoch": run.epoch,
        "step": run.step,
        "skipped": run.skipped,
        "stopped": run.stopped,
        "factor": run.factor,
        "history": run.history,
        "seconds": time.perf_counter() - run.started,
        "threads": torch.get_num_threads(),
        "kept": {name: value for name, value in kept.items() if not isinstance(value, Tensor)},
    }
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    replace_file(path, save(whole, {"run": json.dumps(position)}))


def load_checkpoint(path: Path, run: Run) -> dict[str, Any]:
    """Bring `run` to where the checkpoint left it; returns what callbacks kept.

    Raises:
        MissingFileError: there is no checkpoint at `path`.
        CorruptFileError: the file is not a whole checkpoint.
        NewerFormatError: a newer isthmus wrote it.
        ParameterError: it belongs to another model, other parameters or other data.

    Warns:
        ResumedElsewhereWarning: it was written on another kind of device.
    """
    position, tensors = read_checkpoint(path)
    if position["identity"] != run.identity():
        raise ParameterError(
            f"checkpoint {path} belongs to another run ({position['identity']}, here {run.identity()})",
            "a run goes on only with the same model, parameters and data",
            "use the parameters and data it was begun with, or another folder",
        )
    run.network.load_state_dict(under("network.", tensors))
    if position["device"] == run.generator.device.type:
        run.generator.set_state(tensors["generator"])
    else:
        came = f"checkpoint {path} was written on {position['device']!r}; from here on the run has noise of its own"
        warnings.warn(came, ResumedElsewhereWarning, stacklevel=2)
    run.started = time.perf_counter() - position["seconds"]
    for name in ("stage", "epoch", "step", "skipped", "stopped", "factor", "history"):
        setattr(run, name, position[name])
    device = run.generator.device
    run.resumed = {name: value.to(device) for name, value in tensors.items() if name.startswith("player.")}
    torch.set_num_threads(position["threads"])
    return {**position["kept"], **under("kept.", tensors)}


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Position and tensors of the checkpoint at `path`; raises as `load_checkpoint` does."""
    if not path.exists():
        raise MissingFileError(f"checkpoint {path}", "resuming needs one", "fit without resume to begin a new run")
    try:
        with safe_open(path, framework="pt") as file:
            position = json.loads(file.metadata()["run"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as fault:
        raise CorruptFileError(f"checkpoint {path} ({fault})", "it must be whole", "begin a new run") from fault
    if position["format"] > FORMAT:
        came = f"checkpoint {path} has format {position['format']}"
        raise NewerFormatError(came, f"this isthmus reads formats up to {FORMAT}", "upgrade isthmus")
    return position, tensors


def under(prefix: str, values: Mapping[str, T]) -> dict[str, T]:
    """What is kept under names that begin with `prefix`, without it.

    Example:
        >>> under("a.", {"a.x": 1, "b.x": 2})
        {'x': 1}
    """
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
