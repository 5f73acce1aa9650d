"""The recipe token: a canonical spec as part of a URL, so that the URL fixes the checkpoint.

    token = <stream version> "." base64url(check ‖ deflate(canonical JSON))

`check` is the first 6 bytes of the sha256 of what follows.  The compressor uses a fixed dictionary,
which is part of the token's definition and may never change within a stream version.  A token is
self-contained, so any server can serve any token.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from stepzero_rnn.errors import (
    InvalidRecipe,
    InvalidSpec,
    MalformedJson,
    OutdatedRecipe,
    RecipeTooLong,
)
from stepzero_rnn.spec.canonical import REMEMBERED, STREAM_VERSION, canonical_json, recipe_digest
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse, parse_json

AnySpec = Spec | Mapping[str, Any] | str  # a recipe, its fields, or its token

CHECK_BYTES = 6
MAX_TOKEN_CHARS = 2048
MAX_JSON_BYTES = 8192
_TOKEN = re.compile(r"(0|[1-9][0-9]{0,5})\.([A-Za-z0-9_-]+)")
_DICTIONARY = (
    b'"accept_dead":true,"accept_nonfinite":true,"batch_first":true,"bias":false,"bidirectional":true,'
    b'"dropout":0.5,"dtype":"bfloat16","dtype":"float16","dtype":"float64","scope":"fused"'
    b'"split":"half","split":"hh","gain":1.4142135623730951,"std":0.01,"mean":0.0,"low":-0.1,"high":0.1,'
    b'"nonlinearity":"relu","mode":"fan_out","distribution":"normal","uniform","axis":"out","sparsity":0.9,'
    b'{"scheme":"constant","value":1.0}{"scheme":"variance_scaling"{"scheme":"sparse"{"scheme":"trunc_normal"'
    b'"lecun_uniform""lecun_normal""kaiming_uniform""kaiming_normal""identity""ones""forget""zeros"'
    b'{"scheme":"forget"{"scheme":"uniform"{"scheme":"normal"{"scheme":"orthogonal",'
    b'"init":{"bias":"zeros","weight_hh":"orthogonal","weight_hr":"xavier_uniform","weight_ih":'
    b'"xavier_normal"},"input_size":"xavier_uniform"},"input_size":'
    b'{"bidirectional":true,"hidden_size":1024,"input_size":128,"num_layers":2,"proj_size":64,'
    b'"rnn_type":"rnn","rnn_type":"lstm","seed":42}{"hidden_size":20,"input_size":10,"rnn_type":"gru"}'
)


@lru_cache(REMEMBERED)
def encode_recipe(spec: Spec) -> str:
    """Return the token of a recipe.

    Raises:
        RecipeTooLong: it does not fit in a URL, because of the literal arrays in it.
    """
    text = canonical_json(spec).encode()
    if len(text) > MAX_JSON_BYTES:
        raise RecipeTooLong(length=len(text), limit=MAX_JSON_BYTES, unit="bytes of JSON")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_DICTIONARY)
    packed = deflate.compress(text) + deflate.flush()
    body = base64.urlsafe_b64encode(_check(packed) + packed)
    token = f"{STREAM_VERSION}.{body.rstrip(b'=').decode()}"
    if len(token) > MAX_TOKEN_CHARS:
        raise RecipeTooLong(length=len(token), limit=MAX_TOKEN_CHARS, unit="packed characters")
    return token


def decode_recipe(token: str) -> Spec:
    """Return the recipe of a token.

    Raises:
        OutdatedRecipe: the token has a stream version that is not supported.
        InvalidRecipe: the token is truncated, altered, not canonical, or not a token.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise InvalidRecipe(reason=f"it is longer than {MAX_TOKEN_CHARS} characters")
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise InvalidRecipe(reason="it must consist of a version, a dot and base64url text")
    version, body = int(match[1]), match[2]
    if version != STREAM_VERSION:
        raise OutdatedRecipe(given=version, allowed=[STREAM_VERSION])
    checked = _unbase64(body)
    check, packed = checked[:CHECK_BYTES], checked[CHECK_BYTES:]
    if check != _check(packed):
        raise InvalidRecipe(reason="its checksum does not match; it was truncated or altered")
    text = _inflate(packed)
    try:
        spec = parse_json(Spec, text)
    except (InvalidSpec, MalformedJson) as error:
        raise InvalidRecipe(reason=f"its spec is not valid ({error.detail})") from error
    if canonical_json(spec).encode() != text:
        raise InvalidRecipe(reason="its spec is not in canonical form")
    return spec


def as_spec(given: AnySpec) -> Spec:
    """Return the recipe that a spec, its plain mapping or a token describes.

    Raises:
        InvalidSpec: the mapping is not a valid spec; every wrong field is named.
        InvalidRecipe, OutdatedRecipe: the token cannot be decoded here.
    """
    if isinstance(given, Spec):
        return given
    if isinstance(given, str):
        return decode_recipe(given)
    fields: Any = given  # whatever it is, its refusal names it
    return parse(Spec, dict(fields) if isinstance(fields, Mapping) else fields)


def file_stem(spec: Spec) -> str:
    """Return the stem of a recipe's file name: `gru-10x20-r<recipe prefix>`, on every server.

    Loaders cache by file name, so two recipes never share one.  The `r` keeps `torch.hub` from
    mistaking the digest for the file's hash.
    """
    return f"{_sizes(spec)}-r{recipe_digest(spec).hex()[:8]}"


def hashed_stem(spec: Spec, sha256: str) -> str:
    """Return the stem of a file name that `torch.hub` verifies: with the hash between the last `-`
    and the `.`, as in `gru-10x20-1f0c9a7e.pt`.
    """
    return f"{_sizes(spec)}-{sha256[:8]}"


def _sizes(spec: Spec) -> str:
    layers = f"x{spec.num_layers}" if spec.num_layers > 1 else ""
    return f"{spec.rnn_type}-{spec.input_size}x{spec.hidden_size}{layers}"


def _check(packed: bytes) -> bytes:
    return sha256(packed).digest()[:CHECK_BYTES]


def _unbase64(body: str) -> bytes:
    try:
        packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except binascii.Error as error:
        raise InvalidRecipe(reason="it is not base64url; it was truncated or altered") from error
    if base64.urlsafe_b64encode(packed).rstrip(b"=").decode() != body:
        raise InvalidRecipe(reason="it is not canonical base64url; it was altered")
    return packed


def _inflate(packed: bytes) -> bytes:
    inflate = zlib.decompressobj(-15, zdict=_DICTIONARY)
    try:
        text = inflate.decompress(packed, MAX_JSON_BYTES)
    except zlib.error as error:
        raise InvalidRecipe(
            reason="it cannot be decompressed; it was truncated or altered"
        ) from error
    if not inflate.eof or inflate.unused_data:
        raise InvalidRecipe(reason="it does not end where it should; it was truncated or altered")
    return text
