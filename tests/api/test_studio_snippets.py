"""The commands and the code that the studio offers run as they stand."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import stepzero_rnn
from tests.api.browser import in_chromium

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = in_chromium

SPEC: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 6,
    "hidden_size": 12,
    "num_layers": 2,
    "bidirectional": True,
    "proj_size": 3,
    "dtype": "float64",
    "init": {"weight_hh": "orthogonal"},
}
ADDRESS = (
    "/?rnn_type=lstm&input_size=6&hidden_size=12&num_layers=2&bidirectional=true&proj_size=3"
    '&dtype=float64&init={"weight_hh":"orthogonal"}'
)
PROGRAMS = Path(sys.executable).parent
COMPARED = """
import stepzero_rnn
expected = stepzero_rnn.state_dict(spec)
assert lstm.state_dict().keys() == expected.keys()
assert all(torch.equal(value, expected[name]) for name, value in lstm.state_dict().items())
"""


def snippet(page: Any, tab: str, contains: str) -> str:
    """Return what a tab shows."""
    page.goto(ADDRESS)
    page.locator(f"#tab-{tab}").click()
    expect(page.locator("#code")).to_contain_text(contains)
    return str(page.locator("#code").text_content())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the snippets run, with the programs of this Python and a cache of their own."""
    monkeypatch.setenv("PATH", str(PROGRAMS), prepend=os.pathsep)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=100)


def require_the_file(folder: Path) -> None:
    """Require that the one file in a folder is the one that the library writes."""
    (path,) = folder.glob("*.pt")
    expected = stepzero_rnn.save(SPEC, folder / "expected.pt")

    assert (
        hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(expected.read_bytes()).digest()
    )


@pytest.mark.parametrize("tab", ["curl", "command"])
def test_commands_run_as_they_stand(page: Any, tab: str, folder: Path):
    run(["bash", "-euc", snippet(page, tab, ".pt")], folder)

    require_the_file(folder)


def test_the_client_runs_as_it_stands(page: Any, folder: Path):
    run([sys.executable, "-c", snippet(page, "client", "Client")], folder)

    require_the_file(folder)


@pytest.mark.parametrize(
    ("tab", "contains"), [("python", "build"), ("hub", "load_state_dict_from_url")]
)
def test_code_makes_the_network(page: Any, tab: str, contains: str, folder: Path):
    code = snippet(page, tab, contains)
    spec = f"\nimport torch\nspec = {dict(SPEC)!r}\n"

    run([sys.executable, "-c", code + spec + COMPARED], folder)


def test_a_copied_command_is_the_one_that_is_shown(page: Any, base_url: str):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=base_url)
    shown = snippet(page, "command", "stepzero make")
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")

    assert page.evaluate("navigator.clipboard.readText()") == shown
