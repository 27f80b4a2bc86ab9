"""What a service is told: which detector, where, who may ask, how much, and what is kept."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass
from typing import Self

from isthmus.errors import ParameterError, UsageError

KEPT_ROWS = ("none", "alarms", "all")
MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """How a detector is served.

    Args:
        detector: Its folder.
        name: What it is called; "" is the folder's name.
        host: The address to listen at; another than this machine's own needs a token.
        port: The port; 0 is any that is free.
        workers: Processes that answer.
        token: What who asks must know; "" asks for nothing.
        database: The store's URL; "" is what ISTHMUS_DATABASE_URL says, or a SQLite file in the working folder.
        most_bytes: Of a request's body.
        most_rows: Of a request.
        seconds: In which a request is answered, or refused.
        keep: Share of the requests whose scores are kept, alarms aside, which all are.
        keep_rows: Whether rows are kept beside scores: those of "alarms", "all" or "none".
        retain_days: After which scores and alarms are forgotten; 0 keeps them for good.
        device: Where the detector works.

    Example:
        >>> Settings("pump").is_local, Settings("pump", host="0.0.0.0", token="s").is_local
        (True, False)
    """

    detector: str
    name: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    token: str = ""
    database: str = ""
    most_bytes: int = 16 * MIB
    most_rows: int = 100_000
    seconds: float = 30.0
    keep: float = 1.0
    keep_rows: str = "alarms"
    retain_days: int = 0
    device: str = "cpu"

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def check(self) -> Self:
        """Refuse settings outside their domains.

        Raises:
            ParameterError: one of them is.
            UsageError: an address that others reach, and no token.
        """
        if not self.is_local and not self.token:
            came, allowed = f"--host {self.host} without a token", "others reach that address"
            raise UsageError(came, allowed, "set ISTHMUS_TOKEN to a long random text, or leave --host out")
        if self.keep_rows not in KEPT_ROWS:
            raise ParameterError(f"keep_rows={self.keep_rows!r}", f"it is {', '.join(KEPT_ROWS)}", "use 'alarms'")
        least = {"port": 0, "workers": 1, "most_bytes": 1, "most_rows": 1, "seconds": 0.001, "retain_days": 0}
        low = [name for name, least in least.items() if getattr(self, name) < least]
        if low or not 0 <= self.keep <= 1 or self.port > 65535:
            name = low[0] if low else "port" if self.port > 65535 else "keep"
            allowed = "keep is a share from 0 to 1, a port is below 65536, and there is a least of all else"
            raise ParameterError(f"{name}={getattr(self, name)!r}", allowed, "see isthmus serve --help")
        return self

    def to_json(self) -> str:
        """All of it, for a worker."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(text))
