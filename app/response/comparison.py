"""Answers requests about several starts: planned, admitted together, measured on one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from fastapi import Request, Response
from pydantic import TypeAdapter

from app.accept import prefers
from app.context import Context
from app.request.comparison import PlannedStarts, planned_starts
from app.response.delivery import Delivery
from stepzero_rnn.comparison import measuring
from stepzero_rnn.comparison.csv_text import as_csv
from stepzero_rnn.comparison.requests import ComparisonRequest, RecommendationRequest
from stepzero_rnn.comparison.results import Comparison, Recommendation, Row
from stepzero_rnn.comparison.starts import candidates_of, starts_of
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.pipeline.costs import cost_of_measuring

JSON, CSV = "application/json", "text/csv"
_COMPARISON, _RECOMMENDATION = TypeAdapter(Comparison), TypeAdapter(Recommendation)
Measured = TypeVar("Measured", bound=Row)


async def send_comparison(request: Request, context: Context, asked: ComparisonRequest) -> Response:
    """Answer with starts side by side, as JSON or CSV."""
    await context.wait_until_ready()
    planned = await planned_starts(request, context, asked, starts_of)
    is_csv = asked.format == "csv" or (
        asked.format is None and prefers(request.headers.get("accept"), CSV, JSON)
    )

    def measure(stop: Stop) -> bytes:
        found = measuring.compare(context.factory, asked, planned.starts, stop)
        found = replace(found, rows=under(request, found.rows))
        return as_csv(found).encode() if is_csv else _COMPARISON.dump_json(found)

    body = await _measured(request, context, planned, measure)
    headers = {"Vary": "Accept"}
    return Response(body, headers=headers, media_type=f"{CSV}; header=present" if is_csv else JSON)


async def send_recommendation(
    request: Request, context: Context, asked: RecommendationRequest
) -> Response:
    """Answer with the candidates in order."""
    await context.wait_until_ready()
    planned = await planned_starts(request, context, asked, candidates_of)

    def measure(stop: Stop) -> bytes:
        found = measuring.recommend(context.factory, asked, planned.starts, stop)
        found = replace(found, candidates=under(request, found.candidates))
        return _RECOMMENDATION.dump_json(found)

    return Response(await _measured(request, context, planned, measure), media_type=JSON)


async def _measured(
    request: Request,
    context: Context,
    planned: PlannedStarts,
    measure: Callable[[Stop], bytes],
) -> bytes:
    """Measure in one slot; stop if the client disconnects."""
    delivery = Delivery(request, context, planned.job)
    delivery.record()
    await delivery.admitted(cost_of_measuring(planned.cost, planned.job, delivery.device))
    return await delivery.run("check", measure)


def under(request: Request, rows: Sequence[Measured]) -> list[Measured]:
    """Return rows whose links begin with the path at which the service is served."""
    prefix = request.scope.get("root_path", "")
    return [replace(row, url=f"{prefix}{row.url}") for row in rows]
