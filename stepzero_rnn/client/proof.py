"""Proof that a file's bytes are the server's: a checksum of all of them, told by the server and
taken here.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import BinaryIO

WANTED = {"Want-Repr-Digest": "sha-256=1"}  # costs the server a pass over the file

_PIECE_BYTES = 1 << 20
_CRC32 = re.compile(r"[0-9a-f]{8}")
_SHA256 = re.compile(r"\bsha-256=:([A-Za-z0-9+/]{43}=):")


def told_checksum(headers: Mapping[str, str]) -> str:
    """Return the checksum of the whole file that an answer tells, as `crc32:…` or `sha-256:…`; ""
    where it tells none.

    The CRC comes first: it finds what goes wrong by accident, and takes a fifth of the time.
    """
    crc32 = headers.get("Stepzero-Crc32", "")
    if _CRC32.fullmatch(crc32):
        return f"crc32:{crc32}"
    sha256 = _SHA256.search(headers.get("Repr-Digest", ""))
    return f"sha-256:{base64.b64decode(sha256[1]).hex()}" if sha256 else ""


def taken_checksum(file: BinaryIO, told: str) -> str:
    """Take the checksum of a file's bytes, of the kind that was told."""
    file.seek(0)
    pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
    if told.startswith("sha-256:"):
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
        return f"sha-256:{digest.hexdigest()}"
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return f"crc32:{crc:08x}"
