"""Builds the web application from its settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypedDict

import anyio
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from app import problems
from app.callers.sessions import Sessions
from app.context import REQUEST_THREADS, Context, ServerState, admission_of, keep_showing, warm_up
from app.middleware.access_log import RequestLog
from app.middleware.guard import guard, guarded, sessions_of, trust_proxies
from app.middleware.request_id import RequestId
from app.middleware.resources import ReleaseOnExit
from app.middleware.traces import telemetry
from app.openapi.document import describe_api
from app.request_threads import RequestThreads
from app.routes import (
    about,
    checkpoints,
    comparison,
    diagnostics,
    hub,
    identify,
    pages,
    reports,
    session,
)
from app.settings import Settings
from app.telemetry.memory import keep_giving_back
from app.telemetry.metrics import Metrics
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.uploads.disk_budget import DiskBudget
from stepzero_rnn.uploads.settings import open_store
from stepzero_rnn.version import __version__

DESCRIPTION = """
Recurrent networks as they stand at training step zero: a spec goes in, a checked checkpoint streams out.

A checkpoint is a pure function of its recipe: the same recipe always gives the same bytes, on every machine and device.
So **a URL is the checkpoint**: share it, resume it, cache it indefinitely.
"""


class State(TypedDict):
    """What the lifespan passes to requests."""

    context: Context


def create_app(settings: Settings) -> FastAPI:
    """Build the application; nothing runs until the server starts it."""
    metrics = Metrics()
    sessions = sessions_of(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        store = open_store(settings, DiskBudget(settings.max_incoming_bytes))
        await anyio.to_thread.run_sync(store.sweep)
        admission = admission_of(settings)
        with ThreadPool(settings.threads) as workers:
            context = Context(
                settings,
                Factory(
                    workers,
                    remembered_bytes=settings.max_cached_result_bytes,
                    kept_bytes=settings.max_cached_tensor_bytes,
                    store=store,
                ),
                store,
                Limits(
                    settings.max_checkpoint_bytes,
                    settings.max_working_bytes,
                    settings.max_multiply_adds,
                ),
                admission,
                server_state,
                RequestThreads(REQUEST_THREADS, max_wait_s=settings.max_wait_s),
                asyncio.create_task(warm_up(admission.budget)),
                metrics,
            )
            tasks = [asyncio.create_task(t) for t in (keep_showing(context), keep_giving_back())]
            yield {"context": context}
            for task in tasks:
                task.cancel()
            await context.checks.close()
            await asyncio.wait([context.warming])

    server_state = ServerState()
    api = FastAPI(
        title="Step Zero",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry=telemetry(),
    )
    problems.install(api)
    api.add_middleware(ReleaseOnExit)
    guard(api, settings, sessions)
    api.add_middleware(RequestId)
    trust_proxies(api, settings)
    api.state.server_state = server_state
    api.add_middleware(RequestLog, metrics=metrics)
    routers = _routers(settings, sessions)
    for router in routers:
        api.include_router(router)
    for router in routers:
        _answer_head(api, router)
    added = [route for route in api.routes if isinstance(route, Route)]
    api.state.routes = [
        *(route for router in routers for route in router.routes),
        *added,
    ]
    api.router.routes.append(pages.static(docs=settings.docs))
    describe_api(api, partial(guarded, settings=settings))
    return api


def _routers(settings: Settings, sessions: Sessions | None) -> tuple[APIRouter, ...]:
    """Return all routes; the first that matches answers."""
    return (
        reports.router,
        checkpoints.router,
        diagnostics.router,
        comparison.router,
        identify.router,
        about.about,
        session.session(sessions),
        about.health,
        pages.pages(docs=settings.docs),
        *([about.metrics] if settings.metrics else []),
        *([hub.router] if settings.hub else []),
    )


def _answer_head(api: FastAPI, router: APIRouter) -> None:
    """Add a HEAD route for every GET route without one; the server sends no body for it."""
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    by_method = {(method, route.path): route for route in routes for method in route.methods or ()}
    for (method, path), route in by_method.items():
        if method == "GET" and ("HEAD", path) not in by_method:
            api.add_api_route(
                path,
                route.endpoint,
                methods=["HEAD"],
                dependencies=route.dependencies,
                include_in_schema=False,
                response_class=route.response_class,
            )
