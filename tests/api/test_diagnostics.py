"""`GET` and `POST …/diagnostics`: what is measured, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

import stepzero_rnn
from app.response.diagnostics import under
from stepzero_rnn.client import Client, checkpoint_path
from stepzero_rnn.spec.recipe import as_spec
from tests.api.asking import GRU, LSTM


@pytest.fixture(scope="module")
def api(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client


def path(spec: Any) -> str:
    return f"{checkpoint_path(as_spec(spec))}/diagnostics"


def npy(*shape: int, dtype: str = "<f4", value: float | None = None) -> bytes:
    """Return an `.npy` file of standard normal values, or of one value."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal(shape) if value is None else np.full(shape, value)
    file = io.BytesIO()
    np.save(file, values.astype(dtype))
    return file.getvalue()


def post(api: httpx.Client, spec: Any, file: bytes, **query: Any) -> httpx.Response:
    return api.post(path(spec), params=query, files={"inputs": ("x.npy", file)})


def test_the_service_measures_what_the_library_does(api: httpx.Client) -> None:
    answer = api.get(path(GRU), params={"seq_len": 30, "level": "quick"})
    found = stepzero_rnn.diagnose(GRU, seq_len=30, level="quick")

    assert answer.status_code == 200
    assert "etag" not in answer.headers
    document = answer.json()
    assert document["score"] == pytest.approx(found.score, abs=1e-4)
    assert document["figures"] == ["echo", "gradient"]
    assert document["omitted"] == []


def test_figures_are_measured_as_asked_for_in_whatever_order(api: httpx.Client) -> None:
    document = api.get(path(GRU), params={"figures": "signal,echo"}).json()

    assert document["figures"] == ["echo", "signal"]
    assert document["gradient"] is None
    assert document["score"] is None


def test_the_answer_for_a_hundred_layers_stays_below_100_kb(api: httpx.Client) -> None:
    spec = {"rnn_type": "lstm", "input_size": 8, "hidden_size": 8, "num_layers": 100}

    answer = api.get(path(spec), params={"seq_len": 64})

    assert answer.status_code == 200
    assert len(answer.content) < 100_000
    detailed = api.get(path(spec), params={"seq_len": 64, "layer": 57})
    assert [cell["layer"] for cell in detailed.json()["signal"]["cells"]] == [57]


def test_a_head_measures_nothing(api: httpx.Client) -> None:
    answer = api.head(path({**LSTM, "hidden_size": 512}), params={"level": "full"})

    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 30
    assert "content-length" not in answer.headers


def test_inputs_of_the_callers_own_replace_the_drawn_ones(api: httpx.Client) -> None:
    answer = post(api, GRU, npy(40, 64, 10), level="full")

    assert answer.status_code == 200
    document = answer.json()
    assert document["inputs"] == "uploaded"
    assert document["seq_len"] == 40
    assert document["echo"]["sequences"] == 64
    assert not document["is_validated"]


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_inputs_may_have_any_float_type_and_order_of_bytes(api: httpx.Client, dtype: str) -> None:
    query = {"figures": "gradient"}
    plain = post(api, GRU, npy(20, 8, 10), **query).json()["gradient"]
    other = post(api, GRU, npy(20, 8, 10, dtype=dtype), **query).json()["gradient"]

    assert other["log10_reach"] == pytest.approx(plain["log10_reach"], abs=0.01)


def test_echo_says_why_it_is_missing_for_few_inputs(api: httpx.Client) -> None:
    document = post(api, GRU, npy(20, 8, 10)).json()

    assert document["echo"] is None
    assert document["score"] is None
    assert document["omitted"][0]["figure"] == "echo"
    assert "32 sequences" in document["omitted"][0]["reason"]


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"seq_len": 0}, "/seq_len", "greater_than_equal"),
        ({"seq_len": 5000}, "/seq_len", "less_than_equal"),
        ({"seq_len": "ten"}, "/seq_len", "int_parsing"),
        (
            {"seq_len": 20, "dependency_length": 21},
            "/dependency_length",
            "dependency_length_above_seq_len",
        ),
        ({"level": "fast"}, "/level", "literal_error"),
        ({"figures": "echo,loss"}, "/figures/1", "literal_error"),
        ({"figures": ""}, "/figures/0", "literal_error"),
        ({"layer": 1}, "/layer", "no_such_layer"),
        ({"batch": 4}, "/batch", "extra_forbidden"),
        ({"device": "tpu"}, "/device", "unknown_device"),
    ],
)
def test_wrong_options_are_refused(
    api: httpx.Client, query: dict[str, Any], pointer: str, code: str
) -> None:
    answer = api.get(path(GRU), params=query)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (npy(20, 8, 9), "wrong_shape"),
        (npy(20, 10), "wrong_shape"),
        (npy(5000, 1, 10), "wrong_seq_len"),
        (npy(20, 0, 10), "no_sequences"),
        (npy(0, 8, 10), "wrong_seq_len"),
        (npy(20, 8, 10, value=float("nan")), "not_finite"),
        (npy(20, 8, 10, dtype="<f8", value=1e300), "not_finite"),
        (npy(20, 8, 10, dtype="<i4"), "not_floats"),
        (npy(20, 8, 10)[:-1], "broken_file"),
        (b"PK\3\4", "not_npy"),
        (b"", "not_npy"),
        (b"\x93NUMPY\1\0\xff\xff", "broken_file"),
    ],
)
def test_wrong_inputs_are_refused(api: httpx.Client, file: bytes, code: str) -> None:
    answer = post(api, GRU, file)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/inputs", code)


def test_a_sequence_length_that_contradicts_the_inputs_is_refused(api: httpx.Client) -> None:
    answer = post(api, GRU, npy(20, 8, 10), seq_len=21)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "contradicts_inputs"
    assert post(api, GRU, npy(20, 8, 10), seq_len=20).status_code == 200


def test_a_form_without_inputs_or_with_other_fields_is_refused(api: httpx.Client) -> None:
    nothing = api.post(path(GRU), files={"inputs": ("", b"")})
    other = api.post(path(GRU), files={"arrays": ("x.npy", npy(20, 8, 10))})
    text = api.post(path(GRU), json={})

    assert nothing.status_code == 422
    assert other.status_code == 422
    assert text.status_code == 415


def test_weights_that_are_not_finite_are_refused_unless_they_are_accepted(
    api: httpx.Client,
) -> None:
    spec = {**GRU, "dtype": "float16", "init": {"scheme": "normal", "std": 1e6}}

    assert api.get(path(spec)).json()["code"] == "nonfinite_output"
    accepted = api.get(path({**spec, "accept_nonfinite": True}))
    assert accepted.status_code == 200
    assert "overflow" in {finding["name"] for finding in accepted.json()["findings"]}


def test_what_would_take_too_much_is_refused_before_anything_is_drawn(api: httpx.Client) -> None:
    spec = {"rnn_type": "lstm", "input_size": 4096, "hidden_size": 4096, "num_layers": 4}

    answer = api.get(path(spec), params={"seq_len": 4000, "level": "full"})

    assert answer.status_code == 413
    problem = answer.json()
    assert problem["code"] == "too_large"
    assert "seq_len" in problem["detail"]


def test_links_begin_where_the_service_is_served() -> None:
    found = under(stepzero_rnn.diagnose(LSTM, seq_len=300, level="quick"), "/factory")

    suggestions = [one for finding in found.findings for one in finding.suggestions]
    assert suggestions
    assert all(one.url.startswith("/factory/v1/checkpoints/") for one in suggestions)


def test_the_client_asks_for_the_same(server_url: str, tmp_path: Any) -> None:
    x = np.random.default_rng(1).standard_normal((12, 40, 10))
    saved = tmp_path / "x.npy"
    np.save(saved, x)
    with Client(server_url) as client:
        drawn = client.diagnose(GRU, seq_len=30, figures=["gradient"])
        in_memory = client.diagnose(GRU, inputs=x)
        from_file = client.diagnose(GRU, inputs=saved)

    assert drawn["seq_len"] == 30
    assert drawn["figures"] == ["gradient"]
    assert in_memory["seq_len"] == 12
    assert in_memory["score"] == from_file["score"]
