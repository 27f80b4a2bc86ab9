"""Alerts on their way to people: a file of JSON lines, an address that takes them, and no alert twice."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from isthmus.errors import DataFileError, ParameterError
from isthmus.tasks.drift.alerts import Alert, lines

SECONDS, TRIES = 10.0, 3


def unsent(alerts: Sequence[Alert], file: Path) -> list[Alert]:
    """Those that call somebody and that the file does not hold yet.

    Raises:
        DataFileError: a line of the file is no alert.
    """
    told = set(_names(file)) if file.is_file() else set()
    return [alert for alert in alerts if alert.raised and alert.name not in told]


def append(alerts: Sequence[Alert], file: Path) -> None:
    """Add alerts to a file, which is made where it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(lines(alerts))


def post(alerts: Sequence[Alert], address: str) -> None:
    """Send alerts to an address as one JSON object, {"alerts": [...]}; what was sent before is known by its name.

    Args:
        alerts: At least one.
        address: Of a web hook, http or https.

    Raises:
        ParameterError: another kind of address.
        DataFileError: it did not take them, three times.
    """
    if not address.startswith(("http://", "https://")):
        raise ParameterError(f"webhook={address!r}", "alerts are posted to an http or https address", "check it")
    body = json.dumps({"alerts": [alert.to_json() for alert in alerts]}).encode()
    key = "-".join(alert.name for alert in alerts[:4])
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310 - checked above
    for attempt in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310 - checked above
                return
        except (urllib.error.URLError, TimeoutError) as refused:
            if attempt == TRIES:
                fix = "the alerts are not marked as sent: run the watch again when it answers"
                raise DataFileError(f"{address}: {refused}", "it did not take the alerts", fix) from refused


def _names(file: Path) -> list[str]:
    """The names of the alerts that a file holds."""
    try:
        return [str(json.loads(line)["name"]) for line in file.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, KeyError, TypeError) as odd:
        raise DataFileError(f"{file}: {odd!r}", "it holds alerts, one JSON object a line", "name another file") from odd
