"""Reads requests: a JSON body, an upload form, a flat query, or the options of a permalink."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from pydantic import Field

from app.context import Context
from app.disconnects import run_watched
from app.middleware.resources import acquired_meanwhile
from app.request.receiving import read_body, received_form
from stepzero_rnn.arrays.parsing.conversion import are_graphs
from stepzero_rnn.arrays.records import ReadLimits
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import (
    FieldError,
    InvalidSpec,
    MalformedJson,
    UnsupportedMediaType,
)
from stepzero_rnn.pipeline.costs import SLOTS
from stepzero_rnn.spec.arrays import UploadOptions
from stepzero_rnn.spec.base import Strict, at_most
from stepzero_rnn.spec.checkpoint import CheckpointRequest, Detailed, FormatName, Serving, Spec
from stepzero_rnn.spec.parse import load_json, parse, parse_json, parse_strings
from stepzero_rnn.spec.spec_warnings import SpecWarning, upload_warnings
from stepzero_rnn.uploads.intake import complete, take

CHECK_FIELDS = ("seq_len", "batch")
MAX_HASHES = 16  # of four formats


class Hashes(Strict):
    """The query parameters of a description."""

    sha256: Annotated[list[FormatName], at_most(MAX_HASHES)] = Field(default_factory=list)


class CheckpointBody(NamedTuple):
    """The content of a body: the recipe, which names any uploaded arrays, and the serving options.

    `warnings` are those of the arrays; the recipe's own are not included.
    """

    spec: Spec
    serving: Serving
    format: FormatName | None
    warnings: Sequence[SpecWarning] = ()


async def read_checkpoint_body(request: Request, context: Context) -> CheckpointBody:
    """Read a request body: JSON, or a form with files, whose arrays are stored.

    Raises:
        UnsupportedMediaType, BodyTooLarge, SlowRequest, MalformedJson, MalformedForm, InvalidSpec:
            the body is not valid, or the request has query parameters.
        InvalidArrays, ArraysTooLarge, NotAnArrayFile: the files are not valid.
        MissingExtra: what reads them is not installed.
        ArraysGone, StoreUnavailable: the recipe's arrays are not stored, or nothing can be stored.
        Busy: other uploads leave no space for this one.
    """
    await refuse_query(request)
    media_type = request.headers.get("content-type")
    kind = (media_type or "").split(";")[0].strip().lower()
    if media_type and kind == "multipart/form-data":
        return await _read_upload(request, context, media_type)
    if kind != "application/json":
        raise UnsupportedMediaType(given=media_type)
    body = parse_json(CheckpointRequest, await read_body(request, context.settings))
    return await _with_kept_arrays(body, context)


async def _read_upload(request: Request, context: Context, media_type: str) -> CheckpointBody:
    settings = context.settings
    async with received_form(request, context, media_type) as (form, incoming):
        if "spec" not in form.texts:
            raise InvalidSpec([FieldError("/spec", "missing", "the form has no field `spec`")])
        body, options = parse_json(CheckpointRequest, form.texts["spec"]), _options(form.texts)
        if not form.files and not options.strict:
            return await _with_kept_arrays(body, context)
        bounds = ReadLimits(total_bytes=settings.max_upload_bytes)
        stop = Stop()

        def work() -> tuple[Spec, Sequence[SpecWarning]]:
            spec = take(form.files, body.spec, incoming, options, bounds, stop)
            in_graphs = are_graphs(form.files)
            return spec, upload_warnings(spec, options.layout, in_graphs=in_graphs)

        async with acquired_meanwhile(request, context, {SLOTS: 1}):
            spec, warnings = await run_watched(request.receive, context.threads, stop, work)
        return CheckpointBody(spec, body.serving, body.format, warnings)


async def _with_kept_arrays(body: CheckpointRequest, context: Context) -> CheckpointBody:
    spec = body.spec
    if spec.arrays:
        spec = await context.beside(partial(complete, spec, context.store))
    return CheckpointBody(spec, body.serving, body.format)


def _options(texts: Mapping[str, bytes]) -> UploadOptions:
    """Read the options of an upload; empty values are ignored, as browsers send empty fields."""
    plain = {
        name: texts[name].decode(errors="replace")
        for name in ("layout", "prefix", "strict", "grow")
        if texts.get(name)
    }
    options = parse_strings(UploadOptions, plain)
    if not texts.get("redraw"):
        return options
    try:
        redraw = load_json(texts["redraw"])
    except MalformedJson as error:
        detail = "not a JSON list"
        raise InvalidSpec([FieldError("/redraw", "malformed_json", detail)]) from error
    return parse(UploadOptions, options.model_dump() | {"redraw": redraw})


async def read_query(request: Request) -> CheckpointRequest:
    """Read a checkpoint request from a flat query: `rnn_type=gru&input_size=10&hidden_size=20`.

    `init` is a name or a JSON object; `init.weight_hh=orthogonal` sets one part; `seq_len` and
    `batch` set the size of the check.

    Raises:
        InvalidSpec: the query is not valid.
    """
    texts = _nested(single(request.query_params.multi_items()))
    init = texts.pop("init", None)
    if isinstance(init, str):
        init = _json_or_name(init)
    without_init = parse_strings(CheckpointRequest, texts)
    if init is None:
        return without_init
    fields = {name: getattr(without_init, name) for name in without_init.model_fields_set}
    return parse(CheckpointRequest, {**fields, "init": init})


async def refuse_query(request: Request) -> None:
    """Reject query parameters at a URL that accepts none, instead of ignoring them.

    Raises:
        InvalidSpec: there are some.
    """
    if request.query_params:
        detail = "this URL accepts no query parameters"
        raise InvalidSpec(
            [
                FieldError(f"/{name}", "extra_forbidden", detail, value)
                for name, value in request.query_params.items()
            ]
        )


def _json_or_name(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    try:
        return load_json(text)
    except MalformedJson as error:
        detail = "not a valid JSON object"
        raise InvalidSpec([FieldError("/init", "malformed_json", detail, text[:200])]) from error


async def read_serving(request: Request) -> Serving:
    """Read the serving options of a permalink: `device`, `seq_len`, `batch`.

    Raises:
        InvalidSpec: an option is unknown or wrong.
    """
    return parse_strings(Serving, _nested(single(request.query_params.multi_items())))


async def read_detailed(request: Request) -> Detailed:
    """Read the options of a summary: those of `read_serving`, and `layer`.

    Raises:
        InvalidSpec: an option is unknown or wrong.
    """
    return parse_strings(Detailed, _nested(single(request.query_params.multi_items())))


async def read_described(request: Request) -> list[FormatName]:
    """Read the formats whose hashes a description has to include: `sha256=pt,safetensors`.

    Raises:
        InvalidSpec: the query is not valid.
    """
    texts = single(request.query_params.multi_items())
    return parse(Hashes, {name: text.split(",") for name, text in texts.items()}).sha256


def single(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return query parameters by name.  Raises InvalidSpec if one is repeated."""
    parameters: dict[str, str] = {}
    for name, value in items:
        if name in parameters:
            raise InvalidSpec(
                [FieldError(f"/{name}", "repeated", "the parameter is repeated", value, "once")]
            )
        parameters[name] = value
    return parameters


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    """Move the fields of `check`, and parts of `init` such as `init.bias`, into nested objects."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        head, part = _place(name)
        field = nested.setdefault(head, {} if part else value)
        if isinstance(field, str) != (not part):
            detail = f"give either `{head}` or its parts, not both"
            raise InvalidSpec([FieldError(f"/{name}", "repeated", detail, value)])
        if part:
            field[part] = value
    return nested


def _place(name: str) -> tuple[str, str]:
    """Return the field that a query parameter belongs to, and the part of that field, if any."""
    if name in CHECK_FIELDS:
        return "check", name
    head, _, part = name.partition(".")
    return (head, part) if head == "init" and part else (name, "")


NoQuery = Depends(refuse_query)
Query = Annotated[CheckpointRequest, Depends(read_query)]
Options = Annotated[Serving, Depends(read_serving)]
SummaryOptions = Annotated[Detailed, Depends(read_detailed)]
Described = Annotated[list[FormatName], Depends(read_described)]
