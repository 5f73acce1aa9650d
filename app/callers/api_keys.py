"""API keys: made once, kept as hashes only, compared without telling by time how near a guess came.

A key is 256 random bits, so one round of sha256 keeps it: there is no dictionary to try.  What is
kept is a line a key,

    NAME sha256:HEX

in a file, which is read anew when it changes, or in an environment variable, parted by commas.
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

PREFIX = "stepzero_"  # lets scanners of leaked secrets know one
LOOK_AGAIN_S = 1.0
TELL_AGAIN_S = 60.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_log = logging.getLogger("stepzero.keys")
_LINE = re.compile(rf"(?P<name>{NAME.pattern})\s+sha256:(?P<sha256>[0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: whose it is, and its hash."""

    name: str
    sha256: bytes

    @property
    def line(self) -> str:
        """Write it as it stands in a file."""
        return f"{self.name} sha256:{self.sha256.hex()}"


def new_key(name: str) -> tuple[str, Key]:
    """Make a key: its text, which is told once, and what is kept of it.

    Raises:
        ValueError: the name cannot stand in a file of keys.
    """
    if not NAME.fullmatch(name):
        raise ValueError("a key's name is up to 64 letters, digits, dots, dashes and underscores")
    text = PREFIX + secrets.token_urlsafe(32)
    return text, Key(name, _hash(text))


def read_keys(lines: Iterable[str]) -> tuple[Key, ...]:
    """Read lines of keys; what follows a `#` is a remark.

    Raises:
        ValueError: a line is none, or two have one name.  The line itself is not told: it may be a
            key.
    """
    keys: dict[str, Key] = {}
    for number, line in enumerate(lines, 1):
        plain = line.partition("#")[0].strip()
        if not plain:
            continue
        found = _LINE.fullmatch(plain)
        if found is None:
            raise ValueError(f"line {number} is not of the form NAME sha256:HEX")
        if found["name"] in keys:
            raise ValueError(f"line {number} names {found['name']} again")
        keys[found["name"]] = Key(found["name"], bytes.fromhex(found["sha256"]))
    return tuple(keys.values())


def read_key_file(path: Path) -> tuple[Key, ...]:
    """Read a file of keys.

    Raises:
        ValueError: it cannot be read, or a line is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"the file of keys cannot be read: {reason}") from error
    return read_keys(text.splitlines())


class Keyring:
    """The keys that are good now: fixed ones, and those of a file, which may change while the
    service runs.

    A file that has become unreadable or wrong changes nothing but the log: the keys that were good
    stay good.

    Args:
        clock: tells when to look at the file again, which happens as keys are asked for.

    Raises:
        ValueError: the file cannot be read at the start.
    """

    def __init__(
        self,
        fixed: Sequence[Key] = (),
        path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = tuple(fixed)
        self._path = path
        self._clock = clock
        self._looked_s = clock()
        self._told_s = -math.inf
        self._seen = _state(path)
        self._keys = self._fixed + (read_key_file(path) if path else ())

    def __bool__(self) -> bool:
        """Whether keys are asked for at all."""
        return bool(self._fixed or self._path)

    def owner(self, given: str) -> str | None:
        """Return the name of a key's owner, None where it is nobody's.

        Every key is compared, whatever matches.
        """
        self._look()
        sha256, owner = _hash(given), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, sha256):
                owner = key.name
        return owner

    def _look(self) -> None:
        """Read the file again if it has changed: at most once a second, by its inode, size and
        times.

        Its state counts as seen once it has been read, so a file that cannot be is tried until it
        can.
        """
        now_s = self._clock()
        if self._path is None or now_s - self._looked_s < LOOK_AGAIN_S:
            return
        self._looked_s = now_s
        state = _state(self._path)
        if state == self._seen:
            return
        try:
            self._keys = self._fixed + read_key_file(self._path)
        except ValueError as error:
            if now_s - self._told_s >= TELL_AGAIN_S:
                self._told_s = now_s
                _log.error("the keys stay as they were: %s", error)
            return
        self._seen, self._told_s = state, -math.inf
        _log.info("read %d keys anew", len(self._keys))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _state(path: Path | None) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    if found is None:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
