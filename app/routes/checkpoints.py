"""The routes that create, describe and download checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.convertors import StringConvertor, register_url_convertor

from app.context import Context, CurrentContext
from app.hub.repo import hub_link
from app.openapi import operations as docs
from app.openapi.examples import FILE_NAME, RECIPE
from app.request.body import (
    Described,
    NoQuery,
    Options,
    Query,
    SummaryOptions,
    read_checkpoint_body,
)
from app.request.negotiation import choose_format
from app.request.planning import job_of, planned
from app.response.delivery import Delivery, unchanged
from app.response.file_headers import FOREVER
from app.response.links import file_url
from app.response.summaries import send_summary
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.naming import split_file_name
from stepzero_rnn.pipeline.description import Description, HubLink, describe_plan
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.plan import Plan, plan
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Serving, Spec, require_layer
from stepzero_rnn.spec.recipe import decode_recipe
from stepzero_rnn.spec.spec_warnings import SpecWarning
from stepzero_rnn.summary import Summary


class _Suffix(StringConvertor):
    """The part of a file name after the last dot.

    A format's suffix may contain dots, but here they would make matching a path of dots take
    quadratic time; what is before the last dot is in the name.
    """

    regex = "[^/.]+"


register_url_convertor("suffix", _Suffix())
router = APIRouter(prefix="/v1", tags=["checkpoints"])

FILE_PATH = "/checkpoints/{recipe}/{name}.{extension:suffix}"
_SUFFIXES = ", ".join(f"`{record.suffix}`" for record in FORMATS.values())

Token = Annotated[
    str,
    Path(
        description="The recipe, from a plan or a permalink.",
        json_schema_extra={"example": RECIPE},
    ),
]


@router.post("/checkpoints", response_class=Response, **docs.POST_CHECKPOINT)
async def make_checkpoint(request: Request, context: CurrentContext) -> Response:
    """Describe a network and get its initial weights as a file for `load_state_dict`.

    Select an example below, change what you like and execute.  If the spec has no `format`, the
    `Accept` header selects one, `.pt` by default.  The network is run once before the first byte is
    sent.  The response's `Content-Location` is the permalink of the file; `Link` points to its
    statistics.

    To include weights of your own, select `multipart/form-data` instead of `application/json` and
    add array files.  For example, `np.save("weight_ih_l0.npy", np.random.randn(60, 10))` saves one
    for a GRU of input size 10 and hidden size 20.  Weights that are not uploaded are drawn.
    """
    body = await read_checkpoint_body(request, context)
    name = choose_format(body.format, request.headers.get("accept"), body.spec.dtype)
    job = await job_of(request, context, body.spec, name, body.serving)
    response = await Delivery(request, context, job).file()
    if body.warnings:
        response.headers["Stepzero-Warnings"] = ", ".join(one.code for one in body.warnings)
    return response


@router.get("/checkpoints", status_code=303, response_class=Response, **docs.GET_BY_QUERY)
async def find_checkpoint(request: Request, query: Query, context: CurrentContext) -> Response:
    """The same with a URL instead of a body, for `curl -L` and browsers.

    The response redirects to the permalink of the file, which Swagger UI and browsers follow.
    """
    name = choose_format(query.format, request.headers.get("accept"), query.spec.dtype)
    job = await job_of(request, context, query.spec, name, query.serving)
    url = file_url(request, job) + _options(query.serving)
    return RedirectResponse(url, status_code=303, headers={"Vary": "Accept"})


@router.post("/plan", response_model=Description, **docs.POST_PLAN)
async def plan_checkpoint(request: Request, context: CurrentContext) -> Response:
    """Return the shapes, sizes, cost and permalinks of a checkpoint without making it."""
    body = await read_checkpoint_body(request, context)
    if body.format is not None:
        await job_of(request, context, body.spec, body.format, body.serving)
    return await _describe(request, context, body.spec, body.serving, body.warnings)


@router.head(FILE_PATH, response_class=Response, **docs.HEAD_FILE)
@router.get(FILE_PATH, response_class=Response, **docs.GET_FILE)
async def fetch_checkpoint(
    request: Request,
    recipe: Token,
    name: Annotated[
        str,
        Path(
            description="Any name; if it ends in a hash, the hash must match the file.",
            json_schema_extra={"example": FILE_NAME},
        ),
    ],
    extension: Annotated[
        str,
        Path(
            description=f"One of {_SUFFIXES}; it selects the format.",
            json_schema_extra={"example": "pt"},
        ),
    ],
    options: Options,
    context: CurrentContext,
) -> Response:
    """Download a file from its permalink, in whole or in part; its bytes never change."""
    stem, format_name = split_file_name(f"{name}.{extension}")
    spec = decode_recipe(recipe)
    FORMATS[format_name].require_spec(spec)
    if not_modified := await unchanged(request, context, spec, format_name):
        return not_modified
    job = await job_of(request, context, spec, format_name, options)
    delivery = Delivery(request, context, job)
    is_head = request.method == "HEAD"
    return await (delivery.head(stem) if is_head else delivery.permalink(stem))


@router.get("/checkpoints/{recipe}", response_model=Description, **docs.GET_RECIPE)
async def describe_checkpoint(
    request: Request, recipe: Token, hashed: Described, context: CurrentContext
) -> Response:
    """Return the tensors and sizes of a checkpoint, and the permalinks and tags of all formats."""
    spec = decode_recipe(recipe)
    for name in hashed:
        await context.wait_until_ready()
        job = await job_of(request, context, spec, name, Serving())
        await Delivery(request, context, job).hashed()
    return await _describe(request, context, spec, Serving())


@router.get("/checkpoints/{recipe}/summary", response_model=Summary, **docs.GET_SUMMARY)
async def summarize_checkpoint(
    request: Request, recipe: Token, options: SummaryOptions, context: CurrentContext
) -> Any:
    """Return statistics of the weights, by gate, and of the sanity forward pass.

    For deep networks, these are totals over all layers; use `layer` to get the details of one.
    """
    spec = decode_recipe(recipe)
    serving = Serving(device=options.device, check=options.check)
    require_layer(options.layer, spec)
    job = await job_of(request, context, spec, "safetensors", serving)
    return await send_summary(request, context, job, options.layer)


@router.get("/checkpoints/{recipe}/spec", dependencies=[NoQuery], **docs.GET_SPEC)
async def show_spec(recipe: Token) -> Response:
    """Return the canonical spec of a recipe: the shortest equivalent request."""
    spec = json.dumps(canonical(decode_recipe(recipe)), indent=2, sort_keys=True)
    return Response(spec + "\n", media_type="application/json", headers={"Cache-Control": FOREVER})


async def _describe(
    request: Request,
    context: Context,
    spec: Spec,
    serving: Serving,
    warnings: Sequence[SpecWarning] = (),
) -> Response:
    def work(stop: Stop) -> str:
        tensors = plan(spec, stop.check)
        description = describe_plan(
            tensors,
            serving,
            context.limits,
            prefix=request.scope.get("root_path", ""),
            known_sha256=context.factory.known_sha256,
            go_on=stop.check,
        )
        every = [*description.warnings, *warnings]
        links = description.links | (_hub_link(context, tensors, serving))
        return description.model_copy(update={"warnings": every, "links": links}).model_dump_json()

    text = await planned(request, context, spec, work)
    return Response(text, media_type="application/json")


def _hub_link(context: Context, planned: Plan, serving: Serving) -> dict[str, HubLink]:
    """Return the link to the recipe's repository, if it has one."""
    if not context.settings.hub:
        return {}
    job = plan_job(planned.spec, "safetensors", serving, context.limits, planned=planned)
    link = hub_link(job)
    return {"hub": link} if link else {}


def _options(serving: Serving) -> str:
    """Return the permalink's query: the options that are not part of the recipe."""
    plain: dict[str, Any] = serving.model_dump(exclude_defaults=True)
    flat = {**{k: v for k, v in plain.items() if k != "check"}, **plain.get("check", {})}
    return "?" + "&".join(f"{name}={value}" for name, value in flat.items()) if flat else ""
