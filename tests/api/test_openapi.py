"""The OpenAPI document says what the service does: all of it, and nothing else."""

from __future__ import annotations

import itertools
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.main import create_app
from app.middleware.request_id import SAFE_HEADERS
from app.settings import Settings
from stepzero_rnn import errors
from stepzero_rnn.spec.catalogue import catalogue
from tests.api.asking import GRU, make, permalink

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

MEASURING = {
    "malformed_json",
    "unsupported_media_type",
    "slow_request",
    "body_too_large",
    "invalid_spec",
    "recipe_too_long",
    "arrays_gone",
    "too_large",
    "too_much_work",
    "device_unavailable",
    "internal",
}
# What a caller can meet, by where; every other code is for the client or for bugs.
REACHABLE: dict[str, set[str]] = {
    "POST /v1/checkpoints": {
        "malformed_json",
        "unsupported_media_type",
        "slow_request",
        "body_too_large",
        "invalid_spec",
        "not_acceptable",
        "too_large",
        "too_much_work",
        "dtype_not_in_format",
        "device_unavailable",
        "nonfinite_output",
        "dead_output",
        "internal",
    },
    "POST /v1/plan": {
        "malformed_json",
        "unsupported_media_type",
        "slow_request",
        "body_too_large",
        "invalid_spec",
        "too_large",
        "too_much_work",
        "dtype_not_in_format",
        "internal",
    },
    "POST /v1/compare": MEASURING,
    "POST /v1/recommend": MEASURING,
    "GET /v1/checkpoints": {
        "invalid_spec",
        "not_acceptable",
        "too_large",
        "too_much_work",
        "dtype_not_in_format",
        "internal",
    },
    "GET /v1/checkpoints/{recipe}": {
        "invalid_recipe",
        "recipe_version",
        "invalid_spec",
        "too_large",
        "too_much_work",
        "dtype_not_in_format",
        "internal",
    },
    "GET /v1/checkpoints/{recipe}/summary": {
        "invalid_recipe",
        "recipe_version",
        "invalid_spec",
        "too_large",
        "too_much_work",
        "device_unavailable",
        "nonfinite_output",
        "dead_output",
        "internal",
    },
    "GET /v1/checkpoints/{recipe}/spec": {"invalid_recipe", "recipe_version", "internal"},
    "GET /v1/checkpoints/{recipe}/{name}.{extension}": {
        "invalid_recipe",
        "recipe_version",
        "unknown_format",
        "digest_mismatch",
        "invalid_spec",
        "too_large",
        "too_much_work",
        "dtype_not_in_format",
        "range_not_satisfiable",
        "device_unavailable",
        "nonfinite_output",
        "dead_output",
        "internal",
    },
    "GET /healthz/ready": {"not_ready", "internal"},
}


def documented_codes(operation: dict[str, Any]) -> dict[str, int]:
    """Return the problem codes that an operation's answers name, with their status."""
    return {
        code: int(status)
        for status, answer in operation["responses"].items()
        for code in re.findall(r"`([a-z_]+)`: ", answer["description"])
    }


class TestTheDocument:
    def test_is_openapi_3_1_by_its_own_schema(self):
        assert DOCUMENT["openapi"].startswith("3.1")
        SCHEMA.validate()

    def test_is_made_without_a_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            create_app(Settings()).openapi()

    def test_is_what_the_server_serves(self, client: httpx.Client):
        assert client.get("/openapi.json").json() == DOCUMENT

    def test_names_every_operation_once(self):
        ids = [operation["operationId"] for operation in OPERATIONS.values()]

        assert len(set(ids)) == len(ids)

    def test_has_every_route_of_the_api(self):
        api = create_app(Settings())
        served = {
            route.path_format
            for route in flat(api.routes)
            if route.path.startswith(("/v1", "/healthz", "/metrics"))
        }

        assert served == set(DOCUMENT["paths"])

    def test_names_its_operations_as_people_do(self):
        assert {name: operation["operationId"] for name, operation in OPERATIONS.items()} == {
            "POST /v1/checkpoints": "make_checkpoint",
            "GET /v1/checkpoints": "find_checkpoint",
            "GET /v1/checkpoints/{recipe}": "describe_checkpoint",
            "GET /v1/checkpoints/{recipe}/summary": "summarize_checkpoint",
            "GET /v1/checkpoints/{recipe}/spec": "show_spec",
            "GET /v1/checkpoints/{recipe}/diagnostics": "diagnose_checkpoint",
            "POST /v1/checkpoints/{recipe}/diagnostics": "diagnose_checkpoint_on_inputs",
            "GET /v1/checkpoints/{recipe}/{name}.{extension}": "fetch_checkpoint",
            "HEAD /v1/checkpoints/{recipe}/{name}.{extension}": "fetch_checkpoint_headers",
            "POST /v1/plan": "plan_checkpoint",
            "POST /v1/compare": "compare_starts",
            "POST /v1/recommend": "recommend_starts",
            "POST /v1/identify": "identify_arrays",
            "GET /v1/session": "show_session",
            "POST /v1/session": "start_session",
            "DELETE /v1/session": "end_session",
            "GET /v1/initializers": "list_initializers",
            "GET /v1/devices": "list_devices",
            "GET /v1": "show_versions",
            "GET /healthz/live": "show_live",
            "GET /healthz/ready": "show_ready",
            "GET /metrics": "show_metrics",
            "GET /v1/checkpoints/{recipe}/report.{format}": "report_on_checkpoint",
        }

    def test_explains_every_group_in_the_order_of_use(self):
        assert [tag["name"] for tag in DOCUMENT["tags"]] == [
            "checkpoints",
            "diagnostics",
            "identification",
            "about",
            "session",
            "health",
        ]
        assert all(tag["description"] for tag in DOCUMENT["tags"])
        assert {operation["tags"][0] for operation in OPERATIONS.values()} == {
            tag["name"] for tag in DOCUMENT["tags"]
        }

    def test_says_where_it_is_served(self):
        assert [server["url"] for server in DOCUMENT["servers"]] == ["/"]

    def test_resolves_every_reference(self):
        references = set(find(DOCUMENT, "$ref"))

        for reference in references:
            assert reference.startswith("#/components/schemas/")
            assert reference.rpartition("/")[2] in DOCUMENT["components"]["schemas"], reference

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    def test_explains_every_operation_and_answer(self, operation: dict[str, Any]):
        assert operation["summary"]
        assert operation["description"]
        assert all(answer["description"] for answer in operation["responses"].values())

    def test_does_not_speak_of_fastapis_own_validation_error(self):
        assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]


def flat(routes: Any) -> Iterator[Any]:
    """Return all routes, those of included routers too."""
    for route in routes:
        inner = getattr(route, "effective_route_contexts", None)
        if hasattr(route, "path"):
            yield route
        elif inner is not None:
            yield from inner()


def find(node: Any, key: str) -> Iterator[Any]:
    """Return every value that stands under a key, at any depth."""
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == key and isinstance(value, str))
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from find(inner, key)


class TestAProblem:
    @pytest.mark.parametrize("name", REACHABLE)
    def test_that_a_route_can_give_is_documented_there(self, name: str):
        assert REACHABLE[name] <= set(documented_codes(OPERATIONS[name]))

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_is_documented_under_its_own_status(self, name: str):
        for code, status in documented_codes(OPERATIONS[name]).items():
            assert errors.BY_CODE[code].status == status

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_is_a_problem_document_and_nothing_else(self, name: str):
        for status, answer in OPERATIONS[name]["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], status


NEEDS_A_FILE = {"diagnose_checkpoint_on_inputs", "identify_arrays"}
AS_THEY_STAND = [
    name for name, each in OPERATIONS.items() if each["operationId"] not in NEEDS_A_FILE
]


def example_of(parameter: dict[str, Any]) -> Any:
    """Return the value that Swagger UI enters for a parameter, or None."""
    return parameter.get("example", parameter["schema"].get("example"))


@pytest.mark.parametrize("name", AS_THEY_STAND)
def test_an_operation_works_with_the_examples_of_its_parameters(name: str, client: httpx.Client):
    operation, (method, path) = OPERATIONS[name], name.split()
    given: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
    for parameter in operation.get("parameters", ()):
        if (value := example_of(parameter)) is not None:
            given[parameter["in"]][parameter["name"]] = value
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    spec = next(iter(body["examples"].values()))["value"] if body else None
    answer = client.request(
        method,
        path.format(**given["path"]),
        params=given["query"],
        json=spec,
        follow_redirects=True,
    )

    served = "204" if method == "DELETE" else "200"
    assert str(answer.status_code) == served, answer.text
    assert served in operation["responses"]


class TestTheSchemas:
    """What code generators need, so that their clients keep every field: see
    `tests/peers/test_generated_clients.py`.
    """

    SCHEMAS = DOCUMENT["components"]["schemas"]

    def test_have_names_without_numbers(self):
        assert not [name for name in self.SCHEMAS if re.search("[0-9]", name)]

    def test_demand_what_tells_the_members_of_a_union_apart(self):
        unions = [node for node in nodes(DOCUMENT) if "discriminator" in node]

        assert len(unions) >= 4
        for union in unions:
            key = union["discriminator"]["propertyName"]
            for reference in union["discriminator"]["mapping"].values():
                member = self.SCHEMAS[reference.rpartition("/")[2]]
                assert key in member["required"], reference
                assert "default" not in member["properties"][key], reference

    def test_name_every_union_and_every_list_of_words_within_one(self):
        inside = [
            member
            for node in nodes(DOCUMENT)
            for member in (*node.get("anyOf", ()), *node.get("oneOf", ()))
        ]

        nameless = [member for member in inside if {"enum", "anyOf", "oneOf"} & member.keys()]
        assert inside
        assert not nameless, "app/openapi/schemas.py names them"

    def test_have_no_title_that_only_repeats_a_fields_name(self):
        fields = [
            field
            for schema in self.SCHEMAS.values()
            for field in schema.get("properties", {}).values()
        ]

        assert fields
        assert not [field for field in fields if "title" in field]

    def test_say_that_a_file_is_binary(self):
        for name in (*FILE_OPERATIONS, "GET /v1/checkpoints"):
            for content in OPERATIONS[name]["responses"]["200"]["content"].values():
                assert content["schema"] == {"type": "string", "format": "binary"}

    def test_are_the_same_for_every_form(self):
        forms = {
            OPERATIONS[name]["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"]
            for name in ("POST /v1/checkpoints", "POST /v1/plan")
        }

        assert forms == {"#/components/schemas/CheckpointUpload"}


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Return every object of a document, at any depth."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


FILE_OPERATIONS = ("POST /v1/checkpoints", "GET /v1/checkpoints/{recipe}/{name}.{extension}")


class TestAFile:
    @pytest.mark.parametrize("name", FILE_OPERATIONS)
    def test_is_documented_in_every_media_type(self, name: str):
        assert set(OPERATIONS[name]["responses"]["200"]["content"]) == {
            "application/vnd.pytorch",
            "application/vnd.safetensors",
            "application/vnd.numpy.npz",
            "application/zip",
            "application/vnd.onnx",
            "application/vnd.onnx.data",
            "application/vnd.onnx+zip",
            "application/x-hdf5",
            "application/vnd.msgpack",
        }

    def test_has_every_header_of_its_answers_documented(self, client: httpx.Client):
        address = permalink(client, GRU)
        wants = {"Want-Repr-Digest": "sha-256=1"}
        answers = {
            ("POST /v1/checkpoints", "200"): make(client, GRU),
            (FILE_OPERATIONS[1], "200"): client.get(address, headers=wants),
            (FILE_OPERATIONS[1], "206"): client.get(
                address, headers=wants | {"Range": "bytes=0-1"}
            ),
            (FILE_OPERATIONS[1], "304"): client.get(address, headers={"If-None-Match": "*"}),
        }

        for (name, status), answer in answers.items():
            known = {
                header.lower()
                for header in OPERATIONS[name]["responses"][status].get("headers", {})
            }
            common = {"date", "server", "content-type", *(name.lower() for name in SAFE_HEADERS)}
            assert set(answer.headers) - common - known == set(), (name, status)


EXAMPLES = OPERATIONS["POST /v1/checkpoints"]["requestBody"]["content"]["application/json"][
    "examples"
]
BODY = {
    "$ref": "#/components/schemas/CheckpointRequest",
    "components": DOCUMENT["components"],
}


@pytest.mark.parametrize("name", EXAMPLES)
class TestAnExample:
    def test_fits_the_schema_of_the_request(self, name: str):
        jsonschema_rs.Draft202012Validator(BODY).validate(EXAMPLES[name]["value"])

    def test_is_served(self, name: str, client: httpx.Client):
        make(client, EXAMPLES[name]["value"])

    def test_says_what_it_is(self, name: str):
        assert EXAMPLES[name]["summary"]


def test_there_is_an_example_of_everything_in_the_catalogue():
    found = {row["name"] for rows in catalogue().values() for row in rows}

    assert found <= {name.partition("_")[2] for name in EXAMPLES}


def test_no_two_examples_are_called_alike():
    called = [example["summary"].partition(": ")[0] for example in EXAMPLES.values()]

    assert len(set(called)) == len(called)


def test_there_is_an_example_of_every_network_in_every_group():
    groups = {example["summary"].partition(" · ")[0] for example in EXAMPLES.values()}
    kinds = {
        (example["summary"].partition(" · ")[0], example["value"]["rnn_type"])
        for example in EXAMPLES.values()
    }

    assert groups == {"Networks", "Presets", "Weights", "Biases", "Scripts"}
    assert kinds == set(itertools.product(groups, ("rnn", "gru", "lstm")))


def test_there_is_an_example_of_an_upload(client: httpx.Client):
    """As Swagger UI sends it: the spec is a file named blob, and no array was chosen."""
    form = OPERATIONS["POST /v1/checkpoints"]["requestBody"]["content"]["multipart/form-data"]
    spec = form["examples"]["upload"]["value"]["spec"]
    fields: list[tuple[str, Any]] = [
        ("spec", ("blob", json.dumps(spec), "application/json")),
        ("arrays", (None, b"")),
        ("arrays", (None, b"")),
        ("layout", (None, "pytorch")),
        ("prefix", (None, "")),
        ("redraw", ("blob", "[]", "application/json")),
    ]
    answer = client.post("/v1/checkpoints", files=fields)

    assert answer.status_code == 200, answer.text
    assert answer.content == make(client, spec).content


@pytest.mark.parametrize(
    "spec",
    [
        {**GRU, "seed": -1},
        {**GRU, "hiden_size": 1},
        {"rnn_type": "gru"},
        {**GRU, "init": {"scheme": "nothing"}},
        {**GRU, "device": "tpu"},
    ],
)
def test_the_schema_refuses_what_the_service_refuses(spec: dict[str, Any], client: httpx.Client):
    assert not jsonschema_rs.Draft202012Validator(BODY).is_valid(spec)
    assert client.post("/v1/plan", json=spec).status_code == 422


def keep_small(value: Any) -> Any:
    """Cut the sizes of a generated request, so that what is asked is the service and not the
    machine.
    """
    if isinstance(value, dict):
        return {name: small(name, keep_small(inner)) for name, inner in value.items()}
    return [keep_small(inner) for inner in value] if isinstance(value, list) else value


LARGEST = {"input_size": 64, "hidden_size": 64, "num_layers": 3, "seq_len": 16, "batch": 8}


def small(name: str, value: Any) -> Any:
    """Cut one size."""
    if name not in LARGEST or isinstance(value, bool) or not isinstance(value, int):
        return value
    return min(value, LARGEST[name])


def call_and_check(case: Any, server_url: str) -> None:
    """Send a generated request; everything about the answer must be as documented."""
    if case.query:
        case.query = keep_small(case.query)
    if isinstance(case.body, (dict, list)):
        case.body = keep_small(case.body)
    case.call_and_validate(base_url=server_url, checks=CHECKS)


@SCHEMA.parametrize()
@settings(
    max_examples=6,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # `TestAnExample` sends the examples
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_are_answered_as_documented(case: Any, server_url: str):
    call_and_check(case, server_url)


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_generated_requests_are_answered_as_documented(case: Any, server_url: str):
    call_and_check(case, server_url)
