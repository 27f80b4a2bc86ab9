"""A worker process: `python -m isthmus.service.worker FD` answers at a socket that its parent opened."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading


def main() -> int:
    """Read the settings from standard input, say on standard output that requests are answered, and answer them."""
    from isthmus.service.run import answer_at
    from isthmus.service.settings import Settings

    settings = Settings.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    listener = socket.socket(fileno=int(sys.argv[1]))
    return answer_at(settings, listener, lambda: print("up", flush=True))


def _end_with_parent() -> None:
    """Finish what was accepted and end, once nobody holds the other end of standard input."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
