"""The wheel: what it holds, and that it works where neither this repository nor torch is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tests.engine.golden import golden
from tests.wheel_venv import Environment, built, environment, environment_of, pip

SIZES = ("-t", "gru", "--input-size", "13", "--hidden-size", "21", "--seed", "42")
GRU = {"rnn_type": "gru", "input_size": 13, "hidden_size": 21, "seed": 42}
THE_EXTRA = "pip install 'stepzero-rnn[torch]'"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment without torch and numba."""
    return environment(tmp_path_factory.mktemp("light"), wheel, draws=False)


@pytest.fixture(scope="session")
def full(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with them."""
    return environment(tmp_path_factory.mktemp("full"), wheel, draws=True)


def printed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def digests(file: Path) -> dict[str, str]:
    arrays = np.load(file)
    return {name: sha256(arrays[name].tobytes()).hexdigest() for name in arrays.files}


class TestTheWheel:
    def test_holds_one_package(self, wheel: Path) -> None:
        names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

        assert wheel.name == "stepzero_rnn-0.1.0-py3-none-any.whl"
        assert names == {"stepzero_rnn", "stepzero_rnn-0.1.0.dist-info"}

    def test_holds_its_licence_and_its_types(self, wheel: Path) -> None:
        names = zipfile.ZipFile(wheel).namelist()

        assert "stepzero_rnn/py.typed" in names
        assert "stepzero_rnn-0.1.0.dist-info/licenses/LICENSE" in names

    def test_holds_every_module(self, wheel: Path) -> None:
        root = Path(__file__).parents[1]
        modules = {str(path.relative_to(root)) for path in root.glob("stepzero_rnn/**/*.py")}

        assert modules == {n for n in zipfile.ZipFile(wheel).namelist() if n.endswith(".py")}


class TestWithoutTorch:
    def test_every_light_module_is_imported(self, light: Environment) -> None:
        code = """
import importlib, pkgutil, sys, stepzero_rnn
heavy = ("stepzero_rnn.engine", "stepzero_rnn.identification", "stepzero_rnn.comparison.measuring", "stepzero_rnn.diagnostics.measuring", "stepzero_rnn.drawing", "stepzero_rnn.formats.loader",
    *("stepzero_rnn.pipeline." + name for name in "assemble checksum costs elements factory report run".split()),
    "stepzero_rnn.pipeline.result_cache", "stepzero_rnn.pipeline.tensor_cache",
    *("stepzero_rnn.reports." + name for name in "area contents cost curves gates histograms laws measuring page panels pictures rendering spectra text_bands".split()),
    "stepzero_rnn.uploads.bucket", "stepzero_rnn.__main__")
for module in pkgutil.walk_packages(stepzero_rnn.__path__, "stepzero_rnn."):
    if not module.name.startswith(heavy):
        importlib.import_module(module.name)
print({"torch", "numba", "matplotlib", "app"} & {*sys.modules})
"""
        assert printed(light.python(code)) == "set()\n"

    def test_a_client_downloads(self, light: Environment, server_url: str) -> None:
        code = f"""
from stepzero_rnn.client import Client
with Client({server_url!r}) as client:
    client.download({GRU}, "client.npz")
"""
        printed(light.python(code))

        assert digests(light.home / "client.npz") == golden()["gru"]

    def test_a_client_downloads_in_an_event_loop(self, light: Environment, server_url: str) -> None:
        code = f"""
import asyncio
from stepzero_rnn.client import AsyncClient
async def main():
    async with AsyncClient({server_url!r}) as client:
        await client.download({GRU}, "awaited.npz")
asyncio.run(main())
"""
        printed(light.python(code))

        assert digests(light.home / "awaited.npz") == golden()["gru"]

    def test_the_command_line_asks_a_server(self, light: Environment, server_url: str) -> None:
        asked = ("--server", server_url, "--json")
        made = json.loads(printed(light.stepzero("make", *SIZES, "-o", "made.npz", *asked)))
        checked = json.loads(printed(light.stepzero("check", *SIZES, *asked)))

        assert digests(light.home / "made.npz") == golden()["gru"]
        assert made["sha256"] == sha256((light.home / "made.npz").read_bytes()).hexdigest()
        assert checked["weights"]["parameters"] == 2268

    def test_the_command_line_plans_here(self, light: Environment) -> None:
        assert json.loads(printed(light.stepzero("plan", *SIZES, "--json")))["parameters"] == 2268

    def test_the_command_line_lists_the_schemes(self, light: Environment) -> None:
        assert "orthogonal" in printed(light.stepzero("schemes"))

    def test_arrays_are_read_and_kept(self, light: Environment) -> None:
        code = f"""
import numpy as np, stepzero_rnn
recipe = stepzero_rnn.with_arrays({GRU}, {{"bias_ih_l0": np.ones(63)}})
print(stepzero_rnn.plan(recipe).tensors[2].given)
"""
        assert printed(light.python(code)) == "63\n"

    def test_calls_that_draw_name_the_extra(self, light: Environment) -> None:
        code = f"""
import stepzero_rnn
from stepzero_rnn.errors import MissingExtra
draws = [
    lambda: stepzero_rnn.build({GRU}),
    lambda: stepzero_rnn.state_dict({GRU}),
    lambda: stepzero_rnn.save({GRU}, "refused.pt"),
    lambda: stepzero_rnn.check({GRU}),
    lambda: stepzero_rnn.stream({GRU}),
    lambda: stepzero_rnn.init_(None),
]
for draw in draws:
    try:
        draw()
    except MissingExtra as error:
        print(error.code, error)
"""
        lines = printed(light.python(code)).splitlines()

        assert len(lines) == 6
        assert {*lines} == {
            "missing_extra This requires torch and numba, which are not installed: "
            f"{THE_EXTRA}, or let a server draw: --server URL, or stepzero_rnn.client."
        }
        assert not (light.home / "refused.pt").exists()

    @pytest.mark.parametrize("arguments", [("make", *SIZES), ("check", *SIZES)])
    def test_a_command_that_draws_names_the_extra(
        self, light: Environment, arguments: tuple[str, ...]
    ) -> None:
        done = light.stepzero(*arguments)

        assert done.returncode == 2
        assert THE_EXTRA in done.stderr
        assert "Traceback" not in done.stderr

    def test_what_ties_a_script_to_torch_names_the_extra(self, light: Environment) -> None:
        done = light.stepzero("plan", *SIZES, "--init", "torch_seeded")

        assert (done.returncode, THE_EXTRA in done.stderr) == (2, True), done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)  # every kernel is compiled
class TestWithTorch:
    def test_the_command_line_draws_the_golden_network(self, full: Environment) -> None:
        printed(full.stepzero("make", *SIZES, "-o", "made.npz"))

        assert digests(full.home / "made.npz") == golden()["gru"]

    def test_the_package_app_is_somebody_elses(self, full: Environment) -> None:
        code = f"""
import sys, stepzero_rnn
stepzero_rnn.save({GRU}, "saved.npz")
assert "app" not in sys.modules
try:
    import app
except ImportError as error:
    print(error)
"""
        assert printed(full.python(code)) == "a package of somebody else\n"

    def test_a_type_checker_reads_its_types(self, full: Environment, tmp_path: Path) -> None:
        probe = tmp_path / "probe.py"
        probe.write_text(f"import stepzero_rnn\nreveal_type(stepzero_rnn.plan({GRU}).parameters)\n")
        python = full.folder / "bin/python"
        shown = subprocess.run(
            [sys.executable, "-m", "mypy", "--python-executable", python, probe.name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

        assert 'Revealed type is "int"' in shown.stdout.replace("builtins.", ""), shown.stdout


def interpreter(version: str) -> str | None:
    """Return the path of another Python, if this machine has one."""
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(installed[-1]) if installed else shutil.which(f"python{version}")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_core_installs_from_the_index_on(
    version: str, wheel: Path, tmp_path: Path, server_url: str
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    try:
        pip("download", "--no-deps", "--dest", tmp_path / "probe", "cachetools")
    except subprocess.CalledProcessError:
        pytest.skip("the package index cannot be reached")
    there = environment_of(python, tmp_path, wheel)
    made = there.stepzero("make", *SIZES, "-o", "made.npz", "--server", server_url)
    refused = there.stepzero("make", *SIZES)

    assert made.returncode == 0, made.stderr
    assert digests(there.home / "made.npz") == golden()["gru"]
    assert (refused.returncode, THE_EXTRA in refused.stderr) == (2, True), refused.stderr
