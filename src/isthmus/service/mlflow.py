"""/invocations: the scoring protocol of MLflow's model server, in all of its shapes, and CSV."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

import isthmus
from isthmus.errors import InputError, InputTypeError
from isthmus.service.contract import MLflowFault, faults
from isthmus.service.guard import counted
from isthmus.service.refusals import Refusal, read_json
from isthmus.service.rows import RowReader
from isthmus.service.service import Service

SHAPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
ROWS = {"type": "array", "items": {}}
SPLIT = {"type": "object", "required": ["data"], "properties": {"columns": ROWS, "index": ROWS, "data": ROWS}}
FAULTS = faults(MLflowFault, 400)
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": dict.fromkeys(SHAPES[1:], ROWS) | {SHAPES[0]: SPLIT}}
            },
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


def router(service: Callable[[], Service], most_rows: int) -> APIRouter:
    """The routes.

    Args:
        service: Gives the running service.
        most_rows: Of a request.
    """
    routes = APIRouter()

    @routes.get("/ping", summary="Whether the service answers", response_class=PlainTextResponse)
    async def ping() -> str:
        """An empty line."""
        return "\n"

    @routes.get("/version", summary="Version of isthmus", response_class=PlainTextResponse)
    async def version() -> str:
        """The version."""
        return isthmus.__version__

    @routes.post("/invocations", summary="Judge rows as MLflow sends them", openapi_extra=BODY, responses=FAULTS)
    async def invocations(request: Request) -> Response:
        """Judge rows, keep their scores, and answer when they are kept."""
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        body, known = await request.body(), service()
        served = known.served
        rows = read(served.reader, kind, body, most_rows)
        answer = await known.judge_and_keep(served, rows, len(rows))
        content = json.dumps({**answer.head(), "predictions": answer.rows()}, allow_nan=False)
        return Response(content, media_type="application/json")

    return routes


def read(reader: RowReader, kind: str, body: bytes, most: int) -> Any:
    """Rows from a body of MLflow's protocol.

    Args:
        reader: The detector's.
        kind: The body's type.
        body: All of it.
        most: Rows at the most.

    Raises:
        Refusal: another type, or too many rows.
        InputError: rows that cannot be used; the subclass says why.
    """
    if kind == "text/csv":
        counted(body.count(b"\n") - 1, most)
        try:
            return reader.from_csv(body.decode())
        except UnicodeDecodeError as fault:
            raise InputError("CSV that is no UTF-8", "text is UTF-8", "encode it so") from fault
    if kind != "application/json":
        allowed = "it is application/json or text/csv"
        raise Refusal(415, f"a body of type {kind[:80]!r}", allowed, "send one of those")
    told = read_json(body)
    shapes = [name for name in SHAPES if isinstance(told, dict) and name in told]
    if len(shapes) != 1:
        came = f"a body with {shapes or 'none'} of {', '.join(SHAPES)}"
        raise InputTypeError(came, "it has one of them", 'send {"dataframe_split": {"columns": [...], "data": [...]}}')
    return _rows(reader, shapes[0], told[shapes[0]], most)


def _rows(reader: RowReader, shape: str, told: Any, most: int) -> Any:
    """Rows from one of the shapes."""
    if shape == "dataframe_split":
        told = _split(told)
    if isinstance(told, dict):  # a tensor for each column, or one that has them all
        if not all(isinstance(column, list) for column in told.values()):
            raise InputTypeError("inputs by name that are no lists", "each is a list", "write it so")
        return reader.from_tensors({str(name): _column(column) for name, column in told.items()})
    if isinstance(told, list):
        counted(len(told), most)
    return reader.from_json(told)


def _split(told: Any) -> Any:
    """Rows by column from columns and data."""
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, list):
        raise InputTypeError("dataframe_split without data", 'it is {"columns": [...], "data": [[...]]}', "send that")
    columns = told.get("columns")
    if columns is None:
        return data
    named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    if not named or not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        raise InputError("rows of another length than columns", "a row has a cell for each", "send equal lengths")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _column(cells: list[Any]) -> Any:
    """A named input as an array."""
    try:
        found = np.array(cells, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        found = np.empty(len(cells), dtype=object)
        found[:] = cells
    return found
