"""/v2: the KServe inference protocol, JSON and binary tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response

import isthmus
from isthmus.errors import InputError, UnknownNameError
from isthmus.service import contract
from isthmus.service.contract import faults
from isthmus.service.guard import counted
from isthmus.service.served import Served
from isthmus.service.service import Service
from isthmus.service.tensors import pack, parse, wanted_raw

HEAD = "Inference-Header-Content-Length"
OUTPUTS = {"anomaly_score": "FP64", "p_value": "FP64", "is_anomaly": "BOOL"}
EXTENSIONS = ["binary_tensor_data"]


def router(service: Callable[[], Service], most_rows: int) -> APIRouter:
    """The routes.

    Args:
        service: Gives the running service.
        most_rows: Of a request.
    """
    routes = APIRouter(prefix="/v2", responses=faults(contract.KServeFault, 400))

    @routes.get("", summary="The server")
    async def server() -> Any:
        """Name, version and extensions."""
        return {"name": "isthmus", "version": isthmus.__version__, "extensions": EXTENSIONS}

    @routes.get("/models/{name}", summary="What the model takes")
    @routes.get("/models/{name}/versions/{version}", include_in_schema=False)
    async def metadata(request: Request, name: str) -> Any:
        """Inputs and outputs."""
        return described(_called(service(), name, request))

    @routes.get("/models/{name}/ready", summary="Whether the model answers")
    @routes.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
    async def ready(request: Request, name: str) -> Any:
        """Whether it answers."""
        return {"name": _called(service(), name, request).name, "ready": service().is_ready}

    @routes.post("/models/{name}/infer", summary="Judge tensors", openapi_extra=BODY)
    @routes.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: str) -> Response:
        """Judge rows, keep their scores, and answer when they are kept."""
        return await _inferred(service(), _called(service(), name, request), request, most_rows)

    return routes


async def _inferred(service: Service, served: Served, request: Request, most_rows: int) -> Response:
    """The answer to an inference request, once its scores are kept."""
    body = await request.body()
    told, tensors = parse(body, _head(request), most_rows * max(1, int(np.prod(served.reader.shape))))
    raw = wanted_raw(told, list(OUTPUTS))
    n = counted(min(len(tensor) for tensor in tensors.values()), most_rows)
    answer = await service.judge_and_keep(served, served.reader.from_tensors(tensors), n)
    judged, head = answer.judged, answer.head()
    found = {"anomaly_score": judged.scores, "p_value": judged.p_values, "is_anomaly": judged.is_anomaly}
    parameters = {"score_id": answer.request, **{key: head[key] for key in ("threshold_version", "threshold")}}
    facts = {"model_name": served.name, "model_version": served.version, "parameters": parameters}
    facts |= {"id": told["id"]} if isinstance(told.get("id"), str) else {}
    content, length = pack(facts, {name: found[name] for name in raw}, raw)
    if not any(raw.values()):
        return Response(content, media_type="application/json")
    return Response(content, headers={HEAD: str(length)}, media_type="application/octet-stream")


def described(served: Served) -> dict[str, Any]:
    """A model's metadata."""
    reader = served.reader
    mixed = reader.is_frame and any(column.kind != "numeric" for column in reader.columns)
    kinds = {"numeric": "FP64", "boolean": "BOOL"}
    inputs = [{"name": "rows", "datatype": "FP64", "shape": [-1, *reader.shape]}]
    if mixed:
        inputs = [{"name": one.name, "datatype": kinds.get(one.kind, "BYTES"), "shape": [-1]} for one in reader.columns]
    outputs = [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in OUTPUTS.items()]
    facts = {"name": served.name, "versions": [served.version], "platform": "isthmus"}
    return {**facts, "inputs": inputs, "outputs": outputs}


def _called(service: Service, name: str, request: Request) -> Served:
    """The model of this name, and of the version that the path may say; both are compared and never made into a path.

    Raises:
        UnknownNameError: there is none.
    """
    served, version = service.served, request.path_params.get("version")
    if name != served.name:
        raise UnknownNameError.among("model", name[:80], [served.name])
    if version is not None and version != served.version:
        raise UnknownNameError.among("version", version[:80], [served.version])
    return served


def _head(request: Request) -> int | None:
    """The length of the JSON, if tensors follow it."""
    told = request.headers.get(HEAD)
    if told is None:
        return None
    if not (told.isascii() and told.isdigit() and len(told) < 12):
        raise InputError(f"{HEAD}: {told[:40]!r}", "it counts the bytes of the JSON", "send a whole number")
    return int(told)


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "inputs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name", "shape", "datatype"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "shape": {"type": "array", "items": {"type": "integer"}},
                                    "datatype": {"type": "string"},
                                    "data": {"type": "array"},
                                    "parameters": {"type": "object"},
                                },
                            },
                        },
                    },
                }
            }
        },
    }
}
