"""Receives bodies: whole ones into memory, forms with files onto disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.admission.chunk_sizer import TransferCredit
from app.context import Context
from app.request.forms import Form, read_form
from app.scope import caller_of
from app.settings import Settings
from stepzero_rnn.errors import BodyTooLarge, SlowRequest, UnsupportedMediaType
from stepzero_rnn.uploads.store import Incoming

_LENGTH_DIGITS = 20


async def _parts(request: Request, settings: Settings) -> AsyncIterator[bytes]:
    """Yield the body as it arrives.

    Raises:
        SlowRequest: the client sends below the minimum rate.
        ClientDisconnect: the client disconnected.
    """
    credit = TransferCredit(settings.min_client_bytes_per_s, settings.client_grace_s)
    more = True
    while more:
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(credit.credit_s):
                message = await request.receive()
        except TimeoutError:
            raise SlowRequest(grace_s=credit.grace_s) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        credit.moved(len(part), time.perf_counter() - began_s)
        yield part
        more = message.get("more_body", False)


async def read_body(request: Request, settings: Settings) -> bytes:
    """Read a whole body.

    Raises:
        BodyTooLarge, SlowRequest: it is too large, or too slow.
        ClientDisconnect: the client disconnected.
    """
    body = bytearray()  # grows in place, however many parts there are
    async for part in _parts(request, settings):
        body += part
        if len(body) > settings.max_body_bytes:
            raise BodyTooLarge(limit_bytes=settings.max_body_bytes)
    return bytes(body)


async def read_json_body(request: Request, settings: Settings) -> bytes:
    """Read a whole body that has to be JSON.

    Raises:
        UnsupportedMediaType: its Content-Type is another.
        BodyTooLarge, SlowRequest, ClientDisconnect: as `read_body`.
    """
    require_media_type(request, "application/json")
    return await read_body(request, settings)


def require_media_type(request: Request, only: str) -> str:
    """Return the Content-Type of a body that may be of one kind only.

    Raises:
        UnsupportedMediaType: it is another.
    """
    media_type = request.headers.get("content-type") or ""
    if media_type.split(";")[0].strip().lower() != only:
        raise UnsupportedMediaType(given=media_type or None, allowed=[only])
    return media_type


@asynccontextmanager
async def received_form(
    request: Request, context: Context, media_type: str
) -> AsyncIterator[tuple[Form, Incoming]]:
    """Receive a form with files, which are on disk until the context ends.

    Raises:
        BodyTooLarge, SlowRequest, MalformedForm, InvalidSpec: the form is not valid.
        ArraysTooLarge, Busy, StoreUnavailable: there is no space for the files.
    """
    settings = context.settings
    max_bytes = min(settings.max_upload_bytes, context.store.disk.share_bytes)
    with context.store.incoming(caller_of(request.scope)) as incoming:
        if length_bytes := _length(request):
            if length_bytes > max_bytes:
                raise BodyTooLarge(limit_bytes=max_bytes)
            await context.beside(partial(incoming.expect, length_bytes))
        form = await read_form(
            _parts(request, settings),
            media_type,
            incoming,
            max_bytes=max_bytes,
            max_text_bytes=settings.max_body_bytes,
        )
        yield form, incoming


def _length(request: Request) -> int:
    """Return the Content-Length of a request; 0 if there is no valid one."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < _LENGTH_DIGITS else 0
