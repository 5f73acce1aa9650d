"""The recipe: one canonical text for one set of weights, and one token for one text."""

from __future__ import annotations

import base64
import json
import string
import tracemalloc
import zlib
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepzero_rnn.errors import InvalidRecipe, OutdatedRecipe
from stepzero_rnn.spec.canonical import canonical, canonical_json, recipe_digest
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import (
    CHECK_BYTES,
    MAX_TOKEN_CHARS,
    decode_recipe,
    encode_recipe,
    file_stem,
    hashed_stem,
)
from tests.spec.strategies import specs

GRU = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LSTM = GRU | {"rnn_type": "lstm"}
RNN = GRU | {"rnn_type": "rnn"}
SHORTEST = "1.wBT8CA95I0MLAA"
quickly = settings(max_examples=50, deadline=None)
BASE64URL = string.ascii_letters + string.digits + "-_"

# Never to be changed within stream version 1: these texts and tokens stand in people's papers.
GOLDEN: list[tuple[dict[str, Any], str, str]] = [
    (GRU, '{"hidden_size":20,"input_size":10,"rnn_type":"gru"}', SHORTEST),
    (
        {
            "rnn_type": "lstm",
            "input_size": 128,
            "hidden_size": 1024,
            "num_layers": 2,
            "bidirectional": True,
            "proj_size": 64,
            "seed": 42,
            "dtype": "bfloat16",
            "init": {
                "weight_ih": "xavier_uniform",
                "weight_hh": "orthogonal",
                "weight_hr": "xavier_normal",
                "bias": "forget",
            },
        },
        '{"bidirectional":true,"dtype":"bfloat16","hidden_size":1024,"init":{"bias":"forget",'
        '"weight_hh":"orthogonal","weight_hr":"xavier_normal","weight_ih":"xavier_uniform"},'
        '"input_size":128,"num_layers":2,"proj_size":64,"rnn_type":"lstm","seed":42}',
        "1.e6nsycBaw-FuLFkQq1dQYgIauaRFBTw7YIkJHGFNWqihBxIA",
    ),
    (
        {
            "rnn_type": "rnn",
            "nonlinearity": "relu",
            "input_size": 1,
            "hidden_size": 1,
            "bias": False,
            "init": "identity",
        },
        '{"bias":false,"hidden_size":1,"init":{"weight_hh":"identity","weight_ih":"identity"},'
        '"input_size":1,"nonlinearity":"relu","rnn_type":"rnn"}',
        "1.E3rmLuY-q0bNnajuRYQ1cuDCIxs19ODCaCGDM6Og-awWAA",
    ),
    (
        {
            "rnn_type": "gru",
            "input_size": 3,
            "hidden_size": 5,
            "init": {
                "scheme": "trunc_normal",
                "std": 0.02,
                "low": -0.04,
                "high": 0.04,
                "bounds": "absolute",
            },
        },
        '{"hidden_size":5,"init":{"bias":"zeros","weight_hh":{"bounds":"absolute","high":0.04,'
        '"low":-0.04,"scheme":"trunc_normal","std":0.02},"weight_ih":{"bounds":"absolute",'
        '"high":0.04,"low":-0.04,"scheme":"trunc_normal","std":0.02}},"input_size":3,'
        '"rnn_type":"gru"}',
        "1.E5Hscn_VQ9NiSkzwAuXyS_NSQLKJScX5OaXA3I_IGAYmiPwCYmNPcIicZlSLEgvUNhwtnowxgwAA",
    ),
    (
        {
            "rnn_type": "lstm",
            "input_size": 9007199254740991,
            "hidden_size": 7,
            "seed": 9007199254740991,
            "dropout": 0.25,
            "batch_first": True,
            "dtype": "float64",
            "init": {
                "bias": {"scheme": "normal", "mean": 0.5, "std": 0.1, "split": "half"},
                "weight_hh": {
                    "scheme": "orthogonal",
                    "gain": 1.4142135623730951,
                    "scope": "fused",
                },
            },
        },
        '{"batch_first":true,"dropout":0.25,"dtype":"float64","hidden_size":7,"init":{"bias":'
        '{"mean":0.5,"scheme":"normal","split":"half","std":0.1},"weight_hh":{"gain":'
        '1.4142135623730951,"scheme":"orthogonal","scope":"fused"}},"input_size":'
        '9007199254740991,"rnn_type":"lstm","seed":9007199254740991}',
        "1.UX7dpyXkfdNBCgAgCETRC7XQSGTOJt69RRBp1l4Q_D6rwB4cu1TUwhrNSWzTkXZVbRfMJY49JLSf0fItIn9PfUCkDHQZOgjg9x3zpE8",
    ),
    (
        {
            "rnn_type": "rnn",
            "input_size": 6,
            "hidden_size": 6,
            "accept_nonfinite": True,
            "accept_dead": True,
            "dtype": "float16",
            "init": {
                "weight_hh": {"scheme": "sparse", "sparsity": 0.9, "axis": "out"},
                "weight_ih": {"scheme": "constant", "value": -1e-7},
                "bias": {"scheme": "constant", "value": 0.1, "split": "hh"},
            },
        },
        '{"accept_dead":true,"accept_nonfinite":true,"dtype":"float16","hidden_size":6,"init":'
        '{"bias":{"scheme":"constant","split":"hh","value":0.1},"weight_hh":{"axis":"out",'
        '"scheme":"sparse","sparsity":0.9},"weight_ih":{"scheme":"constant","value":-1e-07}},'
        '"input_size":6,"rnn_type":"rnn"}',
        "1.oWF1Eqtqq1YiIW9j5kIU-8zQ4wZ74kXJidCUDMxPtShRWI2WKdDSMVo2qUWJSLx5RtcwVdfAvBYt-swwAroWAA",
    ),
]
GOLDEN_IDS = ["small", "projected", "identity", "cut", "largest", "accepting"]
# printf '1\n{"hidden_size":20,"input_size":10,"rnn_type":"gru"}' | sha256sum
DIGEST = "f58855f93a6cf0c1a01a09072bdaaef86b2cc984c9f6e0ad3cbde39f21e12d04"


def text_of(given: dict[str, Any]) -> str:
    """Return the canonical text of a request."""
    return canonical_json(parse(Spec, given))


class TestCanonical:
    @pytest.mark.parametrize(
        "spelling",
        [
            GRU | {"seed": 0},
            GRU | {"num_layers": 1, "bias": True, "dropout": 0, "dtype": "float32"},
            GRU | {"nonlinearity": None, "proj_size": 0, "batch_first": False},
            GRU | {"init": "pytorch"},
            GRU | {"init": {}},
            GRU | {"init": {"scheme": "pytorch"}},
            GRU | {"init": {"scheme": "pytorch", "scope": "gate"}},
            GRU | {"init": {"weight_hh": "pytorch", "bias": {"scheme": "pytorch"}}},
            dict(reversed(GRU.items())),
        ],
    )
    def test_torchs_own_gru_has_one_text_however_it_is_asked_for(
        self, spelling: dict[str, Any]
    ) -> None:
        assert text_of(spelling) == '{"hidden_size":20,"input_size":10,"rnn_type":"gru"}'

    @pytest.mark.parametrize(
        "init",
        [
            "orthogonal",
            {"scheme": "orthogonal"},
            {"scheme": "orthogonal", "gain": 1},
            {"weight_ih": "orthogonal", "weight_hh": {"scheme": "orthogonal"}, "bias": "zeros"},
            {"bias": {"scheme": "zeros"}, "weight_hh": "orthogonal", "weight_ih": "orthogonal"},
        ],
    )
    def test_one_scheme_for_all_is_the_same_as_in_parts(self, init: Any) -> None:
        assert text_of(GRU | {"init": init}) == (
            '{"hidden_size":20,"init":{"bias":"zeros","weight_hh":"orthogonal",'
            '"weight_ih":"orthogonal"},"input_size":10,"rnn_type":"gru"}'
        )

    def test_a_plain_rnns_tanh_is_its_default(self) -> None:
        assert text_of(RNN | {"nonlinearity": "tanh"}) == text_of(RNN)

    def test_a_whole_number_is_its_decimal(self) -> None:
        one, other = ({"scheme": "normal", "std": std} for std in (2, 2.0))

        assert text_of(GRU | {"init": one}) == text_of(GRU | {"init": other})

    def test_minus_zero_is_zero(self) -> None:
        one, other = ({"bias": {"scheme": "constant", "value": zero}} for zero in (0.0, -0.0))

        assert text_of(GRU | {"init": one}) == text_of(GRU | {"init": other})

    def test_parts_that_the_network_lacks_are_left_out(self) -> None:
        assert canonical(parse(Spec, LSTM | {"bias": False, "init": "zeros"}))["init"] == {
            "weight_hh": "zeros",
            "weight_ih": "zeros",
        }

    @pytest.mark.parametrize(
        "change",
        [
            {"seed": 1},
            {"dtype": "float64"},
            {"hidden_size": 21},
            {"bias": False},
            {"batch_first": True},
            {"accept_dead": True},
            {"init": "zeros"},
            {"init": {"weight_hh": {"scheme": "pytorch", "scope": "fused"}}},
        ],
    )
    def test_another_request_has_another_text(self, change: dict[str, Any]) -> None:
        assert text_of(GRU | change) != text_of(GRU)

    @quickly
    @given(specs())
    def test_is_a_request_for_the_same(self, spec: Spec) -> None:
        again = parse(Spec, json.loads(canonical_json(spec)))

        assert (canonical_json(again), again.parts) == (canonical_json(spec), spec.parts)

    def test_the_digest_is_the_sha256_of_the_version_and_the_text(self) -> None:
        assert recipe_digest(parse(Spec, GRU)).hex() == DIGEST


class TestGolden:
    @pytest.mark.parametrize(("given", "text", "token"), GOLDEN, ids=GOLDEN_IDS)
    def test_texts_never_change(self, given: dict[str, Any], text: str, token: str) -> None:
        assert text_of(given) == text

    @pytest.mark.parametrize(("given", "text", "token"), GOLDEN, ids=GOLDEN_IDS)
    def test_tokens_are_understood_for_ever(
        self, given: dict[str, Any], text: str, token: str
    ) -> None:
        assert canonical_json(decode_recipe(token)) == text

    @pytest.mark.parametrize(("given", "text", "token"), GOLDEN, ids=GOLDEN_IDS)
    def test_tokens_never_change(self, given: dict[str, Any], text: str, token: str) -> None:
        assert encode_recipe(parse(Spec, given)) == token


class TestToken:
    @quickly
    @given(specs())
    def test_says_all_of_its_recipe(self, spec: Spec) -> None:
        again = decode_recipe(encode_recipe(spec))

        assert (canonical_json(again), again.parts) == (canonical_json(spec), spec.parts)

    @quickly
    @given(specs())
    def test_fits_a_url(self, spec: Spec) -> None:
        token = encode_recipe(spec)

        assert len(token) <= MAX_TOKEN_CHARS
        assert set(token) <= set(BASE64URL + ".")

    @quickly
    @given(specs())
    def test_is_the_same_after_a_round_trip(self, spec: Spec) -> None:
        token = encode_recipe(spec)

        assert encode_recipe(decode_recipe(token)) == token

    def test_is_short_for_a_tutorials_network(self) -> None:
        assert len(encode_recipe(parse(Spec, GRU))) < 20


CANONICAL = b'{"hidden_size":20,"input_size":10,"rnn_type":"gru"}'


def token_of(body: bytes) -> str:
    """Make a token around packed bytes, its check fitting."""
    checked = sha256(body).digest()[:CHECK_BYTES] + body
    return "1." + base64.urlsafe_b64encode(checked).rstrip(b"=").decode()


def deflated(text: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(text) + deflate.flush()


def packed(text: bytes) -> str:
    """Make a token around any text, packed without the dictionary."""
    return token_of(deflated(text))


def test_a_token_that_another_compressor_made_is_the_same_recipe() -> None:
    assert canonical_json(decode_recipe(packed(CANONICAL))) == CANONICAL.decode()


class TestRefusal:
    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_of_any_token_with_one_character_changed(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from([token for _, _, token in GOLDEN]))
        place = data.draw(st.integers(2, len(token) - 1))
        other = data.draw(st.sampled_from(BASE64URL).filter(lambda c: c != token[place]))
        altered = token[:place] + other + token[place + 1 :]

        with pytest.raises(InvalidRecipe):
            decode_recipe(altered)

    @pytest.mark.parametrize("token", [token for _, _, token in GOLDEN], ids=GOLDEN_IDS)
    def test_of_any_token_that_was_cut(self, token: str) -> None:
        for length in range(len(token)):
            with pytest.raises(InvalidRecipe):
                decode_recipe(token[:length])

    @quickly
    @given(st.text(min_size=1, max_size=8))
    def test_of_any_token_with_something_behind_it(self, tail: str) -> None:
        with pytest.raises(InvalidRecipe):
            decode_recipe(SHORTEST + tail)

    @quickly
    @given(st.text(max_size=60))
    def test_of_any_text_that_is_no_token(self, text: str) -> None:
        with pytest.raises((InvalidRecipe, OutdatedRecipe)):
            decode_recipe(text)

    @quickly
    @given(st.binary(max_size=60))
    def test_of_any_bytes_that_are_no_recipe(self, data: bytes) -> None:
        with pytest.raises(InvalidRecipe):
            decode_recipe("1." + base64.urlsafe_b64encode(data).rstrip(b"=").decode())

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "1",
            "1.",
            "x.9YhV",
            "01.wBT8CA95I0MLAA",
            "-1.9YhV",
            "1.9Yh+",
            "1.9Yh/",
            "1.9YhV==",
            " " + SHORTEST,
            SHORTEST + "\n",
            SHORTEST + "=",
            "１.9YhV-TpsI0MLAA",
            "1,9YhV",
            SHORTEST + "." + SHORTEST,
        ],
    )
    def test_of_what_is_not_a_version_a_dot_and_base64url(self, token: str) -> None:
        with pytest.raises(InvalidRecipe, match="must consist of a version, a dot and base64url"):
            decode_recipe(token)

    def test_of_a_second_spelling_of_the_same_bytes(self) -> None:
        assert SHORTEST.endswith("LAA")  # its last character carries two bits that say nothing

        with pytest.raises(InvalidRecipe, match="not canonical base64url"):
            decode_recipe(SHORTEST[:-1] + "B")

    def test_of_bytes_behind_the_end(self) -> None:
        with pytest.raises(InvalidRecipe, match="does not end where it should"):
            decode_recipe(token_of(deflated(CANONICAL) + b"more"))

    def test_of_a_spec_that_is_not_valid(self) -> None:
        with pytest.raises(InvalidRecipe, match="/hidden_size"):
            decode_recipe(packed(b'{"rnn_type":"gru","input_size":1,"hidden_size":0}'))

    def test_of_a_check_that_does_not_fit(self) -> None:
        body = base64.urlsafe_b64encode(bytes(CHECK_BYTES) + deflated(CANONICAL))

        with pytest.raises(InvalidRecipe, match="checksum does not match"):
            decode_recipe("1." + body.rstrip(b"=").decode())

    def test_of_a_text_that_is_not_canonical(self) -> None:
        with pytest.raises(InvalidRecipe, match="not in canonical form"):
            decode_recipe(packed(b'{"rnn_type":"gru","input_size":10,"hidden_size":20}'))

    @pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 5000, b'{"a":1,"a":2}', b"NaN"])
    def test_of_a_text_that_is_not_json(self, text: bytes) -> None:
        with pytest.raises(InvalidRecipe):
            decode_recipe(packed(text))

    @pytest.mark.parametrize("size", [8193, 10**6])
    def test_of_a_token_that_unpacks_to_too_much(self, size: int) -> None:
        with pytest.raises(InvalidRecipe, match="does not end where it should"):
            decode_recipe(packed(b" " * size))

    def test_of_a_token_that_would_unpack_to_megabytes_takes_no_megabytes(self) -> None:
        bomb = packed(bytes(1_400_000))
        assert len(bomb) <= MAX_TOKEN_CHARS

        tracemalloc.start()
        with pytest.raises(InvalidRecipe):
            decode_recipe(bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak_bytes < 200_000

    def test_of_an_overlong_token_says_the_limit(self) -> None:
        with pytest.raises(InvalidRecipe, match="longer than 2048 characters"):
            decode_recipe("1." + "A" * 2047)

    def test_of_a_valid_spec_whose_token_is_as_long_as_may_be_is_for_another_reason(self) -> None:
        with pytest.raises(InvalidRecipe, match="checksum does not match"):
            decode_recipe("1." + "A" * 2046)


class TestOtherVersions:
    @pytest.mark.parametrize("version", [0, 2, 10, 999_999])
    def test_are_outdated_and_not_invalid(self, version: int) -> None:
        with pytest.raises(OutdatedRecipe) as refused:
            decode_recipe(f"{version}.9YhV-TpsI0MLAA")

        assert refused.value.facts == {"given": version, "allowed": [1]}


class TestFileStem:
    def test_names_type_and_sizes_and_the_hash(self) -> None:
        assert hashed_stem(parse(Spec, GRU), "1f0c9a7e" + "0" * 56) == "gru-10x20-1f0c9a7e"

    def test_names_the_layers_of_more_than_one(self) -> None:
        spec = parse(Spec, LSTM | {"num_layers": 3})

        assert hashed_stem(spec, "ab" * 32) == "lstm-10x20x3-abababab"

    def test_names_the_recipe_where_no_hash_is_known_as_no_hash_is_written(self) -> None:
        assert file_stem(parse(Spec, GRU)) == "gru-10x20-r" + DIGEST[:8]
