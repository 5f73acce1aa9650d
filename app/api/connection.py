"""One HTTP/1.1 connection, as uvicorn reads it, but bounded: a head of so many bytes, in so much time, and no more unsent than is on its way."""

from __future__ import annotations

import asyncio
import socket
import uuid
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.problems import PROBLEM_TYPE, document
from app.api.streaming import ABORT
from app.errors import HeadTooLarge, MalformedHttp, SlowRequest, StepZeroError

UNSENT_BYTES = 128 << 10  # what the kernel takes of a stream before it is on its way
BUFFERED_BYTES = 32 << 10  # more than that, and the next chunk waits: the smallest is larger
MOST_HEAD_BYTES = 64 << 10
LINGER_S = 1.0


class Connection(HttpToolsProtocol):
    """A connection that can be broken off, whose unsent bytes stay with the server, and that is not waited for too long.

    Args:
        patience_s: how long a head may take from its first byte, or from the connection's beginning.
    """

    def __init__(self, *args: Any, patience_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience_s = patience_s
        self._waiting: asyncio.TimerHandle | None = None  # for the rest of a head
        self._heads = self._head_bytes = 0
        self._is_refused = False
        self._fault: StepZeroError = MalformedHttp()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=BUFFERED_BYTES)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_refused:
            return
        heads = self._heads
        super().data_received(data)
        if self._waiting and heads == self._heads:  # these were bytes of one head alone
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(HeadTooLarge(limit_bytes=MOST_HEAD_BYTES))

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]
        self._heads += 1
        self._head_bytes = 0
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Begin the answer."""
        self._wait_no_more()
        if len(self.url) + sum(len(n) + len(v) for n, v in self.headers) > MOST_HEAD_BYTES:
            self._fault = HeadTooLarge(limit_bytes=MOST_HEAD_BYTES)
            raise ValueError(self._fault)  # which ends the reading
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - there is more to say
        """Refuse what the parser, or a step of ours, could not read."""
        self._refuse(self._fault)

    def _wait_for_head(self) -> None:
        self._wait_no_more()
        self._waiting = self.loop.call_later(self._patience_s, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        if self._is_answering:  # an earlier request, during which nothing may be read of this one
            self._wait_for_head()
        elif self._heads:
            self._refuse(SlowRequest(grace_s=self._patience_s))
        else:
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _refuse(self, error: StepZeroError) -> None:
        """Answer, and close; or break off, where that would stand within another answer.

        What still comes is passed over for a moment: closed at once, the connection would take the answer with it.
        """
        self._is_refused = True
        self._wait_no_more()
        if self._is_answering:
            self.transport.abort()
            return
        request_id = uuid.uuid4().hex
        body = document(error, request_id)
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
            f"Content-Type: {PROBLEM_TYPE}\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-ID: {request_id}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
