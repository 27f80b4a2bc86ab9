"""Hostile bodies for the binary protocol: `python fuzz_tensors.py -runs=N` ends with 0 where nothing broke."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["isthmus.service"]):
    from isthmus.errors import IsthmusError
    from isthmus.service.tensors import parse, wanted_raw

MOST = 4096


def one(data: bytes) -> None:
    """Two bytes say where the JSON ends; the rest is the body."""
    head, body = int.from_bytes(data[:2], "little", signed=True), data[2:]
    try:
        request, tensors = parse(body, None if head < 0 else head, MOST)
        wanted_raw(request, list(tensors))
    except IsthmusError as fault:
        if not all(fault.as_dict().values()):
            raise


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
