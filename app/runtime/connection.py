"""One HTTP/1.1 connection: uvicorn's h11 protocol, with limits on the bytes and the time of all
that is received and sent.

Requests are answered one at a time.  Pipelined data is read and held unparsed meanwhile, because
a connection that is not being read does not report that its client has left.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from http import HTTPStatus
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.admission.chunk_sizer import TransferCredit
from app.problems import PROBLEM_TYPE, document
from app.runtime.parser import Parser
from app.runtime.transport import LOOK_S, PatientTransport
from app.scope import ABORT
from stepzero_rnn.errors import SlowRequest, StepZeroError

UNSENT_BYTES = 128 << 10  # unsent data that the kernel buffers
BUFFERED_BYTES = 32 << 10  # with more buffered the next chunk waits; the smallest chunk is larger
SLICE_BYTES = 16 << 10  # parsed at a time, so that thousands of tiny chunks are noticed early


class Connection(H11Protocol):
    """A connection that waits for its client no longer than `grace_s`, whether the client is slow
    to send or slow to read.

    Args:
        grace_s: time limit for the head of a request, and for how long the client may read
            responses more slowly than `min_bytes_per_s`.
    """

    def __init__(self, *args: Any, grace_s: float, min_bytes_per_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: Parser = Parser()
        self._grace_s = grace_s
        self._min_bytes_per_s = min_bytes_per_s
        self._deadline: asyncio.TimerHandle | None = None  # of an incomplete request
        self._is_ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.set_write_buffer_limits(high=BUFFERED_BYTES)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        patient = PatientTransport(
            transport,
            self.loop,
            # A little longer than the streams' own, so that these can still report why they end.
            credit=TransferCredit(self._min_bytes_per_s, self._grace_s + 2 * LOOK_S),
            is_sending=lambda: self._is_ended or self.conn.their_state is h11.SEND_BODY,
        )
        super().connection_made(cast("asyncio.Transport", patient))
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._await_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for first in range(0, len(data), SLICE_BYTES):
            if self._is_ended or self.transport.is_closing():
                return
            self._read(data[first : first + SLICE_BYTES])

    def _read(self, data: bytes) -> None:
        if self._is_answering and self.conn.has_whole_request:
            if not self.conn.hold(data):
                self.transport.abort()
            return
        super().data_received(data)
        if not self._is_answering and self._deadline is None:
            self._await_request()

    def handle_events(self) -> None:
        """Start complete requests, and keep reading: later data is held."""
        before = self.cycle
        super().handle_events()
        if self.conn.has_whole_request:
            self.flow.resume_reading()
        if self.cycle is not before:
            self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]
            self._await_no_more()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's refusal has the details
        """Answer what the parser could not read."""
        self._refuse(self.conn.refusal)

    def shutdown(self) -> None:
        """Close the connection once nothing is being answered."""
        if self._is_answering:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: a client that proposes an upgrade has to accept HTTP/1.1 too."""

    def _await_request(self) -> None:
        self._await_no_more()
        self._deadline = self.loop.call_later(self._grace_s, self._give_up)

    def _await_no_more(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.conn.has_half_request and self.conn.our_state is h11.IDLE:
            self._refuse(SlowRequest(grace_s=self._grace_s))
        else:  # nothing was received, or only the rest of a body that is not needed
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _refuse(self, error: StepZeroError) -> None:
        """Answer and close the connection; abort it if a response is already under way."""
        self._is_ended = True
        self._await_no_more()
        if self._is_answering:
            if self.cycle.response_started:
                self.transport.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # answered already
            self.transport.close()
            return
        request_id = uuid.uuid4().hex
        body = document(error, request_id)
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
            f"Content-Type: {PROBLEM_TYPE}\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-ID: {request_id}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
