"""The least that a server on the same frameworks does: it reads a body and sends it back."""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

APP = FastAPI()


@APP.post("/echo")
async def echo(request: Request) -> Response:
    """The body."""
    return Response(await request.body(), media_type="application/octet-stream")


if __name__ == "__main__":
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sends at once then
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(APP, log_level="warning", access_log=False)
    sys.exit(uvicorn.Server(config).run(sockets=[listener]))
