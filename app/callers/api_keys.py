"""API keys: created once, stored as hashes only, compared in constant time.

A key has 256 random bits, so one round of SHA-256 protects it: no dictionary contains it.  A key is
stored as a line

    NAME sha256:HEX

of a file, which is reloaded when it changes, or of a comma-separated environment variable.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = "stepzero_"  # by which secret scanners recognize leaked keys
RELOAD_INTERVAL_S = 1.0
LOG_INTERVAL_S = 60.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_log = logging.getLogger("stepzero.keys")
_LINE = re.compile(rf"(?P<name>{NAME.pattern})\s+sha256:(?P<sha256>[0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key: the name of its owner, and its hash."""

    name: str
    sha256: bytes

    @property
    def line(self) -> str:
        """The line of a key file."""
        return f"{self.name} sha256:{self.sha256.hex()}"


def new_key(name: str) -> tuple[str, ApiKey]:
    """Create a key; return its text, which is not stored, and its record.

    Raises:
        ValueError: the name is not allowed in a key file.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            "use 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first"
        )
    text = PREFIX + secrets.token_urlsafe(32)
    return text, ApiKey(name, _hash(text))


def read_keys(lines: Iterable[str]) -> tuple[ApiKey, ...]:
    """Parse lines of keys; `#` begins a comment.

    Raises:
        ValueError: a line is malformed, or a name is repeated.  The message does not quote the
            line, which may contain a key.
    """
    keys: dict[str, ApiKey] = {}
    for number, line in enumerate(lines, 1):
        plain = line.partition("#")[0].strip()
        if not plain:
            continue
        match = _LINE.fullmatch(plain)
        if match is None:
            raise ValueError(f"line {number} does not have the form NAME sha256:HEX")
        name = match["name"]
        if name in keys:
            raise ValueError(f"line {number} repeats the name {name}")
        keys[name] = ApiKey(name, bytes.fromhex(match["sha256"]))
    return tuple(keys.values())


def read_key_file(path: Path) -> tuple[ApiKey, ...]:
    """Read a key file.

    Raises:
        ValueError: the file cannot be read, or a line is invalid.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"cannot read the key file: {reason}") from error
    return read_keys(text.splitlines())


class Keyring:
    """The valid keys: fixed ones, and those of a file that may change while the service runs.

    If the file becomes unreadable or invalid, an error is logged and the previous keys stay valid.

    Args:
        clock: monotonic seconds; the file is examined during look-ups, at most once per
            `RELOAD_INTERVAL_S`.

    Raises:
        ValueError: the file cannot be read at the start.
    """

    def __init__(
        self,
        fixed: Sequence[ApiKey] = (),
        path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = tuple(fixed)
        self._path = path
        self._clock = clock
        self._checked_s = clock()
        self._logged_s = -math.inf
        self._seen = _state(path)
        self._keys = self._fixed + (read_key_file(path) if path else ())

    def __bool__(self) -> bool:
        """Whether requests need a key."""
        return bool(self._fixed or self._path)

    def owner(self, text: str) -> str | None:
        """Return the name of a key's owner, or None if the key is invalid.

        Every stored key is compared, even after a match.
        """
        self._reload()
        sha256, owner = _hash(text), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, sha256):
                owner = key.name
        return owner

    def stored(self, name: str) -> bytes | None:
        """Return the stored hash of an owner's key, or None if there is none."""
        self._reload()
        return next((key.sha256 for key in self._keys if key.name == name), None)

    def _reload(self) -> None:
        """Reload the file if its inode, size or times have changed; checked at most once a second.

        The new state is recorded only after a successful read, so an unreadable file is retried.
        """
        now_s = self._clock()
        if self._path is None or now_s - self._checked_s < RELOAD_INTERVAL_S:
            return
        self._checked_s = now_s
        state = _state(self._path)
        if state == self._seen:
            return
        try:
            self._keys = self._fixed + read_key_file(self._path)
        except ValueError as error:
            if now_s - self._logged_s >= LOG_INTERVAL_S:
                self._logged_s = now_s
                _log.error("API keys not reloaded, the previous ones stay valid: %s", error)
            return
        self._seen, self._logged_s = state, -math.inf
        _log.info("reloaded %d API keys", len(self._keys))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _state(path: Path | None) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    if status is None:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
