"""The HTTP/1.1 parser of a connection: h11's, stricter, and with a bound on whatever a request may
bring.
"""

from __future__ import annotations

import re
from math import inf
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import h11

from stepzero_rnn.errors import BodyTooLarge, HeadTooLarge, MalformedHttp, StepZeroError

MAX_HEAD_BYTES = 64 << 10  # of an address with its headers, a chunk's extensions, or trailers
MAX_HEAD_LINES = 128  # each takes a hundred times the effort and the memory of its bytes
MAX_UNREAD_BYTES = 64 << 10  # of what nobody reads: the body of a GET, or the rest of a refused one
_PAYLOAD_PER_FRAMING = 8  # bytes of a chunked body that pay for one of its framing, beyond a head's
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BODILESS = frozenset({b"GET", b"HEAD"})


class Parser(h11.Connection):
    """Parses one connection's requests; `refusal` says what is wrong once it has raised a
    RemoteProtocolError.

    Trailers are parsed and dropped: they count as framing, and never become headers (RFC 9110,
    6.5.1).
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.refusal: StepZeroError = MalformedHttp()
        self._is_bodiless = False
        self._rest_bytes: float = 0  # of the body
        self._unread_bytes = 0
        self._framing_bytes = 0  # that may still come

    @property
    def has_whole_request(self) -> bool:
        """Whether a request has arrived whole, and the next is not begun."""
        return self.their_state not in (h11.IDLE, h11.SEND_BODY)

    @property
    def has_half_request(self) -> bool:
        """Whether some of a request has arrived."""
        return self.their_state is h11.SEND_BODY or bool(self.trailing_data[0])

    def receive_data(self, data: bytes) -> None:
        """Take in what has come; empty lines before a request are passed over (RFC 9112, 2.2)."""
        if self.their_state is h11.IDLE and not self.trailing_data[0]:
            data = data.lstrip(b"\r\n")
        if data:
            self._framing_bytes -= len(data)
            super().receive_data(data)

    def hold(self, data: bytes) -> bool:
        """Take in what has come behind a whole request, unparsed; say whether that is no more than
        may wait.
        """
        if self.their_state is h11.MUST_CLOSE:  # it was to be the last request
            self._unread_bytes += len(data)
            return self._unread_bytes <= MAX_UNREAD_BYTES
        super().receive_data(data)
        return len(self.trailing_data[0]) <= MAX_UNREAD_BYTES

    def next_event(self) -> Any:
        """Return the next event of h11.

        Raises:
            RemoteProtocolError: the request is malformed, or exceeds a bound.
        """
        if self.their_state is h11.IDLE:
            self._count_lines()
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == HeadTooLarge.status:
                self.refusal = HeadTooLarge(limit_bytes=MAX_HEAD_BYTES, limit_lines=MAX_HEAD_LINES)
            raise
        if isinstance(event, h11.Request):
            return self._begin(event)
        if isinstance(event, h11.Data):
            self._count(len(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self._rest_bytes = 0
        elif event is h11.NEED_DATA and self.their_state is h11.SEND_BODY:
            self._judge_framing()
        return event

    def send(self, event: h11.Event) -> Any:
        """Return the bytes of an event, a body's uncopied where nothing stands around them.

        An answer that comes before a body which is too long to be passed over says that the
        connection ends with it.
        """
        if isinstance(event, h11.Response) and self._rest_bytes > MAX_UNREAD_BYTES:
            headers = [*event.headers.raw_items(), (b"Connection", b"close")]
            event = h11.Response(
                status_code=event.status_code, headers=headers, reason=event.reason
            )
        parts = self.send_with_data_passthrough(event)
        if parts is None:
            return None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _begin(self, request: h11.Request) -> h11.Request:
        headers = dict(request.headers)
        is_chunked = b"transfer-encoding" in headers
        self._is_bodiless = request.method in _BODILESS
        self._rest_bytes = inf if is_chunked else int(headers.get(b"content-length", 0))
        self._unread_bytes, self._framing_bytes = 0, MAX_HEAD_BYTES
        if is_chunked and b"content-length" in headers:
            self._refuse(MalformedHttp())  # somebody on the way may have believed the other
        if request.http_version not in (b"1.0", b"1.1"):
            self._refuse(MalformedHttp())
        if request.target.startswith((b"http:", b"https:")):
            return self._in_origin_form(request)
        return request

    def _in_origin_form(self, request: h11.Request) -> h11.Request:
        """Return a request for an absolute address as one for its path (RFC 9112, 3.2.2)."""
        try:
            address = urlsplit(request.target)
        except ValueError:
            self._refuse(MalformedHttp())
        if not address.netloc:
            self._refuse(MalformedHttp())
        target = address._replace(scheme=b"", netloc=b"", path=address.path or b"/").geturl()
        headers = cast("list[tuple[bytes, bytes]]", request.headers)
        return h11.Request(
            method=request.method,
            headers=headers,
            target=target,
            http_version=request.http_version,
        )

    def _count_lines(self) -> None:
        """Refuse a head of too many lines before they are parsed, folded ones and those that have
        no end yet included.
        """
        text = self.trailing_data[0]
        blank = _BLANK_LINE.search(text)
        if text.count(b"\n", 0, blank.start() if blank else len(text)) > MAX_HEAD_LINES:
            self._refuse(HeadTooLarge(limit_bytes=MAX_HEAD_BYTES, limit_lines=MAX_HEAD_LINES))

    def _count(self, payload_bytes: int) -> None:
        """Count a piece of the body: what nobody reads is bounded, what is read pays for its
        framing.
        """
        self._rest_bytes -= payload_bytes
        self._framing_bytes += payload_bytes + payload_bytes // _PAYLOAD_PER_FRAMING
        is_answered = self.our_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)
        if self._is_bodiless or is_answered:
            self._unread_bytes += payload_bytes
            if self._unread_bytes > MAX_UNREAD_BYTES:
                self._refuse(BodyTooLarge(limit_bytes=MAX_UNREAD_BYTES))

    def _judge_framing(self) -> None:
        if self._framing_bytes < 0:
            self._refuse(HeadTooLarge(limit_bytes=MAX_HEAD_BYTES, limit_lines=MAX_HEAD_LINES))

    def _refuse(self, error: StepZeroError) -> NoReturn:
        self.refusal = error
        raise h11.RemoteProtocolError(error.detail)
