"""The socket that a server answers at."""

from __future__ import annotations

import asyncio
import socket

from isthmus.service.run import listening
from isthmus.service.settings import Settings


def test_answers_are_sent_at_once_and_wait_for_no_acknowledgement() -> None:
    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def met(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listening(Settings("pump", port=0))
        async with await asyncio.start_server(met, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            answer = await found
            writer.close()
        return answer

    assert asyncio.run(accepted()) != 0
