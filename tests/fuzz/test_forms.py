"""Any form is read as it was written, however it is cut up on its way; any other bytes are refused
by name.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from app.request.forms import TEXTS, read_form
from stepzero_rnn.errors import MalformedForm, StepZeroError
from stepzero_rnn.uploads.store import Store

BOUNDARY = "wall"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MAX_BYTES = 1 << 20
contents = st.binary(max_size=200).filter(lambda content: BOUNDARY.encode() not in content)
texts = st.dictionaries(st.sampled_from(TEXTS), contents)
names = st.text("abcdefgh_. äß/\\", min_size=1, max_size=20)
files = st.lists(st.tuples(names, contents), max_size=4)
cuts = st.integers(1, 64)


def written(texts: dict[str, bytes], files: list[tuple[str, bytes]]) -> bytes:
    """Write a form as RFC 7578 has it."""
    parts = [(f'name="{name}"', content) for name, content in texts.items()]
    parts += [(f'name="arrays"; filename="{escaped(name)}"', content) for name, content in files]
    body = b""
    for disposition, content in parts:
        head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def escaped(name: str) -> str:
    """Write a name between quotation marks."""
    return name.replace("\\", "\\\\").replace('"', '\\"')


def read(body: bytes, cut: int) -> tuple[dict[str, bytes], list[bytes]]:
    """Read a form that comes in pieces and is looked at in others."""

    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, len(body), cut):
            yield body[first : first + cut]

    async def read_all() -> tuple[dict[str, bytes], list[bytes]]:
        form = await read_form(
            pieces(),
            TYPE,
            incoming,
            max_bytes=MAX_BYTES,
            max_text_bytes=MAX_BYTES,
            feed_bytes=2 * cut,
        )
        return form.texts, [upload.path.read_bytes() for upload in form.files]

    # The browser tests leave a loop in this thread.
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder), MAX_BYTES).incoming() as incoming,
        start_blocking_portal() as portal,
    ):
        return portal.call(read_all)


@settings(deadline=None)
@given(texts, files, cuts)
def test_a_form_is_read_as_it_was_written(
    texts: dict[str, bytes], files: list[tuple[str, bytes]], cut: int
):
    assert read(written(texts, files), cut) == (texts, [content for _, content in files])


@settings(deadline=None)
@given(texts, files, cuts, st.data())
def test_a_form_that_ends_early_is_refused(
    texts: dict[str, bytes], files: list[tuple[str, bytes]], cut: int, data: st.DataObject
):
    body = written(texts, files)
    end = data.draw(st.integers(0, len(body) - len("--\r\n") - 1))
    try:
        read(body[:end], cut)
    except MalformedForm:
        return
    raise AssertionError("half a form was read")


@settings(deadline=None)
@given(texts, files, cuts, st.data())
def test_a_form_with_a_wrong_byte_is_read_or_refused_by_name(
    texts: dict[str, bytes], files: list[tuple[str, bytes]], cut: int, data: st.DataObject
):
    body = bytearray(written(texts, files))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found, kept = read(bytes(body), cut)
    except StepZeroError:
        return
    assert sum(map(len, [*found.values(), *kept])) <= len(body)


@settings(deadline=None)
@given(st.binary(max_size=400), cuts)
def test_any_bytes_are_refused_by_name(body: bytes, cut: int):
    try:
        found = read(body, cut)
    except StepZeroError:
        return
    assert found == ({}, [])
