"""What stands before every route: who may ask, how large a body may be, how long an answer may take, and the counts."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.service.metrics import Metrics
from isthmus.service.refusals import BUSY, TOO_LARGE, Refusal, answer
from isthmus.service.settings import Settings

OPEN = ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/ping")
"""Asked by machines that know no token, and told nothing but yes or no."""

LOG = logging.getLogger("isthmus.service")


class Guard:
    """An application behind its rules.

    Args:
        app: The application.
        settings: The rules.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, statuses = time.perf_counter(), list[int]()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        self.metrics.busy.inc()
        try:
            await self._answer(scope, receive, watched, statuses)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.busy.dec()
            self.metrics.requests.labels(route, str(statuses[0] if statuses else 0)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, statuses: list[int]) -> None:
        """Let the application answer in time, or say why it does not."""
        try:
            async with asyncio.timeout(self.settings.seconds):
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
                self._check(scope["path"], headers)
                await self.app(scope, self._limited(receive, headers), send)
                return
        except TimeoutError:
            allowed = f"a request is answered within {self.settings.seconds:g} s, or not at all"
            fault: Exception = Refusal(BUSY, "a request that took too long", allowed, "send fewer rows, or try later")
        except Refusal as refused:
            fault = refused
        except Exception as unforeseen:  # its text may tell what is nobody's business
            LOG.exception("a request failed")
            fault = unforeseen
        if not statuses:
            await answer(fault, scope["path"])(scope, receive, send)

    def _check(self, path: str, headers: Mapping[str, str]) -> None:
        """Refuse who may not ask, and what is too large."""
        if self.settings.token and path not in OPEN and not self._knows(headers.get("authorization", "")):
            allowed = "the service asks for a bearer token"
            raise Refusal(401, "a request without the right token", allowed, "send Authorization: Bearer TOKEN")
        self._check_origin(headers)
        if headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "a compressed body", "bodies come as they are", "leave Content-Encoding out")
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.settings.most_bytes:
            raise self._too_large()

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        """Refuse pages of other sites, which a browser on this machine would let ask where no token is."""
        host, origin = headers.get("host", ""), headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2] != host
        if foreign or (self.settings.is_local and not self.settings.token and not _is_local(host)):
            allowed = "pages of other sites may not ask, nor names that are not this machine's"
            raise Refusal(403, "a request from elsewhere", allowed, "ask the address that the service listens at")

    def _knows(self, header: str) -> bool:
        """Whether it is the token; what it takes to find out does not depend on how much of it is right."""
        kind, _, given = header.partition(" ")
        pair = [hashlib.sha256(text.encode()).digest() for text in (given, self.settings.token)]
        return hmac.compare_digest(*pair) and kind.lower() == "bearer"

    def _limited(self, receive: Receive, headers: Mapping[str, str]) -> Receive:
        """A body that ends with a refusal where it becomes too large."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.settings.most_bytes:
                raise self._too_large()
            return message

        return limited

    def _too_large(self) -> Refusal:
        most = self.settings.most_bytes
        return Refusal(TOO_LARGE, f"a body of more than {most} bytes", f"{most} are taken", "send fewer rows at once")


def _is_local(host: str) -> bool:
    """Whether a Host header names this machine.

    Example:
        >>> _is_local("localhost:80"), _is_local("[::1]:80"), _is_local("evil.example")
        (True, True, False)
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def counted(value: Any, most: int) -> int:
    """A count of rows that may come in one request.

    Raises:
        Refusal: there are more.
    """
    if value > most:
        raise Refusal(TOO_LARGE, f"{value} rows", f"{most} are taken at once", "send them in parts")
    return int(value)
