"""What the service refuses by itself, and how every refusal is said: by status, and in the words of each protocol."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from isthmus.errors import ConflictError, InputTypeError, IsthmusError, StoreError, UnknownNameError

UNUSABLE, UNKNOWN, CONFLICT, TOO_LARGE, BUSY, FAILED = 422, 404, 409, 413, 503, 500
KSERVE, MLFLOW = "/v2", "/invocations"


class Refusal(IsthmusError):
    """A request that is not carried out, whatever its rows are: too large, too late, not allowed.

    Args:
        status: Of the answer.
        came: What came.
        allowed: What is allowed, and why.
        fix: What to do now.
    """

    def __init__(self, status: int, came: str, allowed: str, fix: str) -> None:
        super().__init__(came, allowed, fix)
        self.status = status


def status_of(fault: Exception, path: str = "") -> int:
    """The status that an error is answered with; both foreign protocols know 400 where ours says 422.

    Args:
        fault: What was raised.
        path: Where it was asked.

    Example:
        >>> from isthmus.errors import InputError
        >>> fault = InputError("rows=[]", "one row at least", "send some")
        >>> status_of(fault, "/api/v1/scores"), status_of(fault, "/v2/models/pump/infer")
        (422, 400)
    """
    if isinstance(fault, Refusal):
        return fault.status
    kinds = ((UnknownNameError, UNKNOWN), (ConflictError, CONFLICT), (StoreError, BUSY))
    for kind, status in kinds:
        if isinstance(fault, kind):
            return status
    if not isinstance(fault, IsthmusError):
        return FAILED
    return 400 if path.startswith((KSERVE, MLFLOW)) else UNUSABLE


def said(fault: Exception, path: str = "") -> dict[str, Any]:
    """An error as the protocol of the path says it; nothing is told of one that nobody foresaw.

    Args:
        fault: What was raised.
        path: Where it was asked.
    """
    if not isinstance(fault, IsthmusError):
        fix = "tell who runs the service: its log has more"
        fault = Refusal(FAILED, "this request", "something failed that nobody foresaw", fix)
    if path.startswith(KSERVE):
        return {"error": str(fault)}
    if path.startswith(MLFLOW):
        code = "INTERNAL_ERROR" if status_of(fault) >= FAILED else "BAD_REQUEST"
        return {"error_code": code, "message": str(fault)}
    return fault.as_dict()


def answer(fault: Exception, path: str = "") -> Response:
    """The whole answer to a request that failed."""
    status = status_of(fault, path)
    headers = {"Retry-After": "1"} if status == BUSY else {}
    headers |= {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    content = json.dumps(said(fault, path)).encode()
    return Response(content, status, headers, media_type="application/json")


def read_json(body: bytes) -> Any:
    """A body as JSON.

    Raises:
        InputTypeError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise InputTypeError("a body that is no JSON", "the body is one JSON value in UTF-8", "see /docs") from fault
