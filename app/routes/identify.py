"""The route that says which initialization uploaded arrays are."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from app.context import CurrentContext
from app.disconnects import run_watched
from app.middleware.resources import acquired_meanwhile
from app.openapi import identify as docs
from app.request.body import NoQuery
from app.request.identify import received_arrays
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.identification.result import Identified
from stepzero_rnn.pipeline.costs import cost_of_identifying

router = APIRouter(prefix="/v1", tags=["identification"])
_IDENTIFIED = TypeAdapter(Identified)


@router.post("/identify", response_model=Identified, dependencies=[NoQuery], **docs.POST_IDENTIFY)
async def identify_arrays(request: Request, context: CurrentContext) -> Response:
    """Return which laws of the catalogue fit every gate of a checkpoint, and the recipe that draws
    networks like it.

    The network's kind and sizes are inferred from the arrays, which are not stored. A file that
    carries its recipe is compared with its redraw, bit for bit.
    """
    await context.wait_until_ready()
    stop = Stop()
    async with received_arrays(request, context) as (given, incoming):

        def work() -> bytes:
            found = context.factory.identify(given, incoming, context.limits, stop)
            return _IDENTIFIED.dump_json(under(found, request.scope.get("root_path", "")))

        async with acquired_meanwhile(request, context, cost_of_identifying()):
            answer = await run_watched(request.receive, context.threads, stop, work)
    return Response(answer, media_type="application/json")


def under(found: Identified, prefix: str) -> Identified:
    """Return a result whose links begin with the path at which the service is served."""
    if not prefix:
        return found
    nearest, redraw = found.nearest, found.redraw
    return replace(
        found,
        nearest=nearest and replace(nearest, url=f"{prefix}{nearest.url}"),
        redraw=redraw and replace(redraw, url=f"{prefix}{redraw.url}"),
    )
