"""`isthmus serve`: a saved detector behind HTTP."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Group, Parameter

from isthmus.cli.output import PLAIN, Output
from isthmus.errors import MissingExtraError


@Parameter(name="*", group=Group("Limits", sort_key=1))
@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Args:
        most_mib: Of a body.
        most_rows: Of a request.
        seconds: In which a request is answered, or refused.
    """

    most_mib: int = 16
    most_rows: int = 100_000
    seconds: float = 30.0


@Parameter(name="*", group=Group("What is kept", sort_key=1))
@dataclass(frozen=True)
class Keeping:
    """What the store keeps.

    Args:
        database: Its URL, sqlite:///FILE or postgresql://...; without it ISTHMUS_DATABASE_URL, or isthmus.db here.
        keep: Share of the requests whose scores are kept; alarms all are.
        keep_rows: Whether rows are kept beside their scores.
        retain_days: After which scores and alarms are forgotten; 0 keeps them for good.
    """

    database: str | None = None
    keep: float = 1.0
    keep_rows: Literal["none", "alarms", "all"] = "alarms"
    retain_days: int = 0


def serve(
    detector: Path,
    /,
    *,
    name: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 1,
    device: str = "cpu",
    limits: Limits = Limits(),
    keeping: Keeping = Keeping(),
    output: Output = PLAIN,
) -> int:
    """Answer requests for scores: /api/v1, KServe's /v2 and MLflow's /invocations, until Ctrl-C or a TERM signal.

    What it answers stands at /docs. Scores, alarms and what people say of them go into the store before they are
    answered. Where ISTHMUS_TOKEN is set a request must carry it; an address that others reach asks for one.

    Args:
        detector: The folder of a saved detector.
        name: What it is called; without it the folder's name.
        host: The address to listen at.
        port: The port; 0 is any that is free.
        workers: Processes that answer.
        device: Where the detector works: "cpu", "cuda" or "mps".
        limits: What a request may ask for.
        keeping: What the store keeps.
        output: How to answer.
    """
    from isthmus.service.settings import MIB, Settings

    token = os.environ.get("ISTHMUS_TOKEN", "")
    bounds = (limits.most_mib * MIB, limits.most_rows, limits.seconds)
    kept = (keeping.keep, keeping.keep_rows, keeping.retain_days)
    place = (host, port, workers, token, keeping.database or "")
    settings = Settings(str(detector), name or "", *place, *bounds, *kept, device).check()
    try:
        from isthmus.service.run import serve as run
    except ImportError as missing:
        raise MissingExtraError.of("isthmus serve", str(missing.name), "serve") from missing

    def say(address: str) -> None:
        """Print where requests are answered."""
        print(json.dumps({"url": address}) if output.json else address, flush=True)

    return run(settings, say)
