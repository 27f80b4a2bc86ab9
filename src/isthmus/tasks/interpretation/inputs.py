"""What a network is shown, cut into windows: stretches of tokens, or samples of any other kind."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from isthmus.errors import InputError, InputTypeError, ParameterError

IDS, MASK = "input_ids", "attention_mask"
Ints = npt.NDArray[np.int64]


class Windows(Protocol):
    """Windows in the order of the inputs.

    `documents` (W,) is the input that each is from, `lengths` (W,) its tokens (0 where it has none), `is_even` whether
    only windows of one length run together.
    """

    documents: Ints
    lengths: Ints
    is_even: bool

    def call(self, model: nn.Module, chosen: Ints, device: torch.device) -> Any:
        """Run the network on some windows."""

    def kept(self, window: int) -> Ints:
        """Places in the window whose rows are wanted; of windows without tokens nothing is known before a run."""

    def labels(self, window: int) -> tuple[Ints, Ints]:
        """Token and position of each place in the window."""

    def digest(self) -> str:
        """What the inputs are, in 16 letters."""


class Samples:
    """Arrays with one sample a row: images, rows of a table, anything that the network takes.

    Args:
        arrays: One array, or those that the network takes by name.
    """

    is_even = True

    def __init__(self, arrays: Mapping[str, Any] | Any) -> None:
        named = arrays if isinstance(arrays, Mapping) else {"": arrays}
        self.arrays = {name: torch.as_tensor(array) for name, array in named.items()}
        sizes = {name: len(array) for name, array in self.arrays.items()}
        if len(set(sizes.values())) != 1:
            raise InputError(f"inputs of {sizes} samples", "all arrays have one a row", "cut them to one length")
        self.documents = np.arange(next(iter(sizes.values())))
        self.lengths = np.zeros(len(self.documents), np.int64)

    def call(self, model: nn.Module, chosen: Ints, device: torch.device) -> Any:
        """Run the network on some samples; floats come as the network's own."""
        kind = next((weight.dtype for weight in model.parameters() if weight.is_floating_point()), torch.float32)
        picked = {name: array[torch.from_numpy(chosen)].to(device) for name, array in self.arrays.items()}
        given = {name: x.to(kind) if x.is_floating_point() else x for name, x in picked.items()}
        return model(given[""]) if "" in given else model(**given)

    def kept(self, window: int) -> Ints:
        """Unknown."""
        return np.zeros(0, np.int64)

    def labels(self, window: int) -> tuple[Ints, Ints]:
        """None."""
        return np.zeros(0, np.int64), np.zeros(0, np.int64)

    def digest(self) -> str:
        """Of all bytes."""
        return digest_of(array.cpu().contiguous().flatten().view(torch.uint8).numpy() for array in self.arrays.values())


class TokenWindows:
    """Stretches of tokens, padded to one length where they run together.

    Args:
        windows: Of each what the network takes by name, all (T,): "input_ids", and perhaps "attention_mask" and others.
        documents: Number of the document of each.
        offsets: Place in that document at which each begins.
        dropped: Tokens whose rows are not wanted.
        takes: Names of what the network takes.
    """

    def __init__(
        self,
        windows: Sequence[Mapping[str, Ints]],
        documents: Sequence[int],
        offsets: Sequence[int],
        dropped: Iterable[int],
        takes: Sequence[str],
    ) -> None:
        self.windows, self.offsets = windows, offsets
        self.documents = np.asarray(documents, np.int64)
        self.lengths = np.array([len(window[IDS]) for window in windows], np.int64)
        self.dropped = np.array(sorted(dropped), np.int64)
        self.takes = [name for name in dict.fromkeys((IDS, MASK, *(windows[0] if windows else ()))) if name in takes]
        self.is_even = MASK not in self.takes

    def call(self, model: nn.Module, chosen: Ints, device: torch.device) -> Any:
        """Run the network on some windows."""
        if not self.takes:
            return model(self.table(IDS, chosen).to(device))
        return model(**{name: self.table(name, chosen).to(device) for name in self.takes})

    def table(self, name: str, chosen: Ints) -> Tensor:
        """What the network takes by that name for some windows, (B, T), zero behind the end of each."""
        table = torch.zeros(len(chosen), int(self.lengths[chosen].max()), dtype=torch.int64)
        for row, window in enumerate(chosen):
            own = self.windows[window]
            values = own[name] if name in own else np.ones_like(own[IDS])
            table[row, : len(values)] = torch.from_numpy(values)
        return table

    def kept(self, window: int) -> Ints:
        """Places of what is no padding and not dropped."""
        own = self.windows[window]
        wanted = ~np.isin(own[IDS], self.dropped)
        return np.flatnonzero(wanted & (own[MASK] > 0) if MASK in own else wanted)

    def mask(self, chosen: Ints) -> Tensor:
        """Whether each place of some windows is wanted, (B, T)."""
        mask = torch.zeros(len(chosen), int(self.lengths[chosen].max()), dtype=torch.bool)
        for row, window in enumerate(chosen):
            mask[row, torch.from_numpy(self.kept(int(window)))] = True
        return mask

    def labels(self, window: int) -> tuple[Ints, Ints]:
        """Tokens, and their places in the document."""
        ids = self.windows[window][IDS]
        return ids, self.offsets[window] + np.arange(len(ids))

    def digest(self) -> str:
        """Of all tokens and of how they are cut."""
        cuts = (self.documents, self.lengths, self.dropped)
        return digest_of([*cuts, *(values for window in self.windows for values in window.values())])


def digest_of(arrays: Iterable[npt.NDArray[Any]]) -> str:
    """SHA-256 over arrays, the first 16 letters."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def opened(
    inputs: Any, model: nn.Module, tokenizer: Callable[..., Any] | None, context: int, drop: Iterable[int] | None
) -> Windows:
    """Whatever the caller gave, as windows.

    Args:
        inputs: Texts; lists or rows of token numbers; what a tokenizer returned; arrays of samples.
        model: The network, which says by its signature what it takes.
        tokenizer: Turns texts into tokens, as those of transformers do.
        context: Tokens in a window, at most; texts are cut.
        drop: Tokens whose rows are not wanted; None takes the tokenizer's special ones.

    Raises:
        InputTypeError: nothing of the above, or texts without a tokenizer.
        InputError: no inputs.
    """
    inputs = _listed(inputs)
    if not len(inputs) or (isinstance(inputs, Mapping) and not len(next(iter(inputs.values())))):
        raise InputError("inputs without entries", "activations are of at least one", "check how they were selected")
    dropped = getattr(tokenizer, "all_special_ids", ()) if drop is None else drop
    takes = list(inspect.signature(model.forward).parameters)
    if isinstance(inputs, list) and isinstance(inputs[0], str):
        return _of_texts(inputs, tokenizer, context, dropped, takes)
    if (IDS not in inputs) if isinstance(inputs, Mapping) else _are_samples(inputs):
        return Samples(inputs)
    tables = dict(inputs) if isinstance(inputs, Mapping) else {IDS: inputs}
    return _of_ids(tables, dropped, takes)


def _listed(inputs: Any) -> Any:
    """Texts and rows of token numbers as a list; samples that come one by one as one array; others as they are."""
    if isinstance(inputs, str):
        return [inputs]
    kind = getattr(getattr(inputs, "dtype", None), "kind", "")
    if isinstance(inputs, Mapping) or (hasattr(inputs, "shape") and kind not in ("O", "U", "T")):
        return inputs
    listed = list(inputs)
    is_array = bool(listed) and hasattr(listed[0], "shape")
    return torch.stack([torch.as_tensor(one) for one in listed]) if is_array and _are_samples(listed[0]) else listed


def _are_samples(array: Any) -> bool:
    """Whether it is an array of fractions, or of images (which no tokens are)."""
    if not hasattr(array, "shape"):
        return False
    tensor = torch.as_tensor(array)
    return tensor.is_floating_point() or tensor.ndim > 2


def _of_texts(
    texts: list[str], tokenizer: Callable[..., Any] | None, context: int, dropped: Iterable[int], takes: list[str]
) -> TokenWindows:
    """Texts cut into windows, each with the tokenizer's own beginning and end."""
    if tokenizer is None:
        fix = "add tokenizer=AutoTokenizer.from_pretrained(path), or give token numbers"
        raise InputTypeError(f"inputs of {len(texts)} texts without a tokenizer", "a network takes numbers", fix)
    if context < 3:
        raise ParameterError(f"context={context}", "a window has a beginning, tokens and an end", "use context=128")
    windows: list[dict[str, Ints]] = []
    documents, offsets = list[int](), list[int]()
    for number, text in enumerate(texts):
        cut = tokenizer([text], truncation=True, max_length=context, return_overflowing_tokens=True, verbose=False)
        names = [name for name in takes if name in cut] or [IDS]
        for part in range(len(cut[IDS])):
            windows.append({name: np.asarray(cut[name][part], np.int64) for name in names})
            documents.append(number)
            offsets.append(part * context)
    return TokenWindows(windows, documents, offsets, dropped, takes)


def _of_ids(tables: dict[str, Any], dropped: Iterable[int], takes: list[str]) -> TokenWindows:
    """Rows of token numbers, a window each."""
    try:
        rows = {name: [np.asarray(row, np.int64) for row in table] for name, table in tables.items()}
        windows = [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
    except (TypeError, ValueError) as fault:
        fix = "give texts, lists of token numbers, or an array of floats"
        raise InputTypeError(f"inputs that are no tokens ({fault})", "a token is a whole number", fix) from fault
    for number, window in enumerate(windows):
        shapes = {name: values.shape for name, values in window.items()}
        if len(set(shapes.values())) > 1 or window[IDS].ndim != 1:
            raise InputError(f"document {number} with {shapes}", "each token has one number of each kind", "pad none")
    return TokenWindows(windows, range(len(windows)), [0] * len(windows), dropped, takes)
