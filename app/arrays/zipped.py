"""The records of a zip, read strictly: nothing overlaps, nothing is larger than it says, nothing is encrypted.

Python's `zipfile` believes the central directory: it builds as many entries as that names, lets records overlap
(https://www.bamsoftware.com/hacks/zipbomb/; CVE-2024-0450) and fails in a dozen ways on broken input.  The few fields
that matter here are read by hand instead.

Source:
    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from app.arrays.records import Bounds, broken
from app.arrays.values import CHUNK_BYTES
from app.errors import ArraysTooLarge

MAGIC = b"PK\x03\x04"
EMPTY_MAGIC = b"PK\x05\x06"
STORED, DEFLATED = 0, 8

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF  # in these fields: look in the zip64 field instead
_ZIP64_FIELD = 1
_UNREADABLE_FLAGS = 0x2041  # encrypted, strongly encrypted, masked
_MOST_NAME_BYTES = 512
_MOST_INFLATION = 1032  # deflate cannot do more: 258 bytes from 2 bits
_READ_BYTES = 64 << 10


class _Directory(NamedTuple):
    records: int
    offset: int
    size: int
    end: int


@dataclass(frozen=True, slots=True)
class Member:
    """One record: its name, how its content is packed, its sizes and checksum, and where it lies."""

    name: str
    method: int
    packed_bytes: int
    size_bytes: int
    crc32: int
    header: int
    offset: int = 0


def members(file: BinaryIO, size_bytes: int, *, name: str, bounds: Bounds) -> list[Member]:
    """List the records of a zip of `size_bytes`.

    Args:
        name: the file's, for refusals.

    Raises:
        InvalidArrays: the zip is broken or lies.
        ArraysTooLarge: it has too many records, or they unpack to too much.
    """
    directory = _directory(file, size_bytes, name)
    if directory.records > bounds.arrays:
        raise ArraysTooLarge(
            file=name, what="records", given=directory.records, limit=bounds.arrays
        )
    if directory.size > bounds.header_bytes:
        raise ArraysTooLarge(
            file=name, what="bytes of directory", given=directory.size, limit=bounds.header_bytes
        )
    found = [*_entries(_read(file, directory.offset, directory.size, name), directory, name)]
    if len({member.name for member in found}) < len(found):
        broken(name, "two of its records have one name")
    unpacked = sum(member.size_bytes for member in found)
    if unpacked > bounds.total_bytes:
        raise ArraysTooLarge(
            file=name, what="bytes when unpacked", given=unpacked, limit=bounds.total_bytes
        )
    found.sort(key=lambda member: member.header)
    placed = [_placed(file, member, name) for member in found]
    ends = [member.offset + member.packed_bytes for member in placed]
    starts = [*(member.header for member in placed), directory.offset][1:]
    if any(end > start for end, start in zip(ends, starts, strict=True)):
        broken(name, "its records overlap, as in a zip bomb")
    return placed


def content(file: BinaryIO, member: Member, *, name: str) -> Iterator[bytes]:
    """Unpack a record piece by piece, and never beyond the size it says.

    Raises:
        InvalidArrays: it is shorter or longer than it says, or other than its checksum.
    """
    crc, total = 0, 0
    for piece in _inflated(file, member, name) if member.method else _stored(file, member, name):
        total += len(piece)
        if total > member.size_bytes:
            broken(name, "it unpacks to more bytes than it says", member.name)
        crc = zlib.crc32(piece, crc)
        yield piece
    if total < member.size_bytes:
        broken(name, "it unpacks to fewer bytes than it says", member.name)
    if crc != member.crc32:
        broken(name, "its checksum does not match", member.name)


def beginning(file: BinaryIO, member: Member, most_bytes: int, *, name: str) -> bytes:
    """Give the first bytes of a record's content; its checksum is not compared.

    Raises:
        InvalidArrays: it cannot be unpacked.
    """
    packed = _read(file, member.offset, min(member.packed_bytes, most_bytes), name)
    if member.method == STORED:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most_bytes)
    except zlib.error:
        broken(name, "it cannot be unpacked", member.name)


def _stored(file: BinaryIO, member: Member, name: str) -> Iterator[bytes]:
    for start in range(0, member.packed_bytes, CHUNK_BYTES):
        size = min(CHUNK_BYTES, member.packed_bytes - start)
        yield _read(file, member.offset + start, size, name)


def _inflated(file: BinaryIO, member: Member, name: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for start in range(0, member.packed_bytes, _READ_BYTES):
            size = min(_READ_BYTES, member.packed_bytes - start)
            packed = _read(file, member.offset + start, size, name)
            while packed:
                yield inflater.decompress(packed, CHUNK_BYTES)
                packed = inflater.unconsumed_tail
            if inflater.unused_data:
                break
        yield from _rest(inflater)
    except zlib.error:
        broken(name, "it cannot be unpacked", member.name)
    if not inflater.eof or inflater.unused_data:
        broken(name, "its packed bytes end early or late", member.name)


def _rest(inflater: zlib._Decompress) -> Iterator[bytes]:
    """Give what the inflater still holds, though all input has been read."""
    while not inflater.eof and (piece := inflater.decompress(b"", CHUNK_BYTES)):
        yield piece


def _directory(file: BinaryIO, size_bytes: int, name: str) -> _Directory:
    at = size_bytes - _END.size
    signature, disk, first_disk, here, count, size, offset, comment = _END.unpack(
        _read(file, at, _END.size, name)
    )
    if signature != EMPTY_MAGIC or comment:
        broken(name, "it does not end as a zip does: it is cut short, or has a comment")
    if (locator := at - _LOCATOR.size) >= 0:
        packed = _read(file, locator, _LOCATOR.size, name)
        if packed.startswith(b"PK\x06\x07"):
            at = _LOCATOR.unpack(packed)[2]
            if at + _END_64.size != locator:
                broken(name, "its end is not where it says")
            fields = _END_64.unpack(_read(file, at, _END_64.size, name))
            signature, _, _, _, disk, first_disk, here, count, size, offset = fields
            if signature != b"PK\x06\x06":
                broken(name, "its end is not where it says")
    if disk or first_disk or here != count or offset + size != at:
        broken(name, "its directory is not where it says")
    return _Directory(count, offset, size, at)


def _entries(packed: bytes, directory: _Directory, name: str) -> Iterator[Member]:
    place = 0
    for _ in range(directory.records):
        if len(packed) < place + _ENTRY.size:
            broken(name, "its directory ends early")
        fields = _ENTRY.unpack_from(packed, place)
        (signature, _, _, flags, method, _, _, crc, packed_bytes, size_bytes) = fields[:10]
        name_bytes, extra_bytes, comment_bytes, disk, _, _, header = fields[10:]
        name_end = place + _ENTRY.size + name_bytes
        extra_end = name_end + extra_bytes
        place_name, place = place + _ENTRY.size, extra_end + comment_bytes
        if signature != b"PK\x01\x02" or place > len(packed):
            broken(name, "its directory is not one of a zip")
        own = _name(packed[place_name:name_end], name)
        if flags & _UNREADABLE_FLAGS:
            broken(name, "it is encrypted", own)
        if method not in (STORED, DEFLATED) or disk:
            broken(name, "it is packed in another way than stored or deflated", own)
        sizes = [size_bytes, packed_bytes, header]
        sizes = _in_full(sizes, packed[name_end:extra_end], name, own)
        yield _checked(Member(own, method, sizes[1], sizes[0], crc, sizes[2]), name)
    if place != len(packed):
        broken(name, "its directory is longer than its records")


def _name(packed: bytes, name: str) -> str:
    if not 0 < len(packed) <= _MOST_NAME_BYTES:
        broken(name, f"a record's name has {len(packed)} bytes")
    try:
        return packed.decode()
    except UnicodeDecodeError:
        broken(name, "a record's name is not UTF-8")


def _in_full(sizes: list[int], extra: bytes, name: str, own: str) -> list[int]:
    """Take from the zip64 field the sizes that have no room elsewhere."""
    wide = [place for place, size in enumerate(sizes) if size == _MAX_32]
    while wide and len(extra) >= 4:
        field, length = struct.unpack_from("<HH", extra)
        if field == _ZIP64_FIELD and 8 * len(wide) <= min(length, len(extra) - 4):
            for place, size in zip(
                wide, struct.unpack_from(f"<{len(wide)}Q", extra, 4), strict=True
            ):
                sizes[place] = size
            return sizes
        extra = extra[4 + length :]
    if wide:
        broken(name, "its size is not given", own)
    return sizes


def _checked(member: Member, name: str) -> Member:
    least = member.size_bytes if member.method == STORED else member.size_bytes // _MOST_INFLATION
    if member.packed_bytes < least or (member.method == STORED and member.packed_bytes > least):
        broken(name, "it cannot unpack to as many bytes as it says", member.name)
    return member


def _placed(file: BinaryIO, member: Member, name: str) -> Member:
    """Find where a record's content begins, which only its own header tells."""
    fields = _LOCAL.unpack(_read(file, member.header, _LOCAL.size, name))
    signature, _, flags, method, name_bytes, extra_bytes = (*fields[:4], *fields[-2:])
    own = _read(file, member.header + _LOCAL.size, name_bytes, name)
    if (
        signature != MAGIC
        or method != member.method
        or flags & _UNREADABLE_FLAGS
        or own != member.name.encode()
    ):
        broken(name, "its record is other than the directory says", member.name)
    offset = member.header + _LOCAL.size + name_bytes + extra_bytes
    return Member(
        member.name,
        member.method,
        member.packed_bytes,
        member.size_bytes,
        member.crc32,
        member.header,
        offset,
    )


def _read(file: BinaryIO, offset: int, size: int, name: str) -> bytes:
    if offset < 0:
        broken(name, "it is too short for a zip")
    file.seek(offset)
    found = file.read(size)
    if len(found) < size:
        broken(name, "it ends early")
    return found
