"""Many clients at once, each on a connection of its own, asking again as soon as they are answered."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Request:
    """What a client sends.

    Args:
        path: Where to.
        body: What.
        headers: Beside length and host.
    """

    path: str
    body: bytes
    headers: tuple[str, ...] = ("Content-Type: application/json",)

    def bytes(self, host: str) -> bytes:
        """It all, as it goes over the wire."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(self.body)}", *self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Server:
    """A process that prints its address when it answers, and is ended by its own number.

    Args:
        words: The command.
    """

    def __init__(self, words: Sequence[str], **environment: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip().removeprefix("http://")
        assert self.address, "the server did not start"

    def ask(self, request: Request, clients: int, seconds: float) -> NDArray[np.float64]:
        """Seconds of each answer that so many clients got in so many seconds."""
        return asyncio.run(_ask(self.address, request.bytes(self.address), clients, seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait()


async def _ask(address: str, request: bytes, clients: int, seconds: float) -> NDArray[np.float64]:
    """All clients' times."""
    found = await asyncio.gather(*(_client(address, request, seconds) for _ in range(clients)))
    return np.concatenate(found)


async def _client(address: str, request: bytes, seconds: float) -> list[float]:
    """One client's times."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**24)
    times, end = list[float](), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        writer.write(request)
        await _answer(reader)
        times.append(time.perf_counter() - start)
    writer.close()
    return times


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One answer's body, which must be a good one."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 20"), head[:200]
    length = int(head.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])  # another header ends with these words
    return await reader.readexactly(length)


def python(*words: Any) -> list[str]:
    """A command of this Python."""
    return [sys.executable, *map(str, words)]
