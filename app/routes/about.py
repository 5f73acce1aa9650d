"""Routes about the service: schemes, devices, versions, health, metrics."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy
import torch
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from app.accept import prefers
from app.context import CurrentContext
from app.html.frame import CONTENT_SECURITY_POLICY, home_of
from app.html.initializers import initializers_page
from app.openapi import about as docs
from app.problems import problems
from app.request.body import NoQuery
from app.routes.models import Catalogue, Device, DeviceList, Health, Versions
from app.telemetry.metrics import MEDIA_TYPE
from stepzero_rnn.engine.devices import devices
from stepzero_rnn.errors import DeviceFailed, EngineFailed, InternalError, InvalidSpec, NotReady
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.spec.catalogue import catalogue
from stepzero_rnn.version import __version__

metrics = APIRouter(tags=["health"], responses=problems(InternalError))
health = APIRouter(prefix="/healthz", tags=["health"], responses=problems(InternalError))
about = APIRouter(
    prefix="/v1",
    tags=["about"],
    dependencies=[NoQuery],
    responses=problems(InvalidSpec, InternalError),
)


@about.get("/initializers", response_model=Catalogue, **docs.LIST_INITIALIZERS)
async def list_initializers(request: Request) -> Response:
    """List all init schemes with formula, source and options, and all presets with their parts.

    A browser gets them as a page.
    """
    headers = {"Vary": "Accept"}
    if prefers(request.headers.get("accept"), "text/html", "application/json"):
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return HTMLResponse(_initializers_page(home_of(request.scope)), headers=headers)
    return Response(_initializers(), media_type="application/json", headers=headers)


@cache
def _initializers() -> bytes:
    return Catalogue.model_validate(catalogue()).model_dump_json().encode()


@lru_cache(maxsize=4)
def _initializers_page(home: str) -> bytes:
    return initializers_page(catalogue(), home=home)


@about.get("/devices", summary="List the devices", responses=problems(DeviceFailed))
async def list_devices() -> DeviceList:
    """List the devices that can draw and check networks; `auto` uses the first."""
    return DeviceList(devices=[Device(**devices.describe(name)) for name in devices.available()])  # type: ignore[arg-type]


@about.get("", summary="See the versions")
async def show_versions() -> Versions:
    """Return the versions of the service, its random streams and the libraries it uses."""
    return Versions(
        release=__version__,
        stream_versions=[STREAM_VERSION],
        torch=torch.__version__,
        numpy=numpy.__version__,
        formats=list(FORMATS),
        devices=devices.available(),
    )


@health.get("/live", summary="Is the process alive?")
async def show_live() -> Health:
    """Return 200 as long as the process runs."""
    return Health(status="live")


@health.get(
    "/ready",
    summary="Does the server accept requests?",
    responses=problems(NotReady, EngineFailed),
)
async def show_ready(context: CurrentContext) -> Health:
    """Return 200 while the server accepts requests, and 503 otherwise.

    The server is not ready until its kernels are compiled and verified, while its queue is
    saturated, and while it is shutting down. If verification fails, it never becomes ready.
    """
    if context.warming.done():
        await context.wait_until_ready()
    if context.not_ready_reason:
        raise NotReady(reason=context.not_ready_reason, retry_after_s=1)
    return Health(status="ready")


@metrics.get(
    "/metrics",
    summary="Get Prometheus metrics",
    response_class=PlainTextResponse,
)
async def show_metrics(context: CurrentContext) -> Response:
    """Return the metrics of all server processes in the Prometheus text format."""
    context.metrics.show(context.load, ready=context.ready)
    return Response(context.metrics.render(), media_type=MEDIA_TYPE)
