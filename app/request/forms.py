"""Reads a multipart form as it comes: a spec, options, and files that go to disk before anything
looks at them.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from stepzero_rnn.arrays.records import Upload
from stepzero_rnn.errors import BodyTooLarge, FieldError, InvalidSpec, MalformedForm
from stepzero_rnn.uploads.store import Incoming

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a wrong form is its sender's affair

FEED_BYTES = 1 << 20  # that go to the parser, and so to disk, at a time
MAX_PARTS = 1100  # more files are not read, in any case
MAX_HEADERS, MAX_HEADER_BYTES = 8, 2048  # of a part
MAX_NAME_CHARS = 512
MAX_TYPE_CHARS = 1024  # a boundary has at most 70
TEXTS = ("spec", "layout", "prefix", "strict", "grow", "redraw")
ARRAYS = "arrays"  # the field whose files go by their own names


@dataclass(slots=True)
class Form:
    """What a form held: its texts by name, and its files, which lie in the folder that was
    given.
    """

    texts: dict[str, bytes] = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)


async def read_form(
    chunks: AsyncIterator[bytes],
    content_type: str,
    incoming: Incoming,
    *,
    max_bytes: int,
    max_text_bytes: int,
    feed_bytes: int = FEED_BYTES,
) -> Form:
    """Read a form; its files go into the folder of `incoming`, where they are claimed as they come.

    Args:
        feed_bytes: how much is gathered before it is looked at.

    Raises:
        MalformedForm: it is none, or ends early.
        BodyTooLarge: a limit is exceeded.
        InvalidSpec: a text stands in it twice, or is none that is read.
        ArraysTooLarge, Busy, StoreUnavailable: there is no room for it.
    """
    with closing(_Parts(content_type, incoming, max_text_bytes)) as parts:
        read_bytes, waiting = 0, bytearray()
        async for chunk in chunks:
            read_bytes += len(chunk)
            if read_bytes > max_bytes:
                raise BodyTooLarge(limit_bytes=max_bytes)
            waiting += chunk
            if len(waiting) >= feed_bytes:
                await anyio.to_thread.run_sync(parts.feed, bytes(waiting))
                waiting.clear()
        await anyio.to_thread.run_sync(parts.feed, bytes(waiting))
        return parts.finished()


class _Parts:
    """The parts of a form, one after another."""

    def __init__(self, content_type: str, incoming: Incoming, max_text_bytes: int) -> None:
        self._incoming, self._max_text_bytes = incoming, max_text_bytes
        self._form, self._count, self._text_bytes = Form(), 0, 0
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._text: bytearray | None = None
        self._name = ""
        self._file: BinaryIO | None = None
        self._has_file_name = self._is_unnamed = False
        self._is_whole = False
        self._parser = self._begin_form(content_type)

    def _begin_form(self, content_type: str) -> MultipartParser:
        if len(content_type) > MAX_TYPE_CHARS:
            raise MalformedForm(reason="its Content-Type is too long")
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise MalformedForm(reason="its Content-Type names no boundary")
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_field,
                    "on_header_value": self._add_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open,
                    "on_part_data": self._add_data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as error:
            raise MalformedForm(reason="its boundary is too long") from error

    def feed(self, data: bytes) -> None:
        """Take the next bytes in, which may all be a file's."""
        self._incoming.claim(len(data))
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise MalformedForm(reason="its parts are not as they should be") from error

    def finished(self) -> Form:
        """Return the form, if its end has come."""
        if not self._is_whole:
            raise MalformedForm(reason="it ends early")
        return self._form

    def close(self) -> None:
        """Close the file under way."""
        if self._file:
            self._file.close()

    def _begin(self) -> None:
        self._count += 1
        self._disposition = b""
        if self._count > MAX_PARTS:
            raise MalformedForm(reason=f"it has more than {MAX_PARTS} parts")

    def _add_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open(self) -> None:
        """Learn from its headers what a part is, and make room for it."""
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise MalformedForm(reason="a part of it has no name")
        name = options[b"name"].decode(errors="replace")
        self._name = name[:MAX_NAME_CHARS]
        if name in TEXTS:
            self._open_text(name)
            return
        self._has_file_name = b"filename" in options
        if not self._has_file_name and name != ARRAYS:
            raise self._no_file()
        self._open_file(options.get(b"filename", b"").decode(errors="replace"))

    def _no_file(self) -> InvalidSpec:
        listed = [*TEXTS, ARRAYS]
        detail = "nothing of this name is read, and a file would have a file name"
        return InvalidSpec([FieldError(f"/{self._name}", "extra_forbidden", detail, None, listed)])

    def _open_text(self, name: str) -> None:
        if name in self._form.texts:
            detail = "it stands twice in the form"
            raise InvalidSpec([FieldError(f"/{name}", "repeated", detail, None, "once")])
        self._form.texts[name] = b""
        self._text = bytearray()

    def _open_file(self, own_name: str) -> None:
        """Begin a file: under its own name among `arrays`, else the field names the array in it."""
        name = own_name[:MAX_NAME_CHARS] if self._name == ARRAYS else f"{self._name}.npy"
        self._is_unnamed = not own_name
        path = self._incoming.path / str(len(self._form.files))
        self._file = path.open("xb")
        self._form.files.append(Upload(name, path))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            if not self._has_file_name:
                raise self._no_file()
            self._file.write(memoryview(data)[start:end])
        if self._text is None:
            return
        self._text_bytes += end - start
        if self._text_bytes > self._max_text_bytes:
            raise BodyTooLarge(limit_bytes=self._max_text_bytes)
        self._text += data[start:end]

    def _end(self) -> None:
        if self._text is not None:
            self._form.texts[self._name] = bytes(self._text)
            self._text = None
        if self._file:
            is_blank = self._is_unnamed and self._file.tell() == 0
            self._file.close()
            self._file = None
            if is_blank:  # a row of a browser's form in which no file was chosen
                self._form.files.pop().path.unlink()

    def _finish(self) -> None:
        self._is_whole = True
