"""Identification over HTTP: a form with arrays in, the verdict out, refusals in words."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from safetensors.torch import save

import stepzero_rnn
from stepzero_rnn.client import Client
from stepzero_rnn.errors import InvalidArrays, NotAnArrayFile
from tests.api.asking import GRU, make
from tests.api.test_uploads import code, left
from tests.arrays.hostile import HOSTILE, NAME

PATH = "/v1/identify"
REFUSED = {400, 413, 415, 422}


def drawn(**fields: Any) -> dict[str, torch.Tensor]:
    """Draw a network without its recipe."""
    return dict(stepzero_rnn.state_dict({**GRU, **fields}))


def sent(client: httpx.Client, *files: tuple[str, bytes], **texts: str) -> httpx.Response:
    """Send a form: files by the names of their fields, those with a suffix as `arrays`."""
    parts = [
        (name if "." not in name else "arrays", (name, content, "application/octet-stream"))
        for name, content in files
    ]
    return client.post(PATH, data=texts, files=parts)


def test_a_checkpoint_is_identified_as_the_library_does(client: httpx.Client) -> None:
    arrays = drawn(init="keras")
    answer = sent(client, ("weights.safetensors", save(arrays)))
    found = answer.json()

    assert answer.status_code == 200, answer.text
    assert found["verdict"] == stepzero_rnn.identify(arrays).verdict
    assert found["redraw"] is None
    assert {(part["tensor"], part["gate"]) for part in found["parts"]} >= {("weight_hh_l0", "new")}
    assert client.get(found["nearest"]["url"]).json()["spec"]["init"]


def test_our_own_file_is_compared_with_its_redraw(client: httpx.Client) -> None:
    file = make(client, GRU, format="safetensors", init="orthogonal")
    found = sent(client, ("mine.safetensors", file.content)).json()

    assert found["redraw"]["equal"]
    assert found["redraw"]["recipe"] == file.headers["stepzero-recipe"]


def test_arrays_may_come_one_by_one_and_with_a_prefix(client: httpx.Client) -> None:
    files = []
    for name, tensor in drawn().items():
        written = io.BytesIO()
        np.save(written, tensor.numpy())
        files.append((f"rnn.{name}.npy", written.getvalue()))
    found = sent(client, *files, prefix="rnn.").json()

    assert found["network"] == GRU


def test_a_pt_file_is_refused_with_the_lines_that_convert_it(client: httpx.Client) -> None:
    file = make(client, GRU, format="pt")
    answer = sent(client, ("mine.pt", file.content))

    assert code(answer) == (415, "not_an_array_file")
    assert "torch.load('model.pt', weights_only=True)" in answer.json()["detail"]
    assert "safetensors.torch.save_file" in answer.json()["detail"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(client: httpx.Client, arrays_folder: Any, name: str) -> None:
    answer = sent(client, (f"{NAME}.npy", HOSTILE[name].content))

    assert code(answer)[0] in REFUSED
    assert not left(arrays_folder)


@pytest.mark.parametrize(
    ("texts", "pointer"),
    [
        ({"layout": "caffe"}, "/layout"),
        ({"prefix": "x" * 513}, "/prefix"),
        ({"spec": "{}"}, "/spec"),
        ({"grow": "true"}, "/grow"),
    ],
)
def test_options_that_it_does_not_have_are_refused(
    client: httpx.Client, texts: dict[str, str], pointer: str
) -> None:
    answer = sent(client, ("a.safetensors", save(drawn())), **texts)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_form_without_files_another_body_and_a_query_are_refused(client: httpx.Client) -> None:
    empty = client.post(PATH, files={"prefix": (None, "rnn.")})
    json = client.post(PATH, json={"spec": GRU})
    query = client.post(f"{PATH}?layout=keras", files={"a.npy": b""})

    assert code(empty) == (422, "missing")
    assert code(json) == (415, "unsupported_media_type")
    assert code(query) == (422, "extra_forbidden")


def test_nothing_is_stored(client: httpx.Client, arrays_folder: Any) -> None:
    before = {*arrays_folder.iterdir()}
    sent(client, ("a.safetensors", save(drawn(seed=77))))

    assert {*arrays_folder.iterdir()} == before
    assert not left(arrays_folder)


def test_the_client_asks_for_it(server_url: str, tmp_path: Any) -> None:
    arrays = drawn(init="flax_linen")
    stepzero_rnn.save(GRU, tmp_path / "a.pt")
    with Client(server_url) as client:
        found = client.identify(arrays)

        assert found["nearest"]["init"] == "flax_linen"
        with pytest.raises(InvalidArrays):
            client.identify({"weight_ih_l0": arrays["weight_ih_l0"]})
        with pytest.raises(NotAnArrayFile):
            client.identify([tmp_path / "a.pt"])
