"""A process that has everything imported and forks for each server: a start costs a tenth of what it costs anew.

`python -m tests.service.nursery` reads a JSON line for each server to be born or waited for, and answers with a number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Nursery:
    """That process, from outside."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def born(self, words: list[str], environment: dict[str, str], out: Path, err: Path) -> int:
        """The number of a process that carries out a command line of ours."""
        return self._ask({"words": words, "environment": environment, "out": str(out), "err": str(err)})

    def wait(self, child: int) -> int:
        """The exit code of such a process, once it has ended."""
        return self._ask({"wait": child})

    def close(self) -> None:
        """End it."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait()

    def _ask(self, asked: dict[str, Any]) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def fork(words: list[str], environment: dict[str, str], out: str, err: str) -> int:
    """The number of the new process; there the command is carried out."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        os.dup2(os.open(path, flags | os.O_CREAT), number)
    os.environ.update(environment)
    from isthmus.cli.main import run

    code = 1
    try:
        code = run(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Import, then answer line by line."""
    import isthmus.service.run
    import isthmus.tasks.anomaly.detector  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        found = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]) if "wait" in asked else fork(**asked)
        print(found, flush=True)


if __name__ == "__main__":
    main()
