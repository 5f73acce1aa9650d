"""The transport of a connection: a client that reads nothing, or keeps sending, is disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from app.admission.chunk_sizer import TransferCredit

LOOK_S = 1.0  # between two checks of the unsent data
LINGER_S = 1.0


class PatientTransport:
    """Aborts connections whose clients read too slowly; everything else is delegated to the
    transport.

    Args:
        credit: how long the client may still be waited for.
        is_sending: whether the client may still be sending its request.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        credit: TransferCredit,
        is_sending: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._credit = credit
        self._is_sending = is_sending
        self._is_closing = False
        self._untaken_bytes = 0  # unsent at the last check, and written since
        self._looked_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write to a connected client, and check periodically that it reads."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        self._untaken_bytes += len(data)
        if self._timer is None and self._transport.get_write_buffer_size():
            self._looked_s = self._loop.time()
            self._timer = self._loop.call_later(LOOK_S, self._look)

    def is_closing(self) -> bool:
        return self._is_closing or self._transport.is_closing()

    def close(self) -> None:
        """Close once everything is sent.

        Data that the client still sends is ignored for a moment: a reset would make it lose the
        response.
        """
        if self.is_closing():
            return
        self._is_closing = True
        if not self._is_sending():
            self._transport.close()
            return
        self._transport.write_eof()
        self._loop.call_later(LINGER_S, self._transport.close)

    def _look(self) -> None:
        unsent_bytes, now_s = self._transport.get_write_buffer_size(), self._loop.time()
        self._credit.moved(self._untaken_bytes - unsent_bytes, now_s - self._looked_s)
        self._untaken_bytes, self._looked_s, self._timer = unsent_bytes, now_s, None
        if self._credit.credit_s <= 0:
            self._transport.abort()
        elif unsent_bytes:
            self._timer = self._loop.call_later(LOOK_S, self._look)
