"""A repository's id is its recipe, and one that the clients of the Hub accept."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from app.hub.ids import MARK_CHARS, MAX_COMMIT_CHARS, is_long, repo_id_of, spec_of
from stepzero_rnn.errors import InvalidRecipe, InvalidSpec, OutdatedRecipe
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import encode_recipe
from tests.api.hubs import varied
from tests.spec.strategies import specs

LSTM: dict[str, Any] = {"rnn_type": "lstm", "input_size": 512, "hidden_size": 1024}
ALIASES: dict[str, dict[str, Any]] = {
    "gru-10x20": {"rnn_type": "gru", "input_size": 10, "hidden_size": 20},
    "lstm-512x1024": LSTM,
    "lstm-512x1024x4-bi-bf16-keras-s7": {
        **LSTM,
        "num_layers": 4,
        "bidirectional": True,
        "dtype": "bfloat16",
        "init": "keras",
        "seed": 7,
    },
    "lstm-512x1024x10-nobias-p64-batchfirst-f64-orthogonal": {
        **LSTM,
        "num_layers": 10,
        "bias": False,
        "proj_size": 64,
        "batch_first": True,
        "dtype": "float64",
        "init": "orthogonal",
    },
    "rnn-3x5-relu-f16-s9007199254740991": {
        "rnn_type": "rnn",
        "input_size": 3,
        "hidden_size": 5,
        "nonlinearity": "relu",
        "dtype": "float16",
        "seed": 9007199254740991,
    },
    "lstm-512x1024-zaremba_small": {**LSTM, "init": "zaremba_small"},
}


def recipe_at(repo_id: str, revision: str) -> str:
    """Return the recipe that a repository has."""
    spec = spec_of(repo_id, revision)
    assert spec is not None
    return encode_recipe(spec)


@given(specs())
def test_every_recipe_has_an_id_that_leads_back_to_it(spec: Spec) -> None:
    recipe = encode_recipe(spec)
    repo_id = repo_id_of(recipe)

    if repo_id is None:
        assert len(recipe) + 1 + MARK_CHARS > MAX_COMMIT_CHARS
        return
    validate_repo_id(repo_id)
    assert recipe_at(repo_id, recipe if is_long(repo_id) else "main") == recipe


@pytest.mark.parametrize(
    ("count", "form"), [(0, "stepzero/a"), (3, "sz-a"), (11, "stepzero/long"), (16, None)]
)
def test_the_id_of_a_longer_recipe_has_another_form(count: int, form: str | None) -> None:
    recipe = encode_recipe(parse(Spec, varied(count)))
    repo_id = repo_id_of(recipe)

    assert (repo_id or "").startswith(form or "")
    assert (repo_id is None) == (form is None)
    if repo_id is not None:
        validate_repo_id(repo_id)
        assert recipe_at(repo_id, recipe if is_long(repo_id) else "main") == recipe


@pytest.mark.parametrize("repo_id", ["stepzero/a" + "z" * 96, f"sz-{'a' * 90}/{'z' * 97}"])
def test_an_id_longer_than_the_clients_allow_is_none_of_ours(repo_id: str) -> None:
    assert spec_of(repo_id, "main") is None


def test_recipes_too_long_for_a_folders_name_have_none() -> None:
    recipe = "1." + "A" * 240

    assert len(f"{recipe}.{'0' * MARK_CHARS}") == MAX_COMMIT_CHARS
    assert repo_id_of(recipe) == "stepzero/long"
    assert repo_id_of(recipe + "AA") is None


@pytest.mark.parametrize("data", [b"\0" * 9, b"\0\1", b"\xff" * 60, bytes(range(200, 220))])
def test_no_byte_of_a_recipe_is_lost(data: bytes) -> None:
    recipe = f"1.{base64.urlsafe_b64encode(data).rstrip(b'=').decode()}"
    repo_id = repo_id_of(recipe)

    assert repo_id is not None
    with pytest.raises(InvalidRecipe):
        spec_of(repo_id, "main")
    others = {repo_id_of(recipe[:-4]), repo_id_of(f"1.{'A' * 12}{recipe[2:]}")}
    assert repo_id not in others


@pytest.mark.parametrize("name", ALIASES)
def test_a_readable_name_is_the_network_that_it_says(name: str) -> None:
    assert spec_of(f"stepzero/{name}", "main") == parse(Spec, ALIASES[name])
    validate_repo_id(f"stepzero/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "lstm-512x1024x1",
        "lstm-512x1024-s0",
        "lstm-0512x1024",
        "lstm-512x1024-pytorch",
        "lstm-512x1024-s07",
        "lstm-512x1024-",
        "LSTM-512x1024",
        "lstm-512",
        "lstm-512x1024-keras-bf16-bi",
        "lstm-512x1024-" + "a" * 90,
    ],
)
def test_a_network_has_one_readable_name(name: str) -> None:
    assert spec_of(f"stepzero/{name}", "main") is None


@pytest.mark.parametrize(
    "name", ["gru-10x20-p4", "gru-10x20-nope", "gru-10x20-relu", "gru-1x1-f32"]
)
def test_names_of_networks_that_do_not_exist_are_refused(name: str) -> None:
    with pytest.raises(InvalidSpec):
        spec_of(f"stepzero/{name}", "main")


def test_an_id_of_another_stream_version_says_so() -> None:
    repo_id = repo_id_of(encode_recipe(parse(Spec, LSTM)))
    assert repo_id is not None
    other = repo_id.replace("/a", "/b", 1)

    with pytest.raises(OutdatedRecipe, match="stream version 2"):
        spec_of(other, "main")


@given(st.text(max_size=120), st.text(max_size=120), st.text(max_size=300))
def test_any_other_id_is_none_or_refused(namespace: str, name: str, revision: str) -> None:
    for repo_id in (f"{namespace}/{name}", f"stepzero/a{name}", f"sz-{'a' * 90}/{name}"):
        with suppress(InvalidRecipe, InvalidSpec, OutdatedRecipe):
            assert spec_of(repo_id, revision) is None
