"""The machine itself: what it is, and the most it can do."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from isthmus.bench.load import Load
from isthmus.bench.timing import Timings, interleave
from isthmus.training.devices import has_bfloat16_units

SIDE = 2048  # of the square matrices whose product shows the peak
PEAK_WORK = 2.0 * SIDE**3  # floating-point operations of that product
COPIED = 1 << 28  # bytes that a copy reads, and as many that it writes: more than any cache holds


def machine() -> dict[str, Any]:
    """What a result was measured on; nothing that names the computer."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "bfloat16_units": has_bfloat16_units(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def product(dtype: torch.dtype = torch.float32) -> Callable[[], object]:
    """A matrix product of `PEAK_WORK` operations, on the threads that are set when it is called."""
    a, b, out = torch.zeros(3, SIDE, SIDE, dtype=dtype).unbind()
    return lambda: torch.mm(a, b, out=out)


def copy() -> Callable[[], object]:
    """A copy of `COPIED` bytes from memory to memory."""
    there, here = torch.zeros(2, COPIED // 4).unbind()
    return lambda: here.copy_(there)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run the block on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_core() -> Iterator[None]:
    """Run the block on one core and one thread; on one thread alone where a process cannot be bound to a core."""
    bound = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    if bound:
        os.sched_setaffinity(0, {max(bound)})
    try:
        with threads(1):
            yield
    finally:
        if bound:
            os.sched_setaffinity(0, bound)


def limits(load: Load, most_seconds: float) -> Timings:
    """Seconds of a product in float32 and bfloat16 on one thread and on all, and of a copy."""
    few, many = 1, torch.get_num_threads()
    things = {
        f"{str(dtype).removeprefix('torch.')} product, {count} threads": _on(count, product(dtype))
        for dtype in (torch.float32, torch.bfloat16)
        for count in sorted({few, many})
    }
    return interleave({**things, "copy": copy()}, load, most_seconds=most_seconds)


def _on(count: int, thing: Callable[[], object]) -> Callable[[], object]:
    """The thing on so many threads."""

    def run() -> None:
        with threads(count):
            thing()

    return run


def _processor() -> str:
    """The processor's own name, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"
