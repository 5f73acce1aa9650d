"""Limits for each caller: requests per time window, and bytes of concurrent downloads."""

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
_LOG_INTERVAL_S = 60.0  # between log lines about an unreachable store
_log = logging.getLogger("stepzero.callers")


class RateStatus(NamedTuple):
    """A caller's state under one limit: requests left until the window ends."""

    limit: int
    window_s: int
    left: int
    ends_in_s: int
    exceeded: bool


class RateLimiter:
    """Counts requests against limits; a caller's window begins with its first request.

    Counts are kept in this process or, with `url`, in a Redis that all replicas share.  If Redis
    cannot be reached, requests are served without limits: the limiter must not cause an outage.
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
        self._logged_s = -math.inf

    async def take(self, caller: str) -> list[RateStatus]:
        """Count a request; return the state of every limit, or nothing if the store is
        unreachable.
        """
        try:
            return [await self._take(limit, caller) for limit in self._limits]
        except StorageError as error:
            now_s = time.monotonic()
            if now_s - self._logged_s > _LOG_INTERVAL_S:
                self._logged_s = now_s
                reason = type(error.storage_error).__name__  # its text may contain the URL
                _log.error("rate limits not enforced, the store is unreachable: %s", reason)
            return []

    async def close(self) -> None:
        """Close the connections to Redis."""
        if isinstance(self._storage, RedisStorage):
            await self._storage.bridge.storage.aclose()  # type: ignore[attr-defined]  # redis-py's bridge has one

    async def _take(self, limit: RateLimitItem, caller: str) -> RateStatus:
        allowed = await self._counts.hit(limit, caller)
        ends, left = await self._counts.get_window_stats(limit, caller)
        ends_in_s = max(1, math.ceil(ends - time.time()))  # noqa: TID251 - the store's own clock
        return RateStatus(limit.amount, limit.get_expiry(), max(left, 0), ends_in_s, not allowed)


@dataclass(slots=True)
class _Downloads:
    """A caller's running downloads, and the bytes sent since it last had none."""

    began_s: float
    held_bytes: int = 0
    sent_bytes: int = 0


class ByteQuotas:
    """Limits the bytes of concurrent downloads of each caller.

    A file larger than the limit is sent if its caller has no other download running.
    """

    def __init__(self, limit_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_bytes = limit_bytes
        self.clock = clock
        self.downloads: dict[str, _Downloads] = {}


@dataclass(slots=True)
class ByteQuota:
    """The part of its caller's quota that one request holds; closed when the request ends."""

    byte_quotas: ByteQuotas
    caller: str
    _held_bytes: int = field(default=0, init=False)

    def reserve(self, size_bytes: int) -> None:
        """Reserve the bytes of a download that is about to start.

        Raises:
            TooManyBytes: together with the running downloads they exceed the limit.
        """
        byte_quotas = self.byte_quotas
        downloads = byte_quotas.downloads.get(self.caller) or _Downloads(byte_quotas.clock())
        held_bytes = downloads.held_bytes
        if held_bytes and held_bytes + size_bytes > byte_quotas.limit_bytes:
            raise TooManyBytes(
                asked_bytes=size_bytes,
                held_bytes=held_bytes,
                limit_bytes=byte_quotas.limit_bytes,
                retry_after_s=self._wait_s(downloads, size_bytes),
            )
        byte_quotas.downloads[self.caller] = downloads
        downloads.held_bytes += size_bytes
        self._held_bytes += size_bytes

    def sent(self, size_bytes: int) -> None:
        """Record the progress of a download, from which waits are estimated."""
        if self._held_bytes:
            self.byte_quotas.downloads[self.caller].sent_bytes += size_bytes

    def close(self) -> None:
        """Release the reserved bytes; idempotent."""
        if not self._held_bytes:
            return
        downloads = self.byte_quotas.downloads[self.caller]
        downloads.held_bytes -= self._held_bytes
        self._held_bytes = 0
        if not downloads.held_bytes:
            del self.byte_quotas.downloads[self.caller]

    def _wait_s(self, downloads: _Downloads, size_bytes: int) -> int:
        """Estimate how long the running downloads take to free enough of the quota."""
        excess_bytes = downloads.held_bytes + size_bytes - self.byte_quotas.limit_bytes
        seconds = max(self.byte_quotas.clock() - downloads.began_s, 1e-3)
        rate = max(downloads.sent_bytes / seconds, 1.0)
        return max(1, min(MAX_WAIT_S, math.ceil(excess_bytes / rate)))
