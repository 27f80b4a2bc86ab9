"""Steps over large matrices as one kernel each: where a GPU takes them, torch.compile writes them in Triton."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
T = TypeVar("T")


def fused(function: Callable[P, T]) -> Callable[P, T]:
    """The same function, compiled where its first argument lies on a GPU.

    On a processor the plain one is as quick, and need not be compiled. Without Triton the plain one works everywhere.

    Args:
        function: Of tensors, the first of which says where.
    """

    @wraps(function)
    def chosen(*given: P.args, **named: P.kwargs) -> T:
        first = given[0]
        fuses = isinstance(first, Tensor) and first.is_cuda and has_triton()
        return (compiled(function) if fuses else function)(*given, **named)

    return chosen


@cache
def compiled(function: Any) -> Any:
    """What torch.compile makes of a function, for matrices of any size; its first call takes seconds."""
    return torch.compile(function, dynamic=True)


@cache
def has_triton() -> bool:
    """Whether kernels can be written here."""
    return find_spec("triton") is not None
