"""Running the service: one process, or a parent with workers that listen at one socket."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import uvicorn

from isthmus.errors import UsageError
from isthmus.service.app import open_app
from isthmus.service.metrics import SHARED
from isthmus.service.settings import Settings
from isthmus.service.store.engine import connect, migrate, usual_url

BACKLOG = 2048
TICK = 0.2  # seconds between looks at the workers
LOG = logging.getLogger("isthmus.service")


def serve(settings: Settings, say: Callable[[str], None]) -> int:
    """Answer requests until a signal ends it; what was accepted is finished first.

    Args:
        settings: How.
        say: Told the address, once requests are answered there.

    Returns:
        The exit code.

    Raises:
        IsthmusError: the detector cannot be read, the store not be reached, or the address not be had.
    """
    settings.check()
    with listening(settings) as listener:
        host, port = listener.getsockname()[:2]
        told = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if settings.workers > 1:
            return _with_workers(replace(settings, port=port), listener, lambda: say(told))
        return answer_at(settings, listener, lambda: say(told))


def listening(settings: Settings) -> socket.socket:
    """A socket at the settings' address.

    Raises:
        UsageError: it cannot be had.
    """
    kind = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named TCP, for asyncio sends at once (TCP_NODELAY) only on what is: else each answer waits some 40 ms for an ACK.
    listener = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as taken:
        listener.close()
        came = f"--host {settings.host} --port {settings.port}"
        raise UsageError(
            came, f"the address cannot be had ({taken.strerror})", "use --port 0 for a free one"
        ) from taken
    listener.listen(BACKLOG)
    return listener


def answer_at(settings: Settings, listener: socket.socket, is_up: Callable[[], None]) -> int:
    """Answer requests at a socket in this process.

    Args:
        settings: How.
        listener: Where.
        is_up: Called when requests are answered.
    """
    app = open_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=int(settings.seconds) + 1,
        server_header=False,
    )
    server = _Server(config, is_up)
    server.run(sockets=[listener])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Says when it is up; a signal that it was ended by is carried out, and not raised once more."""

    def __init__(self, config: uvicorn.Config, is_up: Callable[[], None]) -> None:
        super().__init__(config)
        self.is_up = is_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.is_up()

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


def _with_workers(settings: Settings, listener: socket.socket, is_up: Callable[[], None]) -> int:
    """Keep as many workers alive as the settings say, until a signal ends all of them."""
    engine = connect(settings.database or usual_url())
    migrate(engine)
    engine.dispose()
    ending = list[int]()
    earlier = {number: signal.signal(number, lambda number, _: ending.append(number)) for number in ENDING}
    try:
        with tempfile.TemporaryDirectory(prefix="isthmus-metrics-") as counts:
            return _watch(settings, listener, counts, ending, is_up)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


ENDING = (signal.SIGINT, signal.SIGTERM)


def _watch(
    settings: Settings, listener: socket.socket, counts: str, ending: list[int], is_up: Callable[[], None]
) -> int:
    """Start workers, and start another one where one dies."""
    workers = [_started(settings, listener, counts) for _ in range(settings.workers)]
    if not all(_is_up(worker) for worker in workers):
        _end(workers)
        return 1
    is_up()
    while not ending:
        time.sleep(TICK)
        for place, worker in enumerate(workers):
            if worker.poll() is not None and not ending:
                _gone(worker.pid, counts)
                LOG.warning("a worker ended with %s; another one takes its place", worker.returncode)
                workers[place] = _started(settings, listener, counts)
    return _end(workers)


def _started(settings: Settings, listener: socket.socket, counts: str) -> subprocess.Popen[str]:
    """A worker, which is told what to do on its standard input and says on its output that it is up."""
    words = [sys.executable, "-m", "isthmus.service.worker", str(listener.fileno())]
    environment = {**os.environ, SHARED: counts}
    worker = subprocess.Popen(  # noqa: S603
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        pass_fds=[listener.fileno()],
        start_new_session=True,
    )
    if worker.stdin is not None:  # it stays open: where the parent dies it ends, and the worker with it
        worker.stdin.write(settings.to_json() + "\n")
        worker.stdin.flush()
    return worker


def _is_up(worker: subprocess.Popen[str]) -> bool:
    """Whether a worker answers; waits until it says so or ends."""
    return worker.stdout is not None and bool(worker.stdout.readline().strip())


def _end(workers: list[subprocess.Popen[str]]) -> int:
    """Let each finish what it accepted; 0 where all did. One that was not up yet had accepted nothing."""
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    return int(any(worker.wait() not in (0, -signal.SIGTERM) for worker in workers))


def _gone(worker: int, counts: str) -> None:
    """Take a dead worker's gauges out of the counts."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker, counts)  # type: ignore[no-untyped-call]
