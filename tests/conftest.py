"""What every test stands on: no network, real data where it lies, property tests without a clock."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

LOCAL = {"127.0.0.1", "::1", "localhost"}
DATA = Path(os.environ.get("ISTHMUS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

# A shared or slow machine is no failure of a property, and a failure must come again at the next run.
hypothesis.settings.register_profile("isthmus", deadline=None, derandomize=True)
hypothesis.settings.load_profile("isthmus")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise PermissionError(f"a test tried to reach {address[0]}; tests use no network")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, named by ISTHMUS_DATA or `shared/data` beside the checkout; skips without it."""
    if not DATA.is_dir():
        pytest.skip("no folder of real data: neither ISTHMUS_DATA nor shared/data beside the checkout")
    return DATA
