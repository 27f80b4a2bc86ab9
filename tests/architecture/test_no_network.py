"""The guard that keeps every test off the network, itself tested."""

from __future__ import annotations

import socket

import pytest


def test_a_connection_to_another_machine_is_refused() -> None:
    with socket.socket() as one, pytest.raises(PermissionError, match="192.0.2.1"):
        one.connect(("192.0.2.1", 9))


def test_the_guard_lets_connections_to_this_machine_pass() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed_port = free.getsockname()
    with socket.socket() as one, pytest.raises(OSError) as answer:  # refused by the system: nobody listens there
        one.connect(closed_port)
    assert not isinstance(answer.value, PermissionError)
