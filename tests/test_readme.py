"""The README's examples run as they are written, and its tables are those of the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _examples(section: str) -> dict[str, str]:
    text = README.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.findall(r"\*\*(.+?)\.\*\*[^`]*?.*?\n```(?:sh|python)\n(.*?)```", text, re.DOTALL)
    return dict(found)


EXAMPLES = _examples("Examples")
OWN_WEIGHTS = _examples("Your own weights")


def run(example: str, url: str, folder: Path) -> None:
    """Run an example with the test's server in place of the one that `make run` starts."""
    code = (EXAMPLES | OWN_WEIGHTS)[example].replace("http://127.0.0.1:8000", url)
    command = [sys.executable, "-c", code] if "import" in code else ["sh", "-euc", code]
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        env={
            "PATH": _path(),
            "PYTHONPATH": str(ROOT),
            "TORCH_HOME": str(folder),
            "HOME": str(folder),
        },
    )


STEPZERO = str(Path(sys.executable).with_name("stepzero"))


def _path() -> str:
    return ":".join(
        {
            str(Path(program).parent)
            for name in ("sh", "curl", STEPZERO)
            if (program := shutil.which(name))
        }
    )


def test_the_examples_are_the_five_that_are_promised():
    assert list(EXAMPLES) == ["curl", "Python with torch", "torch.hub", "The client", "Docker"]


def test_curl_fetches_a_file_that_torch_loads(server_url: str, tmp_path: Path):
    run("curl", server_url, tmp_path)
    run("Python with torch", server_url, tmp_path)

    assert (tmp_path / "lstm.safetensors").stat().st_size > 0


def test_torch_hub_loads_by_an_address_with_a_hash(server_url: str, tmp_path: Path):
    run("torch.hub", server_url, tmp_path)

    assert list(tmp_path.rglob("gru-10x20-*.pt"))


def test_the_client_plans_downloads_and_summarizes(server_url: str, tmp_path: Path):
    run("The client", server_url, tmp_path)

    assert (tmp_path / "lstm.pt").exists()


def test_own_weights_are_used_kept_and_grown(server_url: str, tmp_path: Path):
    for example in OWN_WEIGHTS:
        run(example, server_url, tmp_path)
    old = load_file(tmp_path / "old.safetensors")
    new, grown = (torch.load(tmp_path / name, weights_only=True) for name in ("new.pt", "grown.pt"))

    assert len(OWN_WEIGHTS) == 4
    assert {name for name in old if not torch.equal(old[name], new[name])} == {"weight_hh_l0"}
    assert torch.equal(
        grown["weight_hh_l0"].view(3, 32, 32)[:, :20, :20], old["weight_hh_l0"].view(3, 20, 20)
    )


def test_a_client_of_ones_own_waits_as_the_plan_says(server_url: str, tmp_path: Path):
    clients = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", clients, re.DOTALL)[0]
    code = code.replace("http://127.0.0.1:8000", server_url) + "print(len(answer.content))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert int(done.stdout) > 4 * 4 * 300 * (200 + 300 + 2)


@pytest.mark.slow
def test_docker_builds_an_image_that_serves(tmp_path: Path):
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker engine here")
    subprocess.run(["sh", "-euc", EXAMPLES["Docker"]], cwd=ROOT, check=True)


def test_the_tables_are_those_of_the_code():
    check = [sys.executable, "scripts/readme_tables.py", "--check"]

    subprocess.run(check, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": _path()}, check=True)
