"""The peer's end of the pipe. It imports nothing but the standard library, whatever environment it runs in."""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def serve(**verbs: Callable[..., Any]) -> None:
    """Answer requests from standard input, one JSON line each, until it ends.

    A request {"verb": name, "given": {...}} calls the verb by that name with what is given; the answer is
    {"value": ...}, or {"error": traceback}. Whatever else the process prints goes to standard error.

    Args:
        verbs: Functions of plain values that return one.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": verbs[request["verb"]](**request["given"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


def most_held() -> float:
    """The most memory that this process ever held, in MiB; where the system does not tell, its parent's counts too."""
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="ascii").splitlines() if status.is_file() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
