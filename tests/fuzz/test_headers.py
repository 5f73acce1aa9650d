"""Any Range and Accept is understood as its standard says, or refused by name; any token is one
recipe's or nobody's.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.request.negotiation import choose_format
from app.request.ranges import wanted_range
from stepzero_rnn.errors import InvalidRecipe, NotAcceptable, OutdatedRecipe, RangeNotSatisfiable
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import FormatName
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe
from tests.fuzz.targets import deflated, packed_token, read_headers, read_token
from tests.spec.strategies import specs

ETAG = '"tag"'
NUMBERS = st.one_of(
    st.just(""), st.integers(0, 30).map(str), st.sampled_from(["9" * 19, "9" * 25, "-1", "٣"])
)
BLANKS = st.sampled_from(["", " ", "\t"])
RANGES = st.builds(
    lambda unit, a, b, first, last, rest: f"{unit}{a}={b}{first}-{last}{rest}",
    st.sampled_from(["bytes", "Bytes", "items", ""]),
    BLANKS,
    BLANKS,
    NUMBERS,
    NUMBERS,
    st.sampled_from(["", "", "", ",0-1", " ", "x", "-"]),
)


def expected(header: str, length: int) -> range | str | None:
    """Read a Range once more, by the words of RFC 9110, section 14.1.2: the bytes, None for all, or
    that it is refused.
    """
    unit, equals, text = header.strip().partition("=")
    if not equals or unit.strip(" \t").lower() != "bytes":
        return None
    found = re.fullmatch(r"([0-9]{0,19})-([0-9]{0,19})", text.strip())
    if not found or not any(found.groups()):
        return "refused"
    every = range(length)
    first, last = found.groups()
    if not first:
        return every[-int(last) :] if int(last) else "refused"
    if last and int(last) < int(first):
        return "refused"
    return every[int(first) : int(last) + 1 if last else length] or "refused"


@given(RANGES, st.integers(1, 20))
def test_a_range_is_understood_as_the_standard_says(header: str, length: int):
    if expected(header, length) != "refused":
        assert wanted_range(header, None, etag=ETAG, length=length) == expected(header, length)
        return
    with pytest.raises(RangeNotSatisfiable) as refused:
        wanted_range(header, None, etag=ETAG, length=length)

    assert refused.value.headers["Content-Range"] == f"bytes */{length}"


@given(RANGES, st.text(max_size=8))
def test_a_range_of_another_file_is_none(header: str, if_range: str):
    if if_range.strip() != ETAG:
        assert wanted_range(header, if_range, etag=ETAG, length=9) is None


TYPES = [record.media_type for record in FORMATS.values()]
MEDIA = st.sampled_from([*TYPES, "application/*", "*/*", "text/html", "application/octet-stream"])
WEIGHTS = st.sampled_from(["", ";q=0", ";q=0.0", ";q=0.3", "; q=1", ";Q=0.7", ";level=1;q=0.5"])
UNSAID = 1e-9  # better than what is refused, worse than all that is liked
LIKED = st.lists(st.tuples(MEDIA, WEIGHTS), min_size=1, max_size=5, unique_by=lambda like: like[0])


@given(LIKED)
def test_no_format_is_sent_that_was_ruled_out_or_while_a_better_liked_one_is_there(
    liked: list[tuple[str, str]],
):
    accept = ", ".join(media + weight for media, weight in liked)
    weights = {media: float(re.sub(r".*q=", "", weight.lower()) or 1) for media, weight in liked}

    def weight_of(name: FormatName) -> float:
        media = FORMATS[name].media_type
        ranges = (media, "application/*", "*/*")
        plain = next((weights[wanted] for wanted in ranges if wanted in weights), UNSAID)
        return max(plain, weights.get("application/octet-stream", 0.0)) if name == "pt" else plain

    try:
        chosen = choose_format(None, accept)
    except NotAcceptable:
        assert not any(weight_of(name) for name in FORMATS)
        return
    assert weight_of(chosen) == max(map(weight_of, FORMATS)) > 0


@given(st.binary(max_size=200))
def test_any_headers_are_read(data: bytes):
    read_headers(data)


@given(st.binary(max_size=200), st.sampled_from(["t", "p", "j"]))
def test_any_token_is_decoded_or_refused_by_name(data: bytes, kind: str):
    read_token(kind.encode() + data)


@given(specs(), st.data())
def test_an_altered_token_is_refused(spec, data: st.DataObject):
    token = encode_recipe(spec)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("AZaz09-_.").filter(lambda x: x != token[place]))

    with pytest.raises((InvalidRecipe, OutdatedRecipe)):
        decode_recipe(token[:place] + letter + token[place + 1 :])


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
)


@given(DOCUMENTS)
def test_a_token_of_any_json_is_refused(value):
    token = packed_token(deflated(json.dumps(value).encode()))

    with pytest.raises(InvalidRecipe):
        decode_recipe(token)
