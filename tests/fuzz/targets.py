"""What is fed with bytes from strangers: each target takes any bytes, and anything but a named
refusal is a finding.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from anyio.from_thread import start_blocking_portal
from safetensors.numpy import save

from app.request.forms import read_form
from app.request.negotiation import choose_format
from app.request.ranges import wanted_range
from stepzero_rnn.arrays.canonical import open_stored
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import ReadLimits, ReadOptions, Upload
from stepzero_rnn.errors import (
    ArraysTooLarge,
    BodyTooLarge,
    InvalidArrays,
    InvalidRecipe,
    InvalidSpec,
    MalformedForm,
    MalformedJson,
    NotAcceptable,
    NotAnArrayFile,
    OutdatedRecipe,
    RangeNotSatisfiable,
)
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import CheckpointRequest, Spec
from stepzero_rnn.spec.parse import parse_json
from stepzero_rnn.spec.recipe import _DICTIONARY, decode_recipe, encode_recipe
from stepzero_rnn.uploads.store import Store

SPEC = Spec(rnn_type="lstm", input_size=3, hidden_size=4, num_layers=2)
BOUNDS = ReadLimits(files=4, arrays=64, total_bytes=1 << 20, header_bytes=1 << 16)
_OPTIONS = (
    ReadOptions(),
    ReadOptions(strict=True),
    ReadOptions(grow=True),
    ReadOptions(layout="keras"),
    ReadOptions(layout="flax"),
    ReadOptions(layout="onnx"),
)
_LENGTH = 12_345
_MEMORY = Path("/dev/shm")  # noqa: S108 - thousands a second, where it can be had
_SCRATCH = _MEMORY if _MEMORY.is_dir() else None
_HEADER_WORDS = (
    "bytes= */* ;q=0.5 application/zip application/vnd.safetensors application/octet-stream"
)
_FORM_WORDS = (
    "multipart/form-data boundary= --x --x-- Content-Disposition: form-data name= filename= spec layout strict grow redraw "
    "arrays weight_ih_l0 Content-Type: application/json charset filename*=UTF-8 rnn_type gru input_size hidden_size"
)
_UPLOAD_WORDS = (
    "descr fortran_order shape True False <f2 >f2 <f4 >f4 <f8 >f8 <i4 |O __metadata__ dtype data_offsets F16 BF16 F32 F64 "
    "weight_ih_l0 weight_hh_l0 weight_ih_l1 bias_ih_l0 bias_hh_l0 forget input cell output .npy npz reverse bidirectional "
    "kernel recurrent_kernel bias cell.kernel ii if ig io hi hf hg ho W R B lstm_cell forward_layer backward_layer layer0"
)


def read_token(data: bytes) -> None:
    """Decode a token: raw text, or with a check that fits, or with JSON that unpacks."""
    kind, rest = data[:1], data[1:]
    match kind:
        case b"p":
            token = packed_token(rest)
        case b"j":
            token = packed_token(deflated(rest))
        case _:
            token = rest.decode("latin-1")
    try:
        spec = decode_recipe(token)
    except (InvalidRecipe, OutdatedRecipe):
        return
    assert encode_recipe(spec) == token or kind == b"p", "one recipe has two tokens"


def read_upload(data: bytes) -> None:
    """Take in an uploaded file: as it is, or as a record of a zip whose checksums fit."""
    kind, options, rest = data[:1], _OPTIONS[sum(data[1:2]) % len(_OPTIONS)], data[2:]
    content = zipped(rest) if kind == b"z" else headed(rest) if kind == b"h" else rest
    with tempfile.TemporaryDirectory(dir=_SCRATCH) as folder:
        upload, target = Path(folder, "upload"), Path(folder, "canonical")
        upload.write_bytes(content)
        try:
            manifest = ingest([Upload("weight_ih_l0.npy", upload)], target, SPEC, options, BOUNDS)
        except (InvalidArrays, ArraysTooLarge, NotAnArrayFile):
            assert not target.exists(), "a refused file left something behind"
            return
        stored = target.read_bytes()
        assert manifest.sha256 == hashlib.sha256(stored).hexdigest()
        with open_stored(target) as kept:
            assert set(kept.entries) == {entry.name for entry in manifest.entries}


def read_headers(data: bytes) -> None:
    """Read a Range with its If-Range, and an Accept header."""
    first, _, rest = data.decode("latin-1").partition("\n")
    second, _, third = rest.partition("\n")
    try:
        part = wanted_range(first, second or None, etag='"tag"', length=_LENGTH)
    except RangeNotSatisfiable:
        part = None
    assert part is None or (0 <= part.start < part.stop <= _LENGTH)
    with suppress(NotAcceptable):
        assert choose_format(None, third) in FORMATS


def read_upload_form(data: bytes) -> None:
    """Read a form, given as its Content-Type, a line with how much is looked at at a time, and its
    body.
    """
    content_type, _, rest = data.partition(b"\n")
    feed, _, body = rest.partition(b"\n")
    feed_bytes = 1 + sum(feed) % 64
    with (
        tempfile.TemporaryDirectory(dir=_SCRATCH) as folder,
        Store(Path(folder), 1 << 20).incoming() as incoming,
        start_blocking_portal() as portal,
    ):
        reading = partial(
            read_form,
            _cut(body, feed_bytes),
            content_type.decode("latin-1"),
            incoming,
            max_bytes=1 << 20,
            max_text_bytes=1 << 10,
            feed_bytes=feed_bytes,
        )
        try:
            form = portal.call(reading)
            parse_json(CheckpointRequest, form.texts.get("spec", b""))
        except (MalformedForm, BodyTooLarge, MalformedJson, InvalidSpec):
            return
        sizes = [upload.path.stat().st_size for upload in form.files]
        assert all(upload.path.parent == incoming.path for upload in form.files)
        assert sum(sizes) + sum(map(len, form.texts.values())) <= len(body)


async def _cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for first in range(0, len(body), size):
        yield body[first : first + size]


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "token": read_token,
    "upload": read_upload,
    "form": read_upload_form,
    "headers": read_headers,
}


def seeds(name: str) -> Iterator[bytes]:
    """Return good inputs to begin with."""
    return {"token": _tokens, "upload": _uploads, "form": _forms, "headers": _headers}[name]()


def words(name: str) -> Iterator[bytes]:
    """Return words that good inputs are made of, which mutations may put in anywhere."""
    known = {
        "token": json.dumps(Spec.model_json_schema()),
        "upload": _UPLOAD_WORDS,
        "form": _FORM_WORDS,
        "headers": _HEADER_WORDS,
    }
    yield from sorted(
        {word.encode() for word in re.findall(r"[A-Za-z_0-9<>=*/.-]{2,32}", known[name])}
    )


def packed_token(packed: bytes) -> str:
    """Return a token whose check fits what it holds."""
    check = hashlib.sha256(packed).digest()[:6]
    return "1." + base64.urlsafe_b64encode(check + packed).rstrip(b"=").decode()


def deflated(text: bytes) -> bytes:
    """Pack text as a token's JSON is packed."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_DICTIONARY)
    return deflate.compress(text) + deflate.flush()


def zipped(data: bytes) -> bytes:
    """Make a zip of up to four records: a byte of how, a byte of the name's length, two of the
    content's.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for _ in range(4):
            if len(data) < 4:
                break
            how, name_bytes, size = struct.unpack_from("<BBH", data)
            name, data = data[4 : 4 + name_bytes], data[4 + name_bytes :]
            content, data = data[:size], data[size:]
            record = zipfile.ZipInfo(name.decode("latin-1") or "x")
            record.compress_type = zipfile.ZIP_DEFLATED if how % 2 else zipfile.ZIP_STORED
            if record.filename not in file.namelist():
                file.writestr(record, content)
    return made.getvalue()


def headed(data: bytes) -> bytes:
    """Make a .safetensors file whose header has the length that it says."""
    header, _, numbers = data.partition(b"\n")
    return struct.pack("<Q", len(header)) + header + numbers


def _tokens() -> Iterator[bytes]:
    for spec in (SPEC, Spec(rnn_type="gru", input_size=10, hidden_size=20)):
        token, text = encode_recipe(spec), canonical_json(spec).encode()
        yield b"t" + token.encode()
        yield b"p" + deflated(text)
        yield b"j" + text
    yield b"t2.AAAA"
    yield b'j{"hidden_size":2,"init":{"bias":"zeros","overrides":[{"init":{"scheme":"array","values":[1]}}]}}'


def _uploads() -> Iterator[bytes]:
    arrays = {
        "weight_ih_l0": np.arange(48, dtype="<f4").reshape(16, 3),
        "weight_hh_l1": np.ones((16, 4), ">f8", order="F"),
    }
    files: list[bytes] = [save({name: array.astype("<f4") for name, array in arrays.items()})]
    for write in (np.savez, np.savez_compressed):
        made = io.BytesIO()
        write(made, **arrays)  # type: ignore[arg-type]  # names are ours
        files.append(made.getvalue())
    one = io.BytesIO()
    np.save(one, arrays["weight_ih_l0"])
    files.append(one.getvalue())
    for place, content in enumerate(files):
        yield b"r" + bytes([place % 2]) + content
    yield b"z\0" + struct.pack("<BBH", 1, 16, len(files[-1])) + b"weight_ih_l0.npy" + files[-1]
    length = struct.unpack_from("<Q", files[0])[0]
    yield b"h\2" + files[0][8 : 8 + length] + b"\n" + files[0][8 + length :]


def _forms() -> Iterator[bytes]:
    spec = canonical_json(SPEC).encode()
    disposition = b"Content-Disposition: form-data; name="
    yield (
        b'multipart/form-data; boundary=x\na\n--x\r\n%s"spec"\r\n\r\n%s\r\n--x\r\n%s"arrays"; filename="a.npy"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x93NUMPY\r\n--x--\r\n"
    ) % (disposition, spec, disposition)
    yield (
        b'multipart/form-data; boundary="a b"\n\n--a b\r\n%s"grow"\r\n\r\ntrue\r\n--a b--'
        % disposition
    )
    yield b"multipart/form-data; boundary=x\n\n--x--"


def _headers() -> Iterator[bytes]:
    yield b'bytes=0-99\n"tag"\napplication/vnd.safetensors;q=0.5, */*;q=0.1'
    yield b"bytes=-5\n\ntext/html"
    yield b"bytes=7-\n\n"
