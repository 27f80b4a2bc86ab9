"""The application: routes of three protocols around one service, behind the guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

import isthmus
from isthmus.errors import IsthmusError, StoreError
from isthmus.service import api, kserve, mlflow
from isthmus.service.guard import Guard
from isthmus.service.metrics import Metrics, drift_metrics
from isthmus.service.page import docs_page
from isthmus.service.refusals import BUSY, KSERVE, Refusal, answer
from isthmus.service.service import DAY, Service
from isthmus.service.settings import Settings

TICK = 1.0  # seconds between looks at which version serves


def build(service: Service) -> FastAPI:
    """The application of a service, which it closes when it ends.

    Args:
        service: Ready to answer.
    """
    settings, metrics = service.settings, service.metrics

    @asynccontextmanager
    async def lives(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_forget_daily(service))] if settings.retain_days else []
        tasks += [asyncio.create_task(_follow(service, follow))] if service.served.release else []
        yield
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(service.close)

    def follow() -> None:
        """Say of rows what the detector says that serves now."""
        row.clear()
        row.update(service.served.reader.schema())
        app.openapi_schema = None

    title = f"isthmus: {service.served.name}"
    app = FastAPI(title=title, version=isthmus.__version__, lifespan=lives, docs_url=None, redoc_url=None)
    for kind in (IsthmusError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _refuse)
    row = service.served.reader.schema()
    app.include_router(api.router(lambda: service, row, settings.most_rows))
    app.include_router(kserve.router(lambda: service, settings.most_rows), tags=["KServe"])
    app.include_router(mlflow.router(lambda: service, settings.most_rows), tags=["MLflow"])
    _watch(app, service)
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    return app


def open_app(settings: Settings) -> FastAPI:
    """The application for these settings.

    Raises:
        IsthmusError: the detector cannot be read, or the store not be reached.
    """
    return build(Service.open(settings.check(), Metrics()))


def _watch(app: FastAPI, service: Service) -> None:
    """Routes for those who watch over the service, and for those who read about it."""

    @app.get("/health/live", summary="Whether the process lives")
    @app.get("/v2/health/live", include_in_schema=False)
    async def live() -> Any:
        """It does."""
        return {"live": True}

    @app.get(
        "/health/ready", summary="Whether requests are answered", responses={503: {"description": "They are not."}}
    )
    @app.get("/v2/health/ready", include_in_schema=False)
    def ready() -> Response:
        """Whether the detector is there and the store answers."""
        fine = service.is_ready and service.store.is_there()
        return JSONResponse({"ready": fine}, 200 if fine else BUSY)

    @app.get("/metrics", summary="Counts for Prometheus", response_class=Response)
    def metrics() -> Response:
        """All counts, over all workers, and what the last watch found."""
        told = service.metrics.text() + drift_metrics(service.store, service.served.name)
        return Response(told, media_type="text/plain; version=0.0.4")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        """The page about all routes."""
        return HTMLResponse(docs_page(app.openapi()))


async def _refuse(request: Request, fault: Exception) -> Response:
    """The answer to a request that failed in a way that was foreseen."""
    path = request.url.path
    if isinstance(fault, HTTPException) and fault.status_code == 400:  # FastAPI's for bytes that are no text
        return answer(Refusal(422, "a body that is no text in UTF-8", "it is JSON", "encode it so"), path)
    if isinstance(fault, HTTPException):
        came, fix = f"{request.method} {path[:200]}", "see /docs"
        response = answer(Refusal(fault.status_code, came, str(fault.detail).lower(), fix), path)
        response.headers.update(fault.headers or {})
        return response
    if isinstance(fault, RequestValidationError):
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        status = 400 if path.startswith(KSERVE) else 422
        return answer(Refusal(status, f"{place[:200]}", str(first["msg"]), "see /docs"), path)
    return answer(fault, path)


async def _follow(service: Service, changed: Callable[[], None]) -> None:
    """Look every second whether another version was promoted, and take it up."""
    while True:
        await asyncio.sleep(TICK)
        with suppress(StoreError, OSError, ValueError):  # it may be there, and readable, in a second
            if await asyncio.to_thread(service.follow):
                changed()


async def _forget_daily(service: Service) -> None:
    """Forget what is too old, once a day."""
    while True:
        with suppress(IsthmusError):
            await asyncio.to_thread(service.forget_old)
        await asyncio.sleep(DAY)
