"""A device that the machine lists and torch cannot use: refused by name, and no other does its
work.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import torch

from stepzero_rnn.engine.devices.devices import device_errors
from stepzero_rnn.errors import DeviceFailed
from tests.api.asking import GRU, permalink, server_process

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU of this machine works")


# What torch says where a GPU's driver then fails.
COUNT_A_GPU = """
import torch
torch.cuda.device_count = lambda: 1
"""


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """An HTTP client of a server that believes in a GPU."""
    with (
        server_process(before=COUNT_A_GPU) as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize("asked", ["auto", "cuda", "cuda:0"])
def test_is_refused_before_the_first_byte(asked: str, client: httpx.Client) -> None:
    answer = client.post("/v1/checkpoints", json={**GRU, "device": asked})
    problem = answer.json()

    assert (answer.status_code, problem["code"]) == (503, "device_failed")
    assert problem["device"] == "cuda:0"
    assert "torch" not in answer.text.lower()  # the log has the reason


def test_is_refused_in_a_range_too(client: httpx.Client) -> None:
    answer = client.get(
        permalink(client, GRU), params={"device": "cuda"}, headers={"Range": "bytes=0-9"}
    )

    assert (answer.status_code, answer.json()["code"]) == (503, "device_failed")


def test_is_refused_when_devices_are_listed(client: httpx.Client) -> None:
    answer = client.get("/v1/devices")

    assert (answer.status_code, answer.json()["code"]) == (503, "device_failed")


def test_leaves_the_others_alone(client: httpx.Client) -> None:
    answer = client.post("/v1/checkpoints", json={**GRU, "device": "cpu"})

    assert (answer.status_code, answer.headers["stepzero-device"]) == (200, "cpu")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "it is out of memory"),
        (RuntimeError("CUDA error: an illegal memory access"), "an operation failed"),
    ],
)
def test_says_what_can_be_done_about_it(fault: Any, reason: str) -> None:
    with pytest.raises(DeviceFailed, match=reason), device_errors(torch.device("cuda:0")):
        raise fault


def test_a_fault_on_the_cpu_is_ours() -> None:
    with pytest.raises(RuntimeError, match="ours"), device_errors(torch.device("cpu")):
        raise RuntimeError("ours")
