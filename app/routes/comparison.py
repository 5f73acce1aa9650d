"""The routes that compare and rank starts of one network."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.context import CurrentContext
from app.openapi import comparison as docs
from app.request.body import NoQuery
from app.request.comparison import read_starts
from app.response.comparison import send_comparison, send_recommendation
from stepzero_rnn.comparison.requests import ComparisonRequest, RecommendationRequest
from stepzero_rnn.comparison.results import Comparison, Recommendation

router = APIRouter(prefix="/v1", tags=["diagnostics"], dependencies=[NoQuery])


@router.post("/compare", response_model=Comparison, **docs.POST_COMPARE)
async def compare_starts(request: Request, context: CurrentContext) -> Response:
    """Measure several starts of one network side by side, as medians over seeds.

    Each is measured as in the diagnostics of a start. The response is JSON or CSV, as `format` or
    the `Accept` header says.
    """
    asked = await read_starts(request, context, ComparisonRequest)
    return await send_comparison(request, context, asked)


@router.post("/recommend", response_model=Recommendation, **docs.POST_RECOMMEND)
async def recommend_starts(request: Request, context: CurrentContext) -> Response:
    """Rank the starts that are defined for a network, and mark the three to try first.

    The order is by two measured figures. It does not say how likely training is to succeed.
    """
    asked = await read_starts(request, context, RecommendationRequest)
    return await send_recommendation(request, context, asked)
