"""The examples of the README and of the guides run as they are written, and the generated tables
are those of the code.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.arrays.foreign import hdf5, keras_datasets, onnx_bytes

ROOT = Path(__file__).parents[1]
MAX_README_LINES = 150


def _examples(page: str) -> dict[str, str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    section = text.split("\n## Examples\n")[1].split("\n## ")[0]
    pattern = r"\*\*(.+?)\.\*\*[^`]*?.*?\n```(?:sh|python)\n(.*?)```"
    return dict(re.findall(pattern, section, re.DOTALL))


README = _examples("README.md")
OWN_WEIGHTS = _examples("docs/own-weights.md")
PYTHON = _examples("docs/python.md")
COMPARISON = _examples("docs/comparison.md")
REPORTS = _examples("docs/reports.md")


def run(example: str, url: str, folder: Path) -> None:
    """Run an example with the test's server in place of the one that `make run` starts."""
    code = (README | OWN_WEIGHTS | PYTHON | COMPARISON | REPORTS)[example].replace(
        "http://127.0.0.1:8000", url
    )
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


def test_the_readme_has_the_examples_that_are_promised():
    assert list(README) == [
        "curl",
        "Python with torch",
        "The client",
        "Without a server",
        "The command line",
        "Diagnostics",
        "Docker",
    ]


def test_the_readme_is_short():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= MAX_README_LINES


def test_curl_fetches_a_file_that_torch_loads(server_url: str, tmp_path: Path):
    run("curl", server_url, tmp_path)
    run("Python with torch", server_url, tmp_path)

    assert (tmp_path / "lstm.safetensors").stat().st_size > 0


def test_the_client_downloads_what_the_library_draws(server_url: str, tmp_path: Path):
    run("The client", server_url, tmp_path)
    run("Without a server", server_url, tmp_path)

    assert (tmp_path / "lstm.pt").read_bytes() == (tmp_path / "local.pt").read_bytes()


def test_the_command_line_makes_a_file(server_url: str, tmp_path: Path):
    run("The command line", server_url, tmp_path)

    assert (tmp_path / "gru-orthogonal.pt").exists()


@pytest.mark.parametrize("example", PYTHON)
def test_every_example_in_python_runs(example: str, server_url: str, tmp_path: Path):
    run(example, server_url, tmp_path)


@pytest.mark.parametrize("example", COMPARISON)
def test_every_example_of_a_comparison_runs(example: str, server_url: str, tmp_path: Path):
    run(example, server_url, tmp_path)


@pytest.mark.parametrize("example", REPORTS)
def test_every_example_of_a_report_runs(example: str, server_url: str, tmp_path: Path):
    run(example, server_url, tmp_path)


def test_torch_hub_loads_by_an_address_with_a_hash(server_url: str, tmp_path: Path):
    run("torch.hub", server_url, tmp_path)

    assert list(tmp_path.rglob("gru-10x20-*.pt"))


def test_own_weights_are_used_kept_and_grown(server_url: str, tmp_path: Path):
    lstm = torch.nn.LSTM(10, 20)
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(lstm, "lstm"))
    hdf5(tmp_path / "model.weights.h5", keras_datasets(lstm, "lstm"))
    for example in OWN_WEIGHTS:
        run(example, server_url, tmp_path)
    old = load_file(tmp_path / "old.safetensors")
    new, grown = (torch.load(tmp_path / name, weights_only=True) for name in ("new.pt", "grown.pt"))

    assert len(OWN_WEIGHTS) == 5
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
    subprocess.run(["sh", "-euc", README["Docker"]], cwd=ROOT, check=True)


def test_the_tables_of_the_reference_are_those_of_the_code():
    check = [sys.executable, "scripts/reference.py", "--check"]

    subprocess.run(check, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": _path()}, check=True)
