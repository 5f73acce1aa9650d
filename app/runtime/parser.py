"""The HTTP/1.1 parser of a connection: h11's, but stricter and with limits on every part of a
request.
"""

from __future__ import annotations

import re
from math import inf
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import h11

from stepzero_rnn.errors import BodyTooLarge, HeadTooLarge, MalformedHttp, StepZeroError

MAX_HEAD_BYTES = 64 << 10  # request line and headers, chunk extensions, or trailers
MAX_HEAD_LINES = 128  # a line costs a hundred times the time and memory of its bytes
MAX_UNREAD_BYTES = 64 << 10  # that are discarded: the body of a GET, or the rest of a refused body
_PAYLOAD_PER_FRAMING = 8  # payload bytes that allow one more byte of chunk framing
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BODILESS = frozenset({b"GET", b"HEAD"})


class Parser(h11.Connection):
    """Parses the requests of one connection; after a RemoteProtocolError, `refusal` holds the
    reason.

    Trailers are parsed and discarded: they count as framing and never become headers (RFC 9110,
    6.5.1).
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.refusal: StepZeroError = MalformedHttp()
        self._is_bodiless = False
        self._rest_bytes: float = 0  # of the body
        self._unread_bytes = 0
        self._framing_bytes = 0  # still allowed

    @property
    def has_whole_request(self) -> bool:
        """Whether a request is complete, and the next has not begun."""
        return self.their_state not in (h11.IDLE, h11.SEND_BODY)

    @property
    def has_half_request(self) -> bool:
        """Whether part of a request has arrived."""
        return self.their_state is h11.SEND_BODY or bool(self.trailing_data[0])

    def receive_data(self, data: bytes) -> None:
        """Append received data; empty lines before a request are ignored (RFC 9112, 2.2)."""
        if self.their_state is h11.IDLE and not self.trailing_data[0]:
            data = data.lstrip(b"\r\n")
        if data:
            self._framing_bytes -= len(data)
            super().receive_data(data)

    def hold(self, data: bytes) -> bool:
        """Hold data that follows a complete request, unparsed; return False if it is too much."""
        if self.their_state is h11.MUST_CLOSE:  # this was the last request
            self._unread_bytes += len(data)
            return self._unread_bytes <= MAX_UNREAD_BYTES
        super().receive_data(data)
        return len(self.trailing_data[0]) <= MAX_UNREAD_BYTES

    def next_event(self) -> Any:
        """Return the next h11 event.

        Raises:
            RemoteProtocolError: the request is malformed or exceeds a limit.
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
        """Return the bytes of an event; body data without framing is not copied.

        A response sent before the end of a body that is too long to discard gets
        `Connection: close`.
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
            self._refuse(MalformedHttp())  # a proxy may have trusted the other header
        if request.http_version not in (b"1.0", b"1.1"):
            self._refuse(MalformedHttp())
        if request.target.startswith((b"http:", b"https:")):
            return self._in_origin_form(request)
        return request

    def _in_origin_form(self, request: h11.Request) -> h11.Request:
        """Convert the absolute form of a request target to the origin form (RFC 9112, 3.2.2)."""
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
        """Reject a head with too many lines before parsing it; folded and incomplete lines count
        too.
        """
        text = self.trailing_data[0]
        blank = _BLANK_LINE.search(text)
        if text.count(b"\n", 0, blank.start() if blank else len(text)) > MAX_HEAD_LINES:
            self._refuse(HeadTooLarge(limit_bytes=MAX_HEAD_BYTES, limit_lines=MAX_HEAD_LINES))

    def _count(self, payload_bytes: int) -> None:
        """Count body data: discarded data is limited, and payload raises the limit on framing."""
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
