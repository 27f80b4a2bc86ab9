"""Hostile model folders: `python fuzz_folder.py FOLDER -runs=N` ends with 0 where each was read or refused in words.

Bytes are changed anywhere in one of the files; or a value of the config is replaced and the config sealed again, as
somebody would who knows the format and wants to do harm.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["isthmus.estimator.persistence", "isthmus.estimator.states"]):
    import isthmus
    from isthmus.errors import IsthmusError
    from isthmus.estimator.persistence import CONFIG, SEAL, TENSORS, UNSEALED

OTHER = (None, True, -1, 0, 3, 1e308, "", "vae", "x" * 300, [], {}, [[]], {"a": 1})
WAYS = ("config", "tensors", "value", "value", "value")


def one(data: bytes) -> None:
    """Change the folder, read it, and put it back."""
    source = atheris.FuzzedDataProvider(data)
    way = source.PickValueInList(list(WAYS))
    name = TENSORS if way == "tensors" else CONFIG
    content = (HERE / name).read_bytes()
    (THERE / name).write_bytes(_sealed(content, source) if way == "value" else _changed(content, source))
    try:
        isthmus.load(THERE)
    except IsthmusError:
        pass
    finally:
        shutil.copy(HERE / name, THERE / name)


def _changed(content: bytes, source: Any) -> bytes:
    """Some bytes put in the place of others."""
    at = source.ConsumeIntInRange(0, len(content))
    return content[:at] + source.ConsumeBytes(16) + content[at + source.ConsumeIntInRange(0, 64) :]


def _sealed(content: bytes, source: Any) -> bytes:
    """Another value somewhere in the config, under a seal that fits."""
    config = json.loads(content)
    holder: Any = config
    while True:
        keys = [key for key in (holder if isinstance(holder, dict) else range(len(holder))) if key != SEAL]
        key = source.PickValueInList(keys)
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or source.ConsumeBool():
            break
        holder = inner
    if isinstance(holder, dict) and source.ConsumeBool():
        del holder[key]
    else:
        holder[key] = source.PickValueInList(list(OTHER))
    config.pop(SEAL, None)
    text = json.dumps({**config, SEAL: UNSEALED})
    before, _, after = text.rpartition(UNSEALED)
    return f"{before}{hashlib.sha256(text.encode()).hexdigest()}{after}".encode()


if __name__ == "__main__":
    HERE = Path(sys.argv.pop(1))
    THERE = Path(tempfile.mkdtemp())
    for file in (CONFIG, TENSORS):
        shutil.copy(HERE / file, THERE / file)
    isthmus.load(THERE)  # what is imported late is imported now, not on a fuzzer's clock
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
