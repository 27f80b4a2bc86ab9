"""`isthmus serve` in a process of its own, on a free port of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.cli.command import command_line
from tests.service.nursery import Nursery

START = 120.0  # seconds that a busy machine may take


class Told(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def facts(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Running:
    """A server that answers while the block lasts.

    Args:
        folder: The detector.
        words: Options of the command.
        nursery: Where it is born; None starts the command as a user does.
        environment: Variables beside this process's own.
    """

    def __init__(self, folder: Path, *words: object, nursery: Nursery | None = None, **environment: str) -> None:
        command = [str(word) for word in ("serve", folder, "--port", 0, *words)]
        self.place, self.nursery = tempfile.TemporaryDirectory(), nursery
        self.out, self.err = (Path(self.place.name) / name for name in ("out", "err"))
        self.process: subprocess.Popen[bytes] | None = None
        self.code: int | None = None
        if nursery is None:
            with self.out.open("w") as out, self.err.open("w") as err:
                settings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
                self.process = subprocess.Popen(command_line(command), stdout=out, stderr=err, env=settings)
            self.pid = self.process.pid
        else:
            self.pid = nursery.born(command, environment, self.out, self.err)
        self.url = self._address()

    def _address(self) -> str:
        """What it prints once it answers."""
        end = time.monotonic() + START
        while time.monotonic() < end:
            if self.out.is_file() and "\n" in (told := self.out.read_text()):
                return told.strip()
            if (self.process is not None and self.process.poll() is not None) or self.errors:
                break
            time.sleep(0.02)
        said = self.errors
        self.stop()
        raise RuntimeError(f"no server: {said}")

    @property
    def errors(self) -> str:
        """What it said on standard error."""
        return self.err.read_text() if self.err.is_file() else ""

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    def ask(self, path: str, content: Any = None, kind: str = "application/json", **headers: str) -> Told:
        """Ask for a path; with content it is posted, as JSON unless it is bytes."""
        body = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named = {"Content-Type": kind, **named}
        request = urllib.request.Request(self.url + path, body, named)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoErrors())
        with opener.open(request, timeout=60) as answer:
            return Told(answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()})

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as a system that shuts down would; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        """End it by a signal, unless it has ended; the exit code."""
        if self.code is None:
            if self.process is None or self.process.poll() is None:
                os.kill(self.pid, number)
            waited = self.nursery.wait(self.pid) if self.nursery is not None else None
            self.code = waited if self.process is None or waited is not None else self.process.wait(60)
        return int(self.code or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.place.cleanup()


class _NoErrors(urllib.request.HTTPErrorProcessor):
    """Answers of any status are answers."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response
