"""What one caller may take: requests in a window of time, and bytes of downloads at once."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from stepzero_rnn.errors import TooManyBytes

MAX_WAIT_S = 60
_SILENT_S = 60.0  # a store that is gone is told of once in so long
_log = logging.getLogger("stepzero.callers")


class RateStatus(NamedTuple):
    """What a limit leaves a caller: requests, until its window ends and all are given anew."""

    limit: int
    window_s: int
    left: int
    ends_in_s: int
    exceeded: bool


class RateLimiter:
    """Counts requests against limits; a caller's window begins with its first request.

    Counts are kept in this process or, where `url` says so, in a Redis that all replicas share.
    Where that cannot be reached, requests are served uncounted: it protects, and must not be what
    fails.
    """

    def __init__(self, limits: Sequence[RateLimitItem], url: str | None = None) -> None:
        self._limits = tuple(limits)
        storage = (
            storage_from_string(f"async+{url}", implementation="redispy", wrap_exceptions=True)
            if url
            else MemoryStorage()
        )
        self._storage = storage
        self._counts = FixedWindowRateLimiter(storage)
        self._told_s = -math.inf

    async def take(self, caller: str) -> list[RateStatus]:
        """Count a request; give what every limit leaves, nothing where nothing can be counted."""
        try:
            return [await self._take(limit, caller) for limit in self._limits]
        except StorageError as error:
            now_s = time.monotonic()
            if now_s - self._told_s > _SILENT_S:
                self._told_s = now_s
                reason = type(error.storage_error).__name__  # its text may hold the address
                _log.error("requests are not counted: %s", reason)
            return []

    async def close(self) -> None:
        """Return back the connections."""
        if isinstance(self._storage, RedisStorage):
            await self._storage.bridge.storage.aclose()  # type: ignore[attr-defined]  # redis-py's bridge has one

    async def _take(self, limit: RateLimitItem, caller: str) -> RateStatus:
        allowed = await self._counts.hit(limit, caller)
        ends, left = await self._counts.get_window_stats(limit, caller)
        ends_in_s = max(1, math.ceil(ends - time.time()))  # noqa: TID251 - the store's own clock
        return RateStatus(limit.amount, limit.get_expiry(), max(left, 0), ends_in_s, not allowed)


@dataclass(slots=True)
class _Downloads:
    """A caller's downloads under way, and how fast they have gone since it had none."""

    began_s: float
    held_bytes: int = 0
    sent_bytes: int = 0


class ByteQuotas:
    """Counts the bytes of downloads under way, by caller, against one limit for each.

    A file that is larger than the limit is sent when its caller has nothing else under way.
    """

    def __init__(self, limit_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_bytes = limit_bytes
        self.clock = clock
        self.downloads: dict[str, _Downloads] = {}


@dataclass(slots=True)
class ByteQuota:
    """What one request holds of its caller's bytes; closed when the request ends, however it
    does.
    """

    byte_quotas: ByteQuotas
    caller: str
    _held_bytes: int = field(default=0, init=False)

    def reserve(self, size_bytes: int) -> None:
        """Hold the bytes of a download that is about to begin.

        Raises:
            TooManyBytes: with those under way they are more than the limit.
        """
        byte_quotas = self.byte_quotas
        account = byte_quotas.downloads.get(self.caller) or _Downloads(byte_quotas.clock())
        held_bytes = account.held_bytes
        if held_bytes and held_bytes + size_bytes > byte_quotas.limit_bytes:
            raise TooManyBytes(
                asked_bytes=size_bytes,
                held_bytes=held_bytes,
                limit_bytes=byte_quotas.limit_bytes,
                retry_after_s=self._wait_s(account, size_bytes),
            )
        byte_quotas.downloads[self.caller] = account
        account.held_bytes += size_bytes
        self._held_bytes += size_bytes

    def sent(self, size_bytes: int) -> None:
        """Note how far a download has come, by which the wait of others is told."""
        if self._held_bytes:
            self.byte_quotas.downloads[self.caller].sent_bytes += size_bytes

    def close(self) -> None:
        """Return back what is held."""
        if not self._held_bytes:
            return
        account = self.byte_quotas.downloads[self.caller]
        account.held_bytes -= self._held_bytes
        self._held_bytes = 0
        if not account.held_bytes:
            del self.byte_quotas.downloads[self.caller]

    def _wait_s(self, account: _Downloads, size_bytes: int) -> int:
        """Estimate when so much is sent that there is room, at the rate of the downloads under
        way.
        """
        excess_bytes = account.held_bytes + size_bytes - self.byte_quotas.limit_bytes
        seconds = max(self.byte_quotas.clock() - account.began_s, 1e-3)
        rate = max(account.sent_bytes / seconds, 1.0)
        return max(1, min(MAX_WAIT_S, math.ceil(excess_bytes / rate)))
