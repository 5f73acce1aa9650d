"""Every request that cannot be served is refused in one form: what was wrong, where, and what would
be right.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

import httpx
import pytest
import torch

from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import Serving, Spec
from stepzero_rnn.spec.recipe import _DICTIONARY
from stepzero_rnn.spec.schemes.presets import PRESETS
from stepzero_rnn.spec.schemes.scripts import SCRIPTS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES, BiasName, WeightName
from tests.api.asking import FORMAT_NAMES, GRU, LSTM, RNN, describe, make, permalink

JSON = {"Content-Type": "application/json"}
LAST = {**JSON, "Connection": "close"}
LIMIT_BYTES = 64 << 10
SAFE = 2**53 - 1


def refuse(
    client: httpx.Client, spec: Mapping[str, Any], status: int, code: str, **fields: Any
) -> dict[str, Any]:
    """Post a spec that must be refused; give the problem."""
    answer = client.post("/v1/checkpoints", json={**spec, **fields})
    assert answer.status_code == status, answer.text[:300]
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    return problem


class Wrong(NamedTuple):
    """Fields that make a good request wrong, and the one complaint they must give."""

    spec: Mapping[str, Any]
    fields: Mapping[str, Any]
    pointer: str
    code: str
    given: Any
    allowed: Any = None


KNOWN_WEIGHTS, NAMED_WEIGHTS = list(WEIGHT_SCHEMES), list(get_args(WeightName))
NAMED_INITS = list(dict.fromkeys([*NAMED_WEIGHTS, *SCRIPTS, *PRESETS]))
KNOWN_BIASES, NAMED_BIASES = list(BIAS_SCHEMES), list(get_args(BiasName))
PARTS = ["preset", "weight_ih", "weight_hh", "weight_hr", "bias", "overrides", "arrays"]
FIELDS = [*Serving.model_fields, *Spec.model_fields, "format"]

WRONG: Mapping[str, Wrong] = {
    "unknown_field": Wrong(GRU, {"hiden_size": 3}, "/hiden_size", "extra_forbidden", 3, FIELDS),
    "text_for_a_size": Wrong(GRU, {"input_size": "10"}, "/input_size", "int_type", "10"),
    "true_for_a_size": Wrong(GRU, {"input_size": True}, "/input_size", "int_type", True),
    "fraction_for_a_size": Wrong(GRU, {"num_layers": 1.5}, "/num_layers", "int_type", 1.5),
    "null_for_a_size": Wrong(GRU, {"hidden_size": None}, "/hidden_size", "int_type", None),
    "one_for_a_flag": Wrong(GRU, {"bias": 1}, "/bias", "bool_type", 1),
    "text_for_a_flag": Wrong(GRU, {"bias": "true"}, "/bias", "bool_type", "true"),
    "text_for_a_seed": Wrong(GRU, {"seed": "7"}, "/seed", "int_type", "7"),
    "true_for_a_seed": Wrong(GRU, {"seed": True}, "/seed", "int_type", True),
    "list_for_a_name": Wrong(
        GRU,
        {"dtype": ["float32"]},
        "/dtype",
        "literal_error",
        '["float32"]',
        ["float32", "float64", "float16", "bfloat16"],
    ),
    "size_zero": Wrong(
        GRU, {"hidden_size": 0}, "/hidden_size", "greater_than_equal", 0, "at least 1"
    ),
    "size_negative": Wrong(
        GRU, {"input_size": -1}, "/input_size", "greater_than_equal", -1, "at least 1"
    ),
    "no_layers": Wrong(
        GRU, {"num_layers": 0}, "/num_layers", "greater_than_equal", 0, "at least 1"
    ),
    "too_many_layers": Wrong(
        GRU, {"num_layers": 1025}, "/num_layers", "less_than_equal", 1025, "at most 1024"
    ),
    "size_beyond_json": Wrong(
        GRU, {"input_size": SAFE + 1}, "/input_size", "less_than_equal", SAFE + 1, f"at most {SAFE}"
    ),
    "seed_negative": Wrong(GRU, {"seed": -1}, "/seed", "greater_than_equal", -1, "at least 0"),
    "seed_beyond_json": Wrong(
        GRU, {"seed": SAFE + 1}, "/seed", "less_than_equal", SAFE + 1, f"at most {SAFE}"
    ),
    "dropout_above_one": Wrong(
        GRU, {"dropout": 1.5}, "/dropout", "less_than_equal", 1.5, "at most 1"
    ),
    "unknown_network": Wrong(
        GRU, {"rnn_type": "GRU"}, "/rnn_type", "literal_error", "GRU", ["rnn", "gru", "lstm"]
    ),
    "unknown_dtype": Wrong(
        GRU,
        {"dtype": "fp32"},
        "/dtype",
        "literal_error",
        "fp32",
        ["float32", "float64", "float16", "bfloat16"],
    ),
    "unknown_format": Wrong(
        GRU,
        {"format": "gguf"},
        "/format",
        "literal_error",
        "gguf",
        [*FORMATS],
    ),
    "unknown_device": Wrong(
        GRU,
        {"device": "tpu"},
        "/device",
        "unknown_device",
        "tpu",
        ["auto", "cpu", "cuda", "cuda:N", "mps"],
    ),
    "padded_device": Wrong(
        GRU,
        {"device": "cuda:00"},
        "/device",
        "unknown_device",
        "cuda:00",
        ["auto", "cpu", "cuda", "cuda:N", "mps"],
    ),
    "unknown_nonlinearity": Wrong(
        RNN, {"nonlinearity": "gelu"}, "/nonlinearity", "literal_error", "gelu", ["tanh", "relu"]
    ),
    "nonlinearity_on_lstm": Wrong(
        LSTM, {"nonlinearity": "tanh"}, "/nonlinearity", "not_for_rnn_type", "tanh"
    ),
    "projection_on_gru": Wrong(GRU, {"proj_size": 5}, "/proj_size", "not_for_rnn_type", 5, 0),
    "projection_not_smaller": Wrong(
        LSTM, {"proj_size": 20}, "/proj_size", "proj_size_not_below_hidden_size", 20, "0 to 19"
    ),
    "check_too_long": Wrong(
        GRU, {"check": {"seq_len": 1025}}, "/check/seq_len", "less_than_equal", 1025, "at most 1024"
    ),
    "check_misspelt": Wrong(
        GRU, {"check": {"steps": 5}}, "/check/steps", "extra_forbidden", 5, ["seq_len", "batch"]
    ),
    "unknown_scheme_name": Wrong(
        GRU, {"init": "xavier"}, "/init", "literal_error", "xavier", NAMED_INITS
    ),
    "unknown_scheme": Wrong(
        GRU,
        {"init": {"scheme": "xavier"}},
        "/init/scheme",
        "union_tag_invalid",
        '{"scheme": "xavier"}',
        [*KNOWN_WEIGHTS, *SCRIPTS],
    ),
    "unknown_part_scheme": Wrong(
        GRU,
        {"init": {"weight_hh": {"scheme": "haar"}}},
        "/init/weight_hh/scheme",
        "union_tag_invalid",
        '{"scheme": "haar"}',
        KNOWN_WEIGHTS,
    ),
    "unknown_part": Wrong(
        GRU, {"init": {"weight": "zeros"}}, "/init/weight", "extra_forbidden", "zeros", PARTS
    ),
    "matrix_scheme_on_a_bias": Wrong(
        GRU,
        {"init": {"bias": "xavier_uniform"}},
        "/init/bias",
        "literal_error",
        "xavier_uniform",
        NAMED_BIASES,
    ),
    "matrix_scheme_in_full_on_a_bias": Wrong(
        GRU,
        {"init": {"bias": {"scheme": "xavier_uniform"}}},
        "/init/bias/scheme",
        "union_tag_invalid",
        '{"scheme": "xavier_uniform"}',
        KNOWN_BIASES,
    ),
    "misspelt_argument": Wrong(
        GRU,
        {"init": {"weight_hh": {"scheme": "orthogonal", "gian": 2}}},
        "/init/weight_hh/gian",
        "extra_forbidden",
        2,
        ["scope", "scheme", "gain", "determinant"],
    ),
    "scheme_without_its_name": Wrong(
        GRU,
        {"init": {"gain": 2}},
        "/init/scheme",
        "union_tag_not_found",
        '{"gain": 2}',
        [*KNOWN_WEIGHTS, *SCRIPTS],
    ),
    "part_without_its_schemes_name": Wrong(
        GRU,
        {"init": {"bias": {"t_max": 9}}},
        "/init/bias/scheme",
        "union_tag_not_found",
        '{"t_max": 9}',
        KNOWN_BIASES,
    ),
    "missing_argument": Wrong(
        GRU, {"init": {"scheme": "constant"}}, "/init/value", "missing", '{"scheme": "constant"}'
    ),
    "negative_std": Wrong(
        GRU,
        {"init": {"scheme": "normal", "std": -1}},
        "/init/std",
        "greater_than_equal",
        -1,
        "at least 0",
    ),
    "gain_zero": Wrong(
        GRU,
        {"init": {"scheme": "orthogonal", "gain": 0}},
        "/init/gain",
        "greater_than",
        0,
        "above 0",
    ),
    "low_above_high": Wrong(
        GRU,
        {"init": {"scheme": "uniform", "low": 2, "high": 1}},
        "/init/low",
        "low_not_below_high",
        2,
        "less than 1.0",
    ),
    "low_equal_to_high": Wrong(
        GRU,
        {"init": {"bias": {"scheme": "uniform", "low": 1}}},
        "/init/bias/low",
        "low_not_below_high",
        1,
        "less than 1.0",
    ),
    "cut_without_mass": Wrong(
        GRU,
        {"init": {"scheme": "trunc_normal", "low": 30, "high": 31}},
        "/init/low",
        "empty_cut",
        30,
        "an interval that reaches within 8 standard deviations of the mean",
    ),
    "bias_part_without_bias": Wrong(
        GRU,
        {"bias": False, "init": {"bias": "zeros"}},
        "/init/bias",
        "unused_part",
        '{"bias": "zeros"}',
    ),
    "projection_part_without_projection": Wrong(
        LSTM,
        {"init": {"weight_hr": "zeros"}},
        "/init/weight_hr",
        "unused_part",
        '{"weight_hr": "zeros"}',
    ),
    "forget_bias_on_a_plain_rnn": Wrong(
        RNN,
        {"init": {"bias": "forget"}},
        "/init/bias",
        "undefined_scheme",
        "forget",
        ["pytorch", "zeros", "constant", "array", "uniform", "normal"],
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
class TestAWrongField:
    def test_is_named_with_pointer_rule_and_both_values(self, wrong: Wrong, client: httpx.Client):
        problem = refuse(client, {**wrong.spec, **wrong.fields}, 422, "invalid_spec")

        (error,) = problem["errors"]
        assert error["pointer"] == wrong.pointer
        assert error["code"] == wrong.code
        assert error["given"] == wrong.given
        assert error["allowed"] == wrong.allowed
        assert problem["detail"].startswith(f"{wrong.pointer}: {error['detail']}")

    def test_is_wrong_in_a_plan_too(self, wrong: Wrong, client: httpx.Client):
        answer = client.post("/v1/plan", json={**wrong.spec, **wrong.fields})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == wrong.pointer


@pytest.mark.parametrize("name", ["rnn_type", "input_size", "hidden_size"])
def test_a_missing_field_is_named(name: str, client: httpx.Client):
    spec = {field: value for field, value in GRU.items() if field != name}
    (error,) = refuse(client, spec, 422, "invalid_spec")["errors"]

    assert (error["pointer"], error["code"]) == (f"/{name}", "missing")


def test_all_wrong_fields_are_named_at_once(client: httpx.Client):
    spec = {"rnn_type": "gru", "input_size": 0, "seed": -1, "init": "nothing"}
    errors = refuse(client, spec, 422, "invalid_spec")["errors"]

    assert {error["pointer"] for error in errors} == {
        "/input_size",
        "/hidden_size",
        "/seed",
        "/init",
    }


def test_a_pointer_escapes_slash_and_tilde(client: httpx.Client):
    (error,) = refuse(client, {**GRU, "a/b~c": 1}, 422, "invalid_spec")["errors"]

    assert error["pointer"] == "/a~1b~0c"


def test_a_long_value_is_repeated_only_in_part(client: httpx.Client):
    (error,) = refuse(client, {**GRU, "dtype": "x" * 10_000}, 422, "invalid_spec")["errors"]

    assert len(error["given"]) < 300


@pytest.mark.parametrize("depth", range(930, 1000, 2))
def test_a_list_that_is_just_not_too_deep_to_be_read_is_refused_all_the_same(
    depth: int, client: httpx.Client
):
    body = '{"rnn_type":"gru","input_size":1,"hidden_size":1,"x":' + "[" * depth + "]" * depth + "}"
    answer = client.post("/v1/plan", content=body, headers=JSON)

    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/checkpoints/x/"
        + "." * 60_000
        + "/",  # of a suffix with dots there would be so many to try
        "/v1/checkpoints/x/" + "a." * 30_000 + "/",
        "/v1/checkpoints/x/" + "." * 60_000,
        "/x" * 30_000,
        "/%01" * 15_000,
    ],
    ids=["dots", "names", "a file of dots", "slashes", "control characters"],
)
def test_a_very_long_path_is_answered_at_once_and_briefly(path: str, client: httpx.Client):
    answer = client.get(path)

    assert answer.status_code == 404
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("body", ["[]", "null", "5", '"gru"', "true"])
def test_json_that_is_no_object_is_refused(body: str, client: httpx.Client):
    answer = client.post("/v1/checkpoints", content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == ""


class TestABodyThatIsNotJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b'{"rnn_type": "gru",}',
            b"rnn_type=gru",
            b"{'rnn_type': 'gru'}",
            b'{"dropout": NaN}',
            b'{"dropout": Infinity}',
            b'{"dropout": -Infinity}',
            b'{"rnn_type": "gru", "rnn_type": "lstm"}',
            b'{"init": {"bias": "zeros", "bias": "ones"}}',
            b'{"rnn_type": "gr\xff"}',
            b"{} {}",
            b"[" * 60_000,
            b"1" * 10_000,
            b"\x1f\x8b\x08\x00",
        ],
        ids=lambda body: repr(body[:24]),
    )
    def test_is_refused(self, body: bytes, client: httpx.Client):
        answer = client.post("/v1/checkpoints", content=body, headers=JSON)

        assert answer.status_code == 400
        assert answer.json()["code"] == "malformed_json"

    def test_names_the_key_that_stands_twice(self, client: httpx.Client):
        body = '{"rnn_type":"gru","input_size":10,"hidden_size":20,"input_size":11}'
        answer = client.post("/v1/checkpoints", content=body, headers=JSON)

        assert "'input_size' appears twice" in answer.json()["detail"]


class TestNumbersAndTextThatJsonAllowsButNoFieldDoes:
    """JSON can write numbers beyond every float, and halves of characters."""

    @pytest.mark.parametrize("number", ["1e400", "-1e400"])
    def test_an_overflowing_number_is_a_wrong_field(self, number: str, client: httpx.Client):
        body = f'{{"rnn_type":"gru","input_size":10,"hidden_size":20,"dropout":{number}}}'
        answer = client.post("/v1/checkpoints", content=body, headers=LAST)

        assert answer.status_code in (400, 422)

    @pytest.mark.parametrize("member", [r'"dtype":"\ud800"', r'"\ud800":1', r'"init":{"\ud800":1}'])
    def test_half_a_character_is_a_wrong_field(self, member: str, client: httpx.Client):
        body = f'{{"rnn_type":"gru","input_size":10,"hidden_size":20,{member}}}'
        answer = client.post("/v1/checkpoints", content=body, headers=LAST)

        assert answer.status_code in (400, 422)

    def test_an_endless_integer_is_a_wrong_field(self, client: httpx.Client):
        (error,) = refuse(client, GRU, 422, "invalid_spec", seed=10**200)["errors"]

        assert error["pointer"] == "/seed"


class TestTheBodysType:
    @pytest.mark.parametrize(
        "given",
        [
            "application/x-www-form-urlencoded",
            "text/plain",
            "multipart/mixed; boundary=x",
            "application/jsonx",
            "json",
        ],
    )
    def test_must_be_json_or_a_form(self, given: str, client: httpx.Client):
        answer = client.post("/v1/checkpoints", content="{}", headers={"Content-Type": given})

        assert answer.status_code == 415
        assert answer.json()["code"] == "unsupported_media_type"
        assert answer.json()["given"] == given
        assert answer.json()["allowed"] == ["application/json", "multipart/form-data"]

    def test_must_be_said(self, client: httpx.Client):
        answer = client.post("/v1/checkpoints", content=b"{}")

        assert answer.status_code == 415
        assert answer.json()["given"] is None

    @pytest.mark.parametrize("given", ["Application/JSON", "application/json; charset=utf-8"])
    def test_may_carry_what_http_allows(self, given: str, client: httpx.Client):
        body = '{"rnn_type":"gru","input_size":10,"hidden_size":20}'
        answer = client.post("/v1/checkpoints", content=body, headers={"Content-Type": given})

        assert answer.status_code == 200


def in_pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


class TestTheBodysLength:
    def test_above_the_limit_is_refused(self, client: httpx.Client):
        body = b" " * (LIMIT_BYTES + 1)
        answer = client.post("/v1/checkpoints", content=body, headers=JSON)

        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"
        assert answer.json()["limit_bytes"] == LIMIT_BYTES

    def test_is_counted_where_it_is_not_declared(self, client: httpx.Client):
        answer = client.post("/v1/checkpoints", content=in_pieces(10 * LIMIT_BYTES), headers=JSON)

        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"

    @pytest.mark.parametrize("route", ["/v1/checkpoints", "/v1/plan"])
    def test_at_the_limit_is_read(self, route: str, client: httpx.Client):
        spec = b'{"rnn_type":"gru","input_size":10,"hidden_size":20}'
        answer = client.post(route, content=spec.ljust(LIMIT_BYTES), headers=JSON)

        assert answer.status_code == 200


class TestACheckpointThatIsTooLarge:
    def test_is_refused_with_both_numbers(self, client: httpx.Client):
        problem = refuse(client, LSTM, 413, "too_large", input_size=SAFE, hidden_size=1)

        assert problem["planned_bytes"] == 4 * 4 * (SAFE + 1 + 2)
        assert problem["limit_bytes"] == 64 << 30

    @pytest.mark.parametrize("layers", [1, 1024])
    def test_is_refused_at_once_however_large(self, layers: int, client: httpx.Client):
        spec = {**LSTM, "input_size": SAFE, "hidden_size": SAFE, "num_layers": layers}
        problem = refuse(client, spec, 413, "too_large", bidirectional=True, dtype="float64")

        assert problem["planned_bytes"] > 8 * SAFE * SAFE * layers
        assert str(problem["planned_bytes"]) in problem["detail"]

    def test_is_refused_in_every_format(self, client: httpx.Client):
        for name in FORMATS:
            refuse(client, LSTM, 413, "too_large", hidden_size=SAFE, format=name)

    def test_is_refused_for_the_memory_of_one_layer_too(self, client: httpx.Client):
        problem = refuse(client, LSTM, 413, "too_large", hidden_size=24_000)

        assert "memory" in problem["what"]
        assert problem["planned_bytes"] > problem["limit_bytes"] == 8 << 30

    @pytest.mark.parametrize("route", ["summary", "spec", ""])
    def test_is_refused_by_its_recipe(self, route: str, client: httpx.Client):
        # The token itself is fine: any server can make one, and another may serve it.
        token = token_of('{"hidden_size":9007199254740991,"input_size":10,"rnn_type":"gru"}')
        answer = client.get(f"/v1/checkpoints/{token}/{route}".rstrip("/"))

        assert answer.status_code == (200 if route == "spec" else 413)


TOILSOME = {
    **LSTM,
    "hidden_size": 6000,
    "num_layers": 5,
    "init": {"weight_hh": {"scheme": "spectral_radius"}},
}


class TestACheckpointThatIsTooMuchWork:
    """It fits, but would keep every core busy for an hour."""

    @pytest.mark.parametrize("route", ["/v1/checkpoints", "/v1/plan"])
    def test_is_refused_with_both_numbers(self, route: str, client: httpx.Client):
        answer = client.post(route, json=TOILSOME)
        problem = answer.json()

        assert (answer.status_code, problem["code"]) == (413, "too_much_work")
        assert problem["planned_multiply_adds"] > problem["limit_multiply_adds"] == 10**14

    def test_is_refused_for_a_long_check_too(self, client: httpx.Client):
        check = {"seq_len": 1024, "batch": 256}
        spec = {**LSTM, "input_size": 200, "hidden_size": 200, "num_layers": 1024}

        assert client.post("/v1/plan", json=spec).status_code == 200
        refuse(client, spec, 413, "too_much_work", bidirectional=True, check=check)


def token_of(text: str, *, version: int = 1, check: bytes | None = None) -> str:
    """Make a recipe token of any text: what a forger could do who has read the definition."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_DICTIONARY)
    packed = deflate.compress(text.encode()) + deflate.flush()
    digest = hashlib.sha256(packed).digest()[:6] if check is None else check
    return f"{version}.{base64.urlsafe_b64encode(digest + packed).rstrip(b'=').decode()}"


CANONICAL = '{"hidden_size":20,"input_size":10,"rnn_type":"gru"}'
GOOD = token_of(CANONICAL)


class TestARecipe:
    def test_made_by_the_definition_is_served(self, client: httpx.Client):
        assert client.get(f"/v1/checkpoints/{GOOD}").json()["recipe"] == GOOD

    @pytest.mark.parametrize(
        "token",
        [
            GOOD[:-1],
            GOOD[:-3],
            GOOD[:8],
            GOOD + "A",
            GOOD + "AAAA",
            GOOD[:-1] + ("B" if GOOD[-1] != "B" else "C"),
            GOOD.replace(GOOD[4], "A" if GOOD[4] != "A" else "B", 1),
            GOOD.lower(),
            "1.",
            "1",
            "1.====",
            "1.a+b",
            "1.%20",
            "01." + GOOD[2:],
            "-1." + GOOD[2:],
            "hello",
            "%00",
            "\N{GREEK SMALL LETTER PI}",
            "1." + "A" * 3000,
            "9" * 400 + ".A",
            token_of(CANONICAL, check=b"\0" * 6),
            token_of("{}"),
            token_of("nonsense"),
            token_of(CANONICAL.replace(",", ", ")),
            token_of(CANONICAL.replace("20", "20.0")),
            token_of(CANONICAL.replace("}", ',"seed":0}')),
            token_of(CANONICAL.replace("}", ',"device":"cpu"}')),
            token_of(CANONICAL.replace("20", "-20")),
            token_of(CANONICAL.replace("20", "1e999")),
            token_of('{"rnn_type":"\\ud800"}'),
            token_of("[" * 8000),
            token_of(" " * 1_000_000),
        ],
        ids=lambda token: ascii(token[:40]),
    )
    @pytest.mark.parametrize("route", ["", "/summary", "/spec", "/gru.pt"])
    def test_that_is_cut_altered_or_forged_is_not_found(
        self, token: str, route: str, client: httpx.Client
    ):
        answer = client.get(f"/v1/checkpoints/{token}{route}")

        assert answer.status_code == 404
        assert answer.json()["code"] == "invalid_recipe"
        assert answer.json()["reason"]

    @pytest.mark.parametrize("version", [0, 2, 999_999])
    def test_of_another_stream_version_is_gone(self, version: int, client: httpx.Client):
        answer = client.get(f"/v1/checkpoints/{token_of(CANONICAL, version=version)}")

        assert answer.status_code == 410
        assert answer.json()["code"] == "recipe_version"
        assert (answer.json()["given"], answer.json()["allowed"]) == (version, [1])


@pytest.mark.parametrize("extension", ["gguf", "PT", "pth", "pt.gz", "onnx.data.gz", "exe"])
def test_an_unknown_extension_is_not_found_and_the_known_are_listed(
    extension: str, client: httpx.Client
):
    answer = client.get(f"/v1/checkpoints/{GOOD}/gru.{extension}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_format"
    assert answer.json()["given"] == extension.rpartition(".")[2]
    assert answer.json()["allowed"] == [record.suffix for record in FORMATS.values()]


@pytest.mark.parametrize("accept", ["*/*;q=0", "application/*;q=0", "text/html, */*;q=0.0"])
def test_an_accept_header_that_refuses_every_format_is_told_what_there_is(
    accept: str, client: httpx.Client
):
    answer = client.post("/v1/checkpoints", json=GRU, headers={"Accept": accept})

    assert answer.status_code == 406
    assert answer.json()["code"] == "not_acceptable"
    assert answer.json()["given"] == accept
    assert "application/vnd.pytorch" in answer.json()["allowed"]
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "accept", ["application/vnd.numpy.npz", "application/vnd.numpy.npz, application/json"]
)
def test_an_accept_header_for_a_format_that_cannot_hold_the_dtype_is_told_which_can(
    accept: str, client: httpx.Client
):
    spec = {**GRU, "dtype": "bfloat16"}
    answer = client.post("/v1/checkpoints", json=spec, headers={"Accept": accept})

    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
    assert "application/vnd.numpy.npz" not in answer.json()["allowed"]


class TestADeviceThatIsNotHere:
    pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")

    @pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:999", "mps"])
    def test_is_refused_and_those_that_are_here_are_listed(self, device: str, client: httpx.Client):
        if device == "mps" and torch.backends.mps.is_available():
            pytest.skip("this machine has MPS")
        problem = refuse(client, GRU, 422, "device_unavailable", device=device)

        assert problem["given"] == device
        assert problem["allowed"] == ["auto", "cpu"]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_is_refused_at_a_permalink_too(self, method: str, client: httpx.Client):
        address = permalink(client, GRU)

        assert client.request(method, address, params={"device": "cuda"}).status_code == 422


def test_numpy_has_no_bfloat16_and_the_problem_says_what_it_has(client: httpx.Client):
    problem = refuse(client, GRU, 422, "dtype_not_in_format", dtype="bfloat16", format="npz")

    assert (problem["dtype"], problem["format"]) == ("bfloat16", "npz")
    assert problem["allowed"] == ["float32", "float64", "float16"]


class TestANetworkThatOverflows:
    WEIGHTS: Mapping[str, Any] = {
        **GRU,
        "num_layers": 2,
        "dtype": "float16",
        "init": {"scheme": "constant", "value": 1e30},
    }
    STEPS: Mapping[str, Any] = {
        **RNN,
        "nonlinearity": "relu",
        "num_layers": 2,
        "init": {"weight_hh": {"scheme": "identity", "gain": 1e20}},
    }
    BIAS: Mapping[str, Any] = {**LSTM, "init": {"bias": {"scheme": "forget", "value": 1e39}}}

    def test_is_refused_with_layer_and_reason(self, client: httpx.Client):
        problem = refuse(client, self.WEIGHTS, 422, "nonfinite_output")

        assert problem["layer"] == 0
        assert "weight_ih_l0" in problem["reason"]
        assert "accept_nonfinite" in problem["detail"]

    def test_over_time_is_refused_with_the_step(self, client: httpx.Client):
        problem = refuse(client, self.STEPS, 422, "nonfinite_output")

        assert problem["layer"] == 0
        assert re.search(r"after \d+ of 16 time steps", problem["reason"])

    def test_in_a_weight_alone_is_refused_even_if_a_gate_hides_it(self, client: httpx.Client):
        refuse(client, self.BIAS, 422, "nonfinite_output")

    def test_is_refused_at_its_permalink(self, client: httpx.Client):
        answer = client.get(permalink(client, self.WEIGHTS))

        assert answer.status_code == 422
        assert answer.json()["code"] == "nonfinite_output"

    def test_is_served_to_who_accepts_it(self, client: httpx.Client):
        answer = make(client, self.WEIGHTS, accept_nonfinite=True)

        assert answer.headers["Stepzero-Output-Finite"] == "false"

    @pytest.mark.parametrize("name", FORMAT_NAMES)
    def test_is_served_at_the_permalink_of_who_accepts_it(self, name: str, client: httpx.Client):
        made = make(client, self.WEIGHTS, accept_nonfinite=True, format=name)

        assert client.get(made.headers["Content-Location"]).content == made.content

    @pytest.mark.parametrize("spec", [WEIGHTS, STEPS], ids=["weights", "steps"])
    def test_has_a_summary_that_is_json_all_the_same(
        self, spec: Mapping[str, Any], client: httpx.Client
    ):
        links = describe(client, spec, accept_nonfinite=True)["links"]
        answer = client.get(links["summary"])

        assert answer.status_code == 200
        assert answer.json()["forward"]["finite"] is False


class TestANetworkThatIsDead:
    def test_is_refused_with_the_layer(self, client: httpx.Client):
        problem = refuse(client, GRU, 422, "dead_output", init="zeros")

        assert problem["layer"] == 0
        assert "accept_dead" in problem["detail"]

    def test_is_served_to_who_accepts_it(self, client: httpx.Client):
        made = make(client, GRU, init="zeros", accept_dead=True)

        assert client.get(made.headers["Content-Location"]).content == made.content


class TestTheQuery:
    PLAIN = "rnn_type=gru&input_size=10&hidden_size=20"

    @pytest.mark.parametrize(
        ("query", "pointer", "code"),
        [
            ("", "/rnn_type", "missing"),
            (f"{PLAIN}&hiden_size=3", "/hiden_size", "extra_forbidden"),
            (f"{PLAIN}&seed=1&seed=2", "/seed", "repeated"),
            (f"{PLAIN}&seed=1&seed=1", "/seed", "repeated"),
            (f"{PLAIN}&num_layers=two", "/num_layers", "int_parsing"),
            (f"{PLAIN}&num_layers=1.5", "/num_layers", "int_parsing"),
            (f"{PLAIN}&num_layers=", "/num_layers", "int_parsing"),
            (f"{PLAIN}&num_layers=0", "/num_layers", "greater_than_equal"),
            (f"{PLAIN}&bias=maybe", "/bias", "bool_parsing"),
            (f"{PLAIN}&dropout=nan", "/dropout", "finite_number"),
            (f"{PLAIN}&dropout=inf", "/dropout", "finite_number"),
            (f"{PLAIN}&init=nothing", "/init", "literal_error"),
            (f"{PLAIN}&init=%7B", "/init", "malformed_json"),
            (
                f"{PLAIN}&init=%7B%22scheme%22:%22normal%22,%22std%22:-1%7D",
                "/init/std",
                "greater_than_equal",
            ),
            (f"{PLAIN}&init.weight_hh=nothing", "/init/weight_hh", "literal_error"),
            (f"{PLAIN}&init.weight=zeros", "/init/weight", "extra_forbidden"),
            (f"{PLAIN}&init.bias=zeros&init=zeros", "/init", "repeated"),
            (f"{PLAIN}&init=zeros&init.bias=zeros", "/init.bias", "repeated"),
            (f"{PLAIN}&device=tpu", "/device", "unknown_device"),
            (f"{PLAIN}&format=gguf", "/format", "literal_error"),
            (f"{PLAIN}&seq_len=0", "/check/seq_len", "greater_than_equal"),
            (f"{PLAIN}&check=5", "/check", "model_type"),
        ],
    )
    def test_of_a_flat_request_is_held_to_the_same_rules(
        self, query: str, pointer: str, code: str, client: httpx.Client
    ):
        answer = client.get(f"/v1/checkpoints?{query}")

        assert answer.status_code == 422
        assert answer.headers["Content-Type"] == "application/problem+json"
        first = answer.json()["errors"][0]
        assert (first["pointer"], first["code"]) == (pointer, code)

    @pytest.mark.parametrize("query", ["check=5&seq_len=5", "seq_len=5&check=5"])
    @pytest.mark.parametrize(
        "route", [f"/v1/checkpoints?{PLAIN}&", f"/v1/checkpoints/{GOOD}/gru.pt?"]
    )
    def test_cannot_name_the_check_both_whole_and_in_parts(
        self, route: str, query: str, client: httpx.Client
    ):
        answer = client.get(route + query, headers={"Connection": "close"})

        assert answer.status_code == 422

    @pytest.mark.parametrize("route", ["/gru.pt", "/summary"])
    @pytest.mark.parametrize(
        ("query", "pointer", "code"),
        [
            ("foo=1", "/foo", "extra_forbidden"),
            ("seed=1", "/seed", "extra_forbidden"),
            ("device=cpu&device=cpu", "/device", "repeated"),
            ("device=tpu", "/device", "unknown_device"),
            ("seq_len=many", "/check/seq_len", "int_parsing"),
            ("batch=0", "/check/batch", "greater_than_equal"),
        ],
    )
    def test_of_a_permalink_takes_only_how_to_serve(
        self, route: str, query: str, pointer: str, code: str, client: httpx.Client
    ):
        answer = client.get(f"/v1/checkpoints/{GOOD}{route}?{query}")

        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == (pointer, code)

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [("sha256=gguf", "/sha256/0"), ("sha256=pt,", "/sha256/1"), ("foo=1", "/foo")],
    )
    def test_of_a_description_takes_only_formats(
        self, query: str, pointer: str, client: httpx.Client
    ):
        answer = client.get(f"/v1/checkpoints/{GOOD}?{query}")

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1", {"GET"}),
        ("PUT", "/v1/checkpoints", {"GET", "POST"}),
        ("GET", "/v1/plan", {"POST"}),
        ("POST", f"/v1/checkpoints/{GOOD}", {"GET"}),
        ("POST", f"/v1/checkpoints/{GOOD}/gru.pt", {"GET", "HEAD"}),
        ("POST", "/healthz/live", {"GET"}),
        ("POST", "/", {"GET"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    method: str, path: str, allowed: set[str], client: httpx.Client
):
    answer = client.request(method, path)

    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert allowed <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", ["/", "/docs", "/v1", "/v1/initializers", "/healthz/live"])
def test_head_is_understood_wherever_get_is(path: str, client: httpx.Client):
    # RFC 9110, section 9.1: general-purpose servers MUST support GET and HEAD
    answer = client.head(path)

    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/v1/",
        "/v1/checkpoints/",
        "/v1/nope",
        "/_static/nope",
        "/_static/../app.py",
        "/%00",
    ],
)
def test_an_unknown_page_is_not_found(path: str, client: httpx.Client):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


REFUSALS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "wrong_field": ("POST", "/v1/checkpoints", {"json": {**GRU, "seed": -1}}),
    "not_json": ("POST", "/v1/checkpoints", {"content": "{", "headers": JSON}),
    "wrong_type": ("POST", "/v1/checkpoints", {"content": "{}"}),
    "long_body": ("POST", "/v1/plan", {"content": b" " * (LIMIT_BYTES + 1), "headers": JSON}),
    "too_large": ("POST", "/v1/plan", {"json": {**GRU, "hidden_size": SAFE}}),
    "too_much_work": ("POST", "/v1/plan", {"json": TOILSOME}),
    "not_acceptable": ("POST", "/v1/checkpoints", {"json": GRU, "headers": {"Accept": "*/*;q=0"}}),
    "overflow": (
        "POST",
        "/v1/checkpoints",
        {"json": {**RNN, "init": {"scheme": "constant", "value": 1e39}}},
    ),
    "dead": ("POST", "/v1/checkpoints", {"json": {**RNN, "init": "zeros"}}),
    "format": ("POST", "/v1/plan", {"json": {**GRU, "dtype": "bfloat16", "format": "npz"}}),
    "query": ("GET", "/v1/checkpoints?rnn_type=gru", {}),
    "recipe": ("GET", "/v1/checkpoints/hello", {}),
    "outdated": ("GET", "/v1/checkpoints/2.AAAA", {}),
    "extension": ("GET", f"/v1/checkpoints/{GOOD}/gru.exe", {}),
    "digest": ("GET", f"/v1/checkpoints/{GOOD}/gru-10x20-00000000.pt", {}),
    "range": ("GET", f"/v1/checkpoints/{GOOD}/gru.pt", {"headers": {"Range": "bytes=9-8"}}),
    "method": ("DELETE", "/v1", {}),
    "page": ("GET", "/nope", {}),
}


@pytest.mark.parametrize(("method", "path", "rest"), REFUSALS.values(), ids=REFUSALS)
class TestEveryRefusal:
    def test_is_a_problem_document(
        self, method: str, path: str, rest: dict[str, Any], client: httpx.Client
    ):
        answer = client.request(method, path, **rest)

        problem = answer.json()
        assert 400 <= answer.status_code < 500
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["type"] == f"urn:stepzero:problem:{problem['code']}"
        assert problem["title"]
        assert problem["detail"]

    def test_carries_the_id_of_its_request(
        self, method: str, path: str, rest: dict[str, Any], client: httpx.Client
    ):
        headers = rest.get("headers", {}) | {"X-Request-ID": "mine"}
        answer = client.request(method, path, **{**rest, "headers": headers})

        assert answer.headers["X-Request-ID"] == "mine"
        assert answer.json()["request_id"] == "mine"

    def test_shows_nothing_of_the_inside(
        self, method: str, path: str, rest: dict[str, Any], client: httpx.Client
    ):
        text = client.request(method, path, **rest).text

        assert "Traceback" not in text
        assert "site-packages" not in text
        assert not re.search(r"\.py\b", text)

    def test_is_kept_by_no_cache(
        self, method: str, path: str, rest: dict[str, Any], client: httpx.Client
    ):
        assert client.request(method, path, **rest).headers["Cache-Control"] == "no-store"
