"""The routes about the service itself: schemes, devices, versions, health."""

from __future__ import annotations

from functools import cache

import numpy
import torch
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

import stepzero_rnn
from app.context import CurrentContext
from app.problems import problems
from app.request.body import NoQuery
from app.routes.models import Catalogue, Device, DeviceList, Health, Live, Ready, Server, Versions
from app.telemetry.metrics import MEDIA_TYPE
from stepzero_rnn.engine.devices import devices
from stepzero_rnn.errors import DeviceFailed, EngineFailed, InternalError, InvalidSpec, NotReady
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.spec.catalogue import catalogue

metrics = APIRouter(tags=["health"], responses=problems(InternalError))
inference = APIRouter(prefix="/v2", tags=["health"], responses=problems(InternalError))
health = APIRouter(prefix="/healthz", tags=["health"], responses=problems(InternalError))
about = APIRouter(
    prefix="/v1",
    tags=["about"],
    dependencies=[NoQuery],
    responses=problems(InvalidSpec, InternalError),
)


@about.get("/initializers", summary="List the init schemes and presets", response_model=Catalogue)
async def list_initializers() -> Response:
    """List every init scheme with its formula, source and fields, from the table that draws, and
    every preset with its parts.
    """
    return Response(_initializers(), media_type="application/json")


@cache
def _initializers() -> bytes:
    return Catalogue.model_validate(catalogue()).model_dump_json().encode()


@about.get("/devices", summary="List the devices", responses=problems(DeviceFailed))
async def list_devices() -> DeviceList:
    """List the devices of this server."""
    return DeviceList(devices=[Device(**devices.describe(name)) for name in devices.available()])  # type: ignore[arg-type]


@about.get("", summary="Name the versions")
async def show_versions() -> Versions:
    """Name the versions that answer here."""
    return Versions(
        release=stepzero_rnn.__version__,
        stream_versions=[STREAM_VERSION],
        torch=torch.__version__,
        numpy=numpy.__version__,
        formats=list(FORMATS),
        devices=devices.available(),
    )


@health.get("/live", summary="Is the process alive?")
async def show_live() -> Health:
    """Answer as long as the process runs."""
    return Health(status="live")


@health.get(
    "/ready",
    summary="Would a request be served at once?",
    responses=problems(NotReady, EngineFailed),
)
async def show_ready(context: CurrentContext) -> Health:
    """Answer 200 while a request would be served at once.

    503 until the kernels are compiled and draw what they should (for ever if they do not), while
    the server stops, and while requests have waited for room as long as they may.
    """
    if context.warming.done():
        await context.wait_until_ready()
    if context.not_ready_reason:
        raise NotReady(reason=context.not_ready_reason, retry_after_s=1)
    return Health(status="ready")


@inference.get("/health/live", summary="Is the process alive, as KServe asks")
async def show_live_to_kserve() -> Live:
    """Answer as long as the process runs."""
    return Live(live=True)


@inference.get(
    "/health/ready",
    summary="Would a request be served at once, as KServe asks",
    responses=problems(NotReady, EngineFailed),
)
async def show_ready_to_kserve(context: CurrentContext) -> Ready:
    """Answer as `/healthz/ready` does, in the words of the Open Inference Protocol."""
    await show_ready(context)
    return Ready(ready=True)


@inference.get("", summary="Name the server, as KServe asks")
async def show_server() -> Server:
    """Name the server; it has no extension of the Open Inference Protocol, and no model to infer
    from.
    """
    return Server(name="stepzero", version=stepzero_rnn.__version__, extensions=[])


@metrics.get(
    "/metrics",
    summary="Count what was done",
    response_class=PlainTextResponse,
)
async def show_metrics(context: CurrentContext) -> Response:
    """Return all counters of this server, of all its processes, in Prometheus' text format."""
    context.metrics.show(context.load, ready=context.ready)
    return Response(context.metrics.render(), media_type=MEDIA_TYPE)
