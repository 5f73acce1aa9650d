"""Sessions of a browser: an API key exchanged for a cookie, which a download of the browser sends
as well.

A session is a signed statement, `NAME.EXPIRY.SIGNATURE`, so that no replica stores it.  The signing
key combines the service's secret with the stored hash of the API key: with only one of them, nobody
can make a session, and when a key is removed, its sessions end.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.callers.api_keys import NAME, Keyring

COOKIE = "stepzero_session"

_SESSION = re.compile(
    rf"(?P<name>{NAME.pattern})\.(?P<expiry>[0-9]{{1,12}})\.(?P<mac>[0-9a-f]{{64}})"
)


def _now_s() -> float:
    return time.time()  # noqa: TID251 - a date, on which replicas agree


@dataclass(frozen=True, slots=True)
class Sessions:
    """Makes and verifies sessions.

    Args:
        secret: shared by all processes and replicas.
        lifetime_s: seconds after which a session is no longer valid.
        clock: seconds since the epoch, as replicas have to agree.
    """

    keyring: Keyring
    secret: bytes
    lifetime_s: int
    clock: Callable[[], float] = _now_s

    def start(self, name: str) -> str | None:
        """Return a session of a key's owner, or None if the key has been removed meanwhile."""
        expiry = f"{int(self.clock()) + self.lifetime_s}"
        mac = self._mac(name, expiry)
        return f"{name}.{expiry}.{mac}" if mac else None

    def owner(self, session: str) -> str | None:
        """Return the name of the key that a session was started with, or None if it is invalid."""
        match = _SESSION.fullmatch(session)
        if match is None or int(match["expiry"]) <= self.clock():
            return None
        mac = self._mac(match["name"], match["expiry"])
        return match["name"] if mac and hmac.compare_digest(mac, match["mac"]) else None

    def _mac(self, name: str, expiry: str) -> str | None:
        stored = self.keyring.stored(name)
        if stored is None:
            return None
        key = hmac.digest(self.secret, b"session" + stored, hashlib.sha256)
        return hmac.new(key, f"{name}.{expiry}".encode(), hashlib.sha256).hexdigest()
