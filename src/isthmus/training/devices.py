"""Where the work runs and how many threads share it. Both follow from a formula, never from timing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from isthmus.errors import ParameterError

THREADED_WORK = 8.0e6  # floating-point operations in one product from which a second thread pays for its barrier


def resolve_device(name: str) -> str:
    """The device called `name`; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        ParameterError: the device is not there.

    Example:
        >>> resolve_device("cpu")
        'cpu'
    """
    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    kind = str(name).partition(":")[0]
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": has_mps}
    if not here.get(kind, False):
        found = ", ".join(repr(device) for device, present in here.items() if present)
        raise ParameterError(f"device={name!r}", f"this machine has {found}", "use device='auto'")
    return name


def has_bfloat16_units() -> bool:
    """Whether the CPU multiplies bfloat16 matrices in units of their own (AMX), where the products pay."""
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())


@contextmanager
def threads_for(work: float) -> Iterator[int]:
    """Run the block on the threads that products of `work` floating-point operations deserve; yields their number.

    One thread for small products, where the barrier between threads saves a sixth at most, and beside another busy
    process can wait for a slice of its time, a hundred times as long as the product; all that torch is set to use
    otherwise.
    """
    before = torch.get_num_threads()
    count = before if work >= THREADED_WORK else 1
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)
