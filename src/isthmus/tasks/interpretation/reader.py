"""Rows of a network's modules, read window by window: one for each token, patch or sample that is wanted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.tasks.interpretation.inputs import Windows
from isthmus.tasks.interpretation.modules import axis_of, caught
from isthmus.tasks.interpretation.plan import Ints

SHOWN = 4096  # numbers of each tensor that tell one network from another

Labels: TypeAlias = tuple[Ints, Ints, Ints]


class Reader:
    """Reads windows, after it has run one to see what the modules give.

    Args:
        model: The network, in evaluation mode.
        modules: Those that are looked at, by path.
        side: "output" or "input".
        windows: What the network is shown.
        width_axis: Which axis is d; None takes the usual one.

    Raises:
        InputError: a module did not run, has not a row for each token or window, or other rows than the first.
    """

    def __init__(
        self, model: nn.Module, modules: Mapping[str, nn.Module], side: str, windows: Windows, width_axis: int | None
    ) -> None:
        self.model, self.modules, self.side = model, modules, side
        self.windows, self.width_axis = windows, width_axis
        longest = np.array([int(windows.lengths.argmax())])
        found = self.run(longest)
        sizes = {name: x.shape[1] for name, x in found.items()}
        if len(set(sizes.values())) > 1:
            came = f"modules with {sizes} rows for one window"
            raise InputError(came, "modules collected together have the same rows", "collect them one after the other")
        places, length = next(iter(sizes.values())), int(windows.lengths[longest[0]])
        self.by_token = length > 0 and places == length
        self.widths = {name: x.shape[2] for name, x in found.items()}
        self.counts = np.array([len(self.kept(window, places)) for window in range(len(windows.lengths))], np.int64)

    def run(self, chosen: Ints) -> dict[str, Tensor]:
        """All rows of some windows, {path: (B, P, d) float32}, P places in each."""
        device = next((weight.device for weight in self.model.parameters()), torch.device("cpu"))
        call = partial(self.windows.call, self.model, chosen, device)
        length = int(self.windows.lengths[chosen].max())
        found = caught(self.modules, self.side, call)
        return {name: self._rows(name, found[name].float(), len(chosen), length) for name in self.modules}

    def _rows(self, name: str, x: Tensor, samples: int, length: int) -> Tensor:
        """A tensor as (B, P, d): P is the tokens of a window, the places of an image, or 1."""
        x = x.movedim(axis_of(x, self.width_axis), -1)
        if length and x.dim() == 2 and len(x) == samples * length:  # tokens of all windows, one below the other
            x = x.view(samples, length, -1)
        x = x.reshape(samples, -1, x.shape[-1]) if x.dim() > 1 and len(x) == samples else x
        if x.dim() != 3 or (length and x.shape[1] not in (1, length)):
            came = f"module={name!r} with a tensor of shape {tuple(x.shape)} for {samples} windows of {length} tokens"
            allowed = "it has a row for each token, or one for each window"
            raise InputError(came, allowed, "say width_axis=, or name another module or side")
        return x

    def kept(self, window: int, places: int) -> Ints:
        """Which of a window's places are wanted."""
        return self.windows.kept(window) if self.by_token else np.arange(places)

    def read(self, chosen: Ints) -> tuple[dict[str, Tensor], Labels]:
        """The wanted rows of some windows: {path: (rows, d)}, and token, position and document of each row, (rows,).

        Raises:
            InputError: an activation is no finite number.
        """
        found = self.run(chosen)
        places = next(iter(found.values())).shape[1]
        kept = [self.kept(int(window), places) for window in chosen]
        labels = self._labels(chosen, kept)
        rows = torch.from_numpy(np.concatenate([number * places + inside for number, inside in enumerate(kept)]))
        picked = {name: x.flatten(0, 1)[rows.to(x.device)].cpu() for name, x in found.items()}
        for name, values in picked.items():
            check_finite(name, values, labels)
        return picked, labels

    def _labels(self, chosen: Ints, kept: list[Ints]) -> Labels:
        """Token, position and document of each row."""
        tokens, positions = [], []
        for window, inside in zip(chosen, kept, strict=True):
            ids, places = self.windows.labels(int(window))
            tokens.append(ids[inside] if self.by_token else np.full(len(inside), -1))
            positions.append(places[inside] if self.by_token else inside + (places[0] if len(places) else 0))
        documents = np.repeat(self.windows.documents[chosen], [len(inside) for inside in kept])
        return np.concatenate(tokens), np.concatenate(positions), documents

    def facts(self) -> dict[str, Any]:
        """What tells these rows from others."""
        model = {"model": type(self.model).__name__, "fingerprint": fingerprint(self.model)}
        return {**model, "side": self.side, "inputs": self.windows.digest(), "width_axis": self.width_axis}


def check_finite(name: str, values: Tensor, labels: Labels) -> None:
    """Refuse activations that are NaN or infinite.

    Raises:
        InputError: with document and position.
    """
    wrong = ~torch.isfinite(values)
    if wrong.any():
        row, column = (int(i) for i in wrong.nonzero()[0])
        token, position, document = (int(label[row]) for label in labels)
        where = f"document {document}, position {position}" + (f" (token {token})" if token >= 0 else "")
        came = f"{values[row, column].item()} in {where} at module={name!r}"
        fix = f"run the network in float32, or leave document {document} out"
        raise InputError(came, "activations are finite numbers", fix)


def fingerprint(model: nn.Module) -> str:
    """What tells a network from others: names, shapes and some numbers of its tensors, in 16 letters.

    Example:
        >>> one, other = nn.Linear(2, 2), nn.Linear(2, 2)
        >>> fingerprint(one) == fingerprint(one), fingerprint(one) == fingerprint(other)
        (True, False)
    """
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(json.dumps([name, list(tensor.shape)]).encode())
        flat = tensor.detach().flatten()
        some = flat[:: max(1, len(flat) // SHOWN)]
        digest.update(some.cpu().double().numpy().tobytes())
    return digest.hexdigest()[:16]
