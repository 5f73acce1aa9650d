"""The routes that say what a start will do in training."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.context import CurrentContext
from app.openapi import diagnostics as docs
from app.request.diagnostics import DiagnosticsQuery, received_inputs
from app.request.planning import job_of
from app.response.diagnostics import send_diagnostics
from app.routes.checkpoints import Token
from stepzero_rnn.diagnostics.options import fitted
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.spec.checkpoint import Serving
from stepzero_rnn.spec.recipe import decode_recipe

router = APIRouter(prefix="/v1", tags=["diagnostics"])
PATH = "/checkpoints/{recipe}/diagnostics"


@router.get(PATH, response_model=Diagnostics, **docs.GET_DIAGNOSTICS)
async def diagnose_checkpoint(
    request: Request, recipe: Token, asked: DiagnosticsQuery, context: CurrentContext
) -> Response:
    """Return whether signal and gradient reach as far as needed, and what to try if not.

    The inputs are standard normal numbers, the same for every start. The figures are equal on all
    machines, except for PyTorch's rounding.
    """
    spec = decode_recipe(recipe)
    options = fitted(asked.options, spec, None)
    job = await job_of(request, context, spec, "safetensors", Serving(device=asked.device))
    return await send_diagnostics(request, context, job, options)


@router.post(PATH, response_model=Diagnostics, **docs.POST_DIAGNOSTICS)
async def diagnose_checkpoint_on_inputs(
    request: Request, recipe: Token, asked: DiagnosticsQuery, context: CurrentContext
) -> Response:
    """Return the diagnostics of a start on inputs of your own."""
    spec = decode_recipe(recipe)
    job = await job_of(request, context, spec, "safetensors", Serving(device=asked.device))
    async with received_inputs(request, context, spec) as given:
        options = fitted(asked.options, spec, len(given))
    return await send_diagnostics(request, context, job, options, given)
