"""`isthmus serve` in a process of its own, on a free port of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.cli.command import command_line


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
        environment: Variables beside this process's own.
    """

    def __init__(self, folder: Path, *words: object, **environment: str) -> None:
        command = command_line(["serve", folder, "--port", "0", *words])
        settings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self.errors = list[str]()
        stderr = self.process.stderr
        self.reader = threading.Thread(target=lambda: self.errors.extend(stderr), daemon=True)
        self.reader.start()
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self.stop()
            raise RuntimeError("".join(self.errors))

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
            return Told(answer.status, answer.read(), dict(answer.headers))

    def kill(self) -> None:
        """End it as a crash would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join(5)

    def stop(self) -> int:
        """End it as a system that shuts down would; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(60)
        self.reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _NoErrors(urllib.request.HTTPErrorProcessor):
    """Answers of any status are answers."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response
