"""ONNX over HTTP: names, refusals, and the two files of a network above 2 GiB."""

from __future__ import annotations

import json
from typing import Any

import httpx
import onnx
import pytest

from tests.api.asking import GRU, LSTM, describe, make, permalink

HIDDEN = 8192
LARGE: dict[str, Any] = {"rnn_type": "lstm", "input_size": HIDDEN, "hidden_size": HIDDEN}  # 2.1 GB
GATE_BYTES = HIDDEN * HIDDEN * 4


def part(client: httpx.Client, url: str, first: int, end: int | None = None) -> bytes:
    """Get some bytes of a file, which takes no check of the network."""
    wanted = f"bytes={first}-{'' if end is None else end - 1}"
    answer = client.get(url, headers={"Range": wanted})
    assert answer.status_code == 206
    return answer.content


@pytest.fixture
def files(client: httpx.Client) -> dict[str, Any]:
    """The files of a network above 2 GiB."""
    found: dict[str, Any] = describe(client, LARGE)["files"]
    return found


class TestANetworkAbove2GiB:
    def test_is_a_graph_that_names_the_file_of_its_weights(
        self, client: httpx.Client, files: dict[str, Any]
    ):
        graph = b"\x08" + part(client, files["onnx"]["url"], 1)
        weights = onnx.load_from_string(graph).graph.initializer[:3]
        places = [{one.key: one.value for one in weight.external_data} for weight in weights]

        assert len(graph) == files["onnx"]["size_bytes"] < 10_000
        assert "second file" in files["onnx"]["warning"]
        assert {place["location"] for place in places} == {
            files["onnx_data"]["url"].rpartition("/")[2]
        }
        end = int(places[-1]["offset"]) + int(places[-1]["length"])
        head = client.head(files["onnx_data"]["url"])
        assert end == files["onnx_data"]["size_bytes"] == int(head.headers["Content-Length"])

    def test_has_the_rows_of_pytorchs_tensors_in_the_order_of_onnx(
        self, client: httpx.Client, files: dict[str, Any]
    ):
        url = files["safetensors"]["url"]
        header_bytes = int.from_bytes(part(client, url, 0, 8), "little")
        header = json.loads(part(client, url, 8, 8 + header_bytes))
        start = 8 + header_bytes + header["weight_ih_l0"]["data_offsets"][0]

        for place, gate in enumerate((0, 3, 1, 2)):  # i, o, f, g
            ours, theirs = place * GATE_BYTES, start + gate * GATE_BYTES
            assert part(client, files["onnx_data"]["url"], ours, ours + 64) == part(
                client, url, theirs, theirs + 64
            )

    def test_is_one_zip_of_both(self, files: dict[str, Any]):
        both = files["onnx"]["size_bytes"] + files["onnx_data"]["size_bytes"]

        assert both < files["onnx_zip"]["size_bytes"] < both + 1000


class TestASmallNetwork:
    def test_has_no_file_of_weights_and_says_why(self, client: httpx.Client):
        described = describe(client, GRU)
        address = described["files"]["onnx"]["url"] + ".data"
        answer = client.get(address)

        assert "onnx_data" not in described["files"]
        assert answer.status_code == 422
        assert answer.json()["code"] == "network_not_in_format"
        assert answer.json()["reason"] == described["not_in"]["onnx_data"]

    def test_is_found_by_the_longest_suffix(self, client: httpx.Client):
        folder = permalink(client, LSTM, "onnx_zip").rpartition("/")[0]
        answers = {
            name: client.head(f"{folder}/{name}").headers["Content-Type"]
            for name in ("a.zip", "a.onnx.zip", "a.onnx", "a.zip.onnx")
        }

        assert answers == {
            "a.zip": "application/zip",
            "a.onnx.zip": "application/vnd.onnx+zip",
            "a.onnx": "application/vnd.onnx",
            "a.zip.onnx": "application/vnd.onnx",
        }

    @pytest.mark.parametrize("format", ["onnx", "onnx_zip"])
    def test_is_saved_under_its_name(self, format: str, client: httpx.Client):
        answer = make(client, LSTM, format=format)
        name = answer.headers["Content-Location"].rpartition("/")[2]

        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'

    def test_is_chosen_by_its_media_type(self, client: httpx.Client):
        answer = client.post(
            "/v1/checkpoints", json=LSTM, headers={"Accept": "application/vnd.onnx"}
        )

        assert answer.content == make(client, LSTM, format="onnx").content


def test_a_projection_is_refused_before_anything_is_drawn(client: httpx.Client):
    spec = {**LSTM, "hidden_size": HIDDEN, "proj_size": 5, "format": "onnx"}
    answer = client.post("/v1/checkpoints", json=spec)

    assert answer.status_code == 422
    assert answer.json()["code"] == "network_not_in_format"
    assert "no projection" in answer.json()["detail"]
    assert answer.json()["allowed"] == ["pt", "safetensors", "npz", "bundle"]


def test_a_warning_names_what_onnx_runtime_does_not_run(client: httpx.Client):
    files = describe(client, GRU, dtype="float64")["files"]

    assert files["onnx"]["warning"] == "ONNX Runtime has no float64 GRU on CPUs"
    assert files["pt"]["warning"] is None
