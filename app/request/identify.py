"""Reads requests to identify arrays: a form with files and options, without a spec."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from app.context import Context
from app.request.forms import ARRAYS, Form
from app.request.receiving import received_form, require_media_type
from stepzero_rnn.arrays.records import ReadLimits, ReadOptions
from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.identification.identify import Given
from stepzero_rnn.spec.arrays import IdentifyOptions
from stepzero_rnn.spec.parse import parse_strings
from stepzero_rnn.uploads.store import Incoming


@asynccontextmanager
async def received_arrays(
    request: Request, context: Context
) -> AsyncIterator[tuple[Given, Incoming]]:
    """Receive a form with arrays, which are on disk until the context ends.

    Raises:
        UnsupportedMediaType, BodyTooLarge, SlowRequest, MalformedForm, InvalidSpec: the form is not
            valid.
        ArraysTooLarge, Busy, StoreUnavailable: there is no space for the files.
    """
    media_type = require_media_type(request, "multipart/form-data")
    async with received_form(request, context, media_type) as (form, incoming):
        options = _options(form)
        bounds = ReadLimits(total_bytes=context.settings.max_upload_bytes)
        yield Given(form.files, options, bounds), incoming


def _options(form: Form) -> ReadOptions:
    """Read the options; empty values are ignored, as browsers send empty fields."""
    plain = {name: text.decode(errors="replace") for name, text in form.texts.items() if text}
    options = parse_strings(IdentifyOptions, plain)
    if not form.files:
        raise InvalidSpec([FieldError(f"/{ARRAYS}", "missing", "the form has no files")])
    return ReadOptions(options.layout, prefix=options.prefix)
