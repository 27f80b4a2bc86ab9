"""/api/v1: scores, feedback, and what the store holds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from isthmus.errors import InputTypeError
from isthmus.service import contract
from isthmus.service.guard import counted
from isthmus.service.refusals import Refusal, read_json
from isthmus.service.service import Service, once_of
from isthmus.service.store import reading

MOST_REASONS = 100
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
Most = Annotated[int, Query(ge=1, le=reading.MOST)]
Model = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
LISTS: dict[str, Callable[..., reading.Rows]] = {
    "thresholds": reading.known_thresholds,
    "alerts": reading.known_alerts,
    "verdicts": reading.known_feedback,
    "drift": reading.known_drift,
    "runs": reading.known_runs,
}


def router(service: Callable[[], Service], row: dict[str, Any], most_rows: int) -> APIRouter:
    """The routes.

    Args:
        service: Gives the running service.
        row: The schema of a row.
        most_rows: Of a request.
    """
    routes = APIRouter(prefix="/api/v1", responses=contract.FAULTS)

    @routes.post(
        "/scores",
        summary="Judge rows",
        responses={200: {"model": contract.Scores}, **contract.CONFLICT},
        openapi_extra=contract.scores_body(row, most_rows),
    )
    async def scores(request: Request, idempotency_key: Key = None) -> Response:
        """Judge rows, keep their scores, and answer when they are kept."""
        _check_type(request)
        text = await _scored(service(), await request.body(), idempotency_key, most_rows)
        return Response(text, media_type="application/json")

    @routes.post(
        "/feedback",
        status_code=201,
        summary="Say what an alarm was",
        responses={201: {"model": contract.FeedbackKept}, **contract.CONFLICT},
    )
    async def feedback(request: Request, said: contract.Feedback, idempotency_key: Key = None) -> Response:
        """Keep what a person says of a score."""
        text = await _said(service(), said, idempotency_key, await request.body())
        return Response(text, 201, media_type="application/json")

    @routes.get("/models", summary="Versions that were served")
    def models(most: Most = 100) -> contract.Listing:
        """Every version of every model that was served with this store."""
        return _listing(reading.known_models(service().store, most))

    for name, read in LISTS.items():
        routes.add_api_route(f"/{name}", _lister(service, name, read), summary=f"What the store holds: {name}")
    return routes


async def _scored(service: Service, body: bytes, key: str | None, most: int) -> str:
    """The answer to a request for scores, once they are kept."""
    rows, explain = asked(body)
    counted(len(rows) if isinstance(rows, list) else 0, most)
    served = service.served
    answer, record = await service.score(served, served.reader.from_json(rows), len(rows), explain)
    text = answer.text()
    return await service.keep(replace(record, once=once_of("scores", key, body, text))) or text


async def _said(service: Service, said: contract.Feedback, key: str | None, body: bytes) -> str:
    """The answer to feedback, once it is kept."""
    record = service.verdict(said.score_id, said.verdict, said.by, said.why, key, body)
    told = await service.keep(record)
    return told or json.dumps({"feedback_id": record.name, "score_id": record.score_id})


def asked(body: bytes) -> tuple[Any, int]:
    """The rows of a request for scores, and how many columns to name for each.

    Raises:
        InputTypeError: another structure.
    """
    told = read_json(body)
    if not isinstance(told, dict) or "rows" not in told or told.keys() - {"rows", "explain"}:
        came = f"a body with {sorted(map(str, told))[:5]}" if isinstance(told, dict) else "a body that is no object"
        raise InputTypeError(came, 'it is {"rows": [...]}, with "explain" or without', "see /docs")
    explain = told.get("explain", 0)
    if isinstance(explain, float) and explain.is_integer():
        explain = int(explain)
    if type(explain) is not int or not 0 <= explain <= MOST_REASONS:
        came = f"explain={str(explain)[:40]}"
        raise InputTypeError(came, f"it is a whole number from 0 to {MOST_REASONS}", "use 3")
    return told["rows"], explain


def _check_type(request: Request) -> None:
    """A page of another site cannot send JSON as JSON without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, f"a body of type {kind[:80]!r}", "it is application/json", "send that Content-Type")


def _lister(service: Callable[[], Service], name: str, read: Callable[..., reading.Rows]) -> Callable[..., Any]:
    """A route that lists a table of the store."""

    def listed(model: Model = None, most: Most = 100) -> contract.Listing:
        """The newest rows first, of one model or of all."""
        return _listing(read(service().store, model, most))

    listed.__name__ = name
    return listed


def _listing(rows: reading.Rows) -> contract.Listing:
    """Rows as JSON values, which know neither moments nor infinities."""
    return contract.Listing(rows=[{name: _plain(value) for name, value in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
