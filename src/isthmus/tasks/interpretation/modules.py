"""Places in a network: found by their path, listened to and changed by plain hooks of torch.

A module may take and give tensors, tuples, dictionaries or dataclasses: what is meant is the first tensor of floats.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import InputError, ParameterError, UnknownNameError

SIDES = ("output", "input")
Change = Callable[[Tensor], Tensor | None]


def modules_at(model: nn.Module, paths: str | Sequence[str]) -> dict[str, nn.Module]:
    """The modules of a network that are meant, by path, in the network's own order.

    Args:
        model: The network.
        paths: As `named_modules` has them; `*`, `?` and `[...]` stand for a part between two dots or some of it.

    Raises:
        UnknownNameError: a path matches nothing; the nearest are shown.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
        >>> list(modules_at(network, "1.*")), list(modules_at(network, ["0", "1.1"]))
        (['1.0', '1.1'], ['0', '1.1'])
    """
    every = {name: module for name, module in model.named_modules() if name}
    wanted = [paths] if isinstance(paths, str) else list(paths)
    for path in wanted:
        if not any(_matches(name, path) for name in every):
            raise _unknown(path, list(every))
    found = {name: module for name, module in every.items() if any(_matches(name, path) for path in wanted)}
    if not found:
        raise ParameterError(f"module={paths!r}", "at least one place is named", "use module='encoder.layer.3'")
    return found


def _matches(name: str, path: str) -> bool:
    """Whether a path, perhaps with stars, means a module."""
    parts, wanted = name.split("."), path.split(".")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _unknown(path: str, names: list[str]) -> UnknownNameError:
    """The error for a path that matches nothing: of hundreds of modules it shows the nearest."""
    near = difflib.get_close_matches(path, names, n=4, cutoff=0.4) or names[:4]
    allowed = f"the network has {len(names)} modules, the nearest are {', '.join(map(repr, near))}"
    fix = f"did you mean {near[0]!r}?" if near else "name a network that has modules"
    return UnknownNameError(f"module={path!r}", allowed, fix)


def check_side(side: str) -> None:
    """Refuse a side that a module does not have.

    Raises:
        UnknownNameError: neither "output" nor "input".
    """
    if side not in SIDES:
        raise UnknownNameError.among("side", side, SIDES)


# What a module takes and gives. --------------------------------------------------------------------------------------


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor of floats in what a module takes or gives.

    Example:
        >>> first_tensor(((torch.tensor([1, 2]), None), {"states": torch.zeros(1)}))
        tensor([0.])
    """
    if isinstance(value, Tensor):
        return value if value.is_floating_point() else None
    return next((found for part in _parts(value) if (found := first_tensor(part)) is not None), None)


def _parts(value: Any) -> list[Any]:
    """What a container holds; nothing for anything else."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, tuple | list):
        return list(value)
    return [getattr(value, one.name) for one in dataclasses.fields(value)] if _is_record(value) else []


def _is_record(value: Any) -> bool:
    """Whether it is an instance of a dataclass."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def replaced(value: Any, old: Tensor, new: Tensor) -> Any:
    """The same with one tensor in the place of another, and all containers as they were.

    Example:
        >>> x = torch.zeros(1)
        >>> replaced((x, {"states": x, "other": 3}), x, torch.ones(1))
        (tensor([1.]), {'states': tensor([1.]), 'other': 3})
    """
    if value is old:
        return new
    if isinstance(value, tuple | list):
        made = [replaced(part, old, new) for part in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    if _is_record(value):  # of transformers' outputs too, which are dictionaries beside
        changes = {one.name: replaced(getattr(value, one.name), old, new) for one in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    if isinstance(value, Mapping):
        return type(value)({name: replaced(part, old, new) for name, part in value.items()})  # type: ignore[call-arg]
    return value


def axis_of(x: Tensor, width_axis: int | None) -> int:
    """Which axis of a tensor is d: the last, or of images and volumes that of the channels, unless it was said.

    Example:
        >>> axis_of(torch.zeros(2, 8, 4, 4), None), axis_of(torch.zeros(2, 5, 8), None)
        (1, -1)
    """
    return width_axis if width_axis is not None else 1 if x.dim() > 3 else -1


@contextmanager
def listening(name: str, module: nn.Module, side: str, change: Change) -> Iterator[None]:
    """While it lasts, show what goes into or comes out of a module to a function, which may give another tensor.

    Args:
        name: Path of the module, for messages.
        module: The module.
        side: "output" or "input".
        change: Called with the tensor; what it returns takes its place, None leaves it.

    Raises:
        InputError: (when the network runs) there is no tensor of floats.
    """

    def changed(value: Any) -> Any:
        """The value with its tensor changed; None where it stays."""
        tensor = first_tensor(value)
        if tensor is None:
            came = f"the {side} of {name!r}, a {type(value).__name__}"
            raise InputError(came, "it holds a tensor of floats to be looked at", "name another module or side")
        new = change(tensor)
        return None if new is None else replaced(value, tensor, new)

    if side == "output":
        handle = module.register_forward_hook(lambda _, taken, given: changed(given))
    else:
        handle = module.register_forward_pre_hook(lambda _, taken, named: changed((taken, named)), with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


class _Enough(Exception):
    """All that was waited for has come: the rest of the network need not run."""


def caught(modules: Mapping[str, nn.Module], side: str, run: Callable[[], Any]) -> dict[str, Tensor]:
    """What goes through some modules in one run of their network, which is left as soon as the last of them ran.

    Args:
        modules: By path. Of one that runs several times, the first is meant.
        side: "output" or "input".
        run: Runs the network.

    Returns:
        The tensors, by path, without their gradients.

    Raises:
        InputError: a module never ran.
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Change:
        """The function that keeps what it is shown."""

        def kept(x: Tensor) -> None:
            seen.setdefault(name, x.detach())
            if len(seen) == len(modules):
                raise _Enough

        return kept

    with ExitStack() as stack, torch.no_grad():
        for name, module in modules.items():
            stack.enter_context(listening(name, module, side, keep(name)))
        try:
            run()
        except _Enough:
            return seen
    missing = [name for name in modules if name not in seen]
    came = f"module={missing[0]!r}, which did not run"
    raise InputError(came, "activations are of modules that the network calls on these inputs", "name another module")


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """While it lasts, the network is in evaluation mode; every module gets its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
