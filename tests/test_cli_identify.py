"""`stepzero identify`: the verdict of a file, here and on a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import stepzero_rnn
from tests.test_cli import GRU_SPEC, run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with Keras's default, without its recipe."""
    torch.save(dict(stepzero_rnn.state_dict({**GRU_SPEC, "init": "keras"})), tmp_path / "a.pt")
    return tmp_path / "a.pt"


def test_says_which_initialization_a_pt_file_is(file: Path) -> None:
    result = run("identify", str(file))

    assert result.exit_code == 0, result.output
    assert "Keras 3's default" in result.stdout
    assert "orthogonal(scope=fused)" in result.stdout
    assert "Recipe: " in result.stdout


def test_prints_json(file: Path) -> None:
    found = json.loads(run("identify", str(file), "--json").stdout)

    assert found["nearest"]["init"] == "keras"
    assert found["network"] == GRU_SPEC


def test_asks_a_server(tmp_path: Path, server_url: str) -> None:
    path = stepzero_rnn.save(GRU_SPEC, tmp_path / "a.safetensors")
    found = json.loads(run("identify", str(path), "--server", server_url, "--json").stdout)

    assert found["redraw"]["equal"]


def test_passes_a_servers_refusal_of_a_pt_file_on(file: Path, server_url: str) -> None:
    result = run("identify", str(file), "--server", server_url)

    assert result.exit_code == 2
    assert "torch.load" in result.stderr


def test_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"nothing")

    assert run("identify", str(tmp_path / "a.safetensors")).exit_code == 2
    assert run("identify", str(tmp_path / "none.pt")).exit_code == 2
    assert run("identify").exit_code == 2
