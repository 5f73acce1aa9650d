"""The checksum that goes ahead of a file: of all its bytes, though none was drawn for it."""

from __future__ import annotations

import zlib
from typing import Any

import httpx
import pytest

TINY = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LARGER = {"rnn_type": "lstm", "input_size": 100, "hidden_size": 120, "num_layers": 2}


@pytest.mark.parametrize("spec", [TINY, LARGER], ids=["tiny", "larger"])
@pytest.mark.parametrize("name", ["pt", "safetensors", "npz"])
def test_is_that_of_the_file(client: httpx.Client, spec: dict[str, Any], name: str):
    answer = client.post("/v1/checkpoints", json={**spec, "format": name})

    assert answer.headers["Stepzero-Crc32"] == f"{zlib.crc32(answer.content):08x}"


def test_is_missing_where_it_would_take_a_pass(client: httpx.Client):
    answer = client.post("/v1/checkpoints", json={**TINY, "format": "bundle"})

    assert "Stepzero-Crc32" not in answer.headers


@pytest.mark.parametrize("spec", [TINY, LARGER], ids=["tiny", "larger"])
def test_is_not_told_of_a_range(client: httpx.Client, spec: dict[str, Any]):
    where = client.post("/v1/checkpoints", json=spec).headers["Content-Location"]

    answer = client.get(where, headers={"Range": "bytes=5-"})

    assert answer.status_code == 206
    assert "Stepzero-Crc32" not in answer.headers
