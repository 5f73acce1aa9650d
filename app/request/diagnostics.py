"""Reads requests for diagnostics: options from the query, and inputs from a form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from torch import Tensor

from app.context import Context
from app.disconnects import run_watched
from app.middleware.resources import acquired_meanwhile
from app.request.body import single
from app.request.receiving import received_form, require_media_type
from stepzero_rnn.diagnostics.measuring.given_inputs import read_inputs
from stepzero_rnn.diagnostics.options import DiagnosticsRequest
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.pipeline.costs import SLOTS
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse_strings

INPUTS = "inputs"
_FILE_NAME = f"{INPUTS}.npy"  # what a form's file is called after its field


async def read_diagnostics(request: Request) -> DiagnosticsRequest:
    """Read the options of diagnostics; `figures` are separated by commas.

    Raises:
        InvalidSpec: an option is unknown or invalid.
    """
    return parse_strings(DiagnosticsRequest, single(request.query_params.multi_items()))


@asynccontextmanager
async def received_inputs(request: Request, context: Context, spec: Spec) -> AsyncIterator[Tensor]:
    """Receive a form whose file `inputs` is an `.npy` of (seq_len, sequences, input_size).

    Raises:
        UnsupportedMediaType, BodyTooLarge, SlowRequest, MalformedForm, InvalidSpec: the form is not
            valid, or has other fields.
        InvalidArrays: the file does not fit the network.
        ArraysTooLarge, Busy, StoreUnavailable: there is no space for it.
    """
    media_type = require_media_type(request, "multipart/form-data")
    async with received_form(request, context, media_type) as (form, _):
        others = [*form.texts, *(file.name for file in form.files if file.name != _FILE_NAME)]
        if others:
            pointer, detail = f"/{others[0].removesuffix('.npy')}", "unknown form field"
            raise InvalidSpec([FieldError(pointer, "extra_forbidden", detail, None, [INPUTS])])
        if len(form.files) != 1:
            detail = "the form must have one file in the field `inputs`"
            raise InvalidSpec([FieldError(f"/{INPUTS}", "missing", detail)])
        async with acquired_meanwhile(request, context, {SLOTS: 1}):
            work = partial(read_inputs, form.files[0].path, spec)
            yield await run_watched(request.receive, context.threads, Stop(), work)


DiagnosticsQuery = Annotated[DiagnosticsRequest, Depends(read_diagnostics)]
