"""The service's own commands: `python -m app`, `python -m app.key` and `make run`."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import stepzero_rnn
from app import __main__ as starting
from app import key

ROOT = Path(stepzero_rnn.__file__).parents[1]


def run(*args: str, **env: str) -> Result:
    return CliRunner().invoke(starting.cli, args, env={"COLUMNS": "200", **env})


class TestStarting:
    def test_help_has_examples_and_exit_codes(self) -> None:
        text = run("--help").stdout

        assert text.count("python -m app --") == 2
        assert "4" in text

    def test_tells_which_setting_is_wrong(self) -> None:
        result = run(STEPZERO_PORT="many")

        assert result.exit_code == 2
        assert result.stderr.startswith("Error: Invalid settings. STEPZERO_PORT: ")
        assert len(result.stderr.splitlines()) == 1

    def test_refuses_a_setting_that_there_is_not(self) -> None:
        result = run(STEPZERO_PROT="8001")

        assert result.exit_code == 2
        assert "STEPZERO_PROT: unknown setting (did you mean STEPZERO_PORT?)." in result.stderr


class TestAKey:
    def test_leaves_only_its_line_on_stdout(self) -> None:
        result = CliRunner().invoke(key.cli, ["ci"])

        assert re.fullmatch(r"ci sha256:[0-9a-f]{64}\n", result.stdout)
        assert "stepzero_" in result.stderr


def test_a_server_says_where_it_is() -> None:
    command = [sys.executable, "-m", "app", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        first = process.stdout.readline().decode()
        process.kill()

    assert re.match(r"Step Zero is running at http://127\.0\.0\.1:\d+/", first)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_whose_port_is_taken_says_so_and_exits_with_4(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--port", str(port), "--workers", workers)

    assert result.exit_code == 4
    assert len(result.stderr.splitlines()) == 1
    assert f"Cannot listen on 127.0.0.1:{port}: the port is in use" in result.stderr
    assert "Choose another port" in result.stderr


def test_make_serves_where_environment_and_words_say() -> None:
    def serves(*words: str, **environment: str) -> list[str]:
        command = ["make", "-n", "run", *words]
        env = {"PATH": os.defpath, **environment}
        said = subprocess.check_output(command, cwd=ROOT, env=env, text=True)
        return said.splitlines()[-1].partition("-m app")[2].split()

    assert serves() == []  # STEPZERO_HOST and STEPZERO_PORT count
    assert serves(PORT="9000") == ["--port", "9000"]
    assert serves("PORT=9001", PORT="9000", HOST="::1") == ["--host", "::1", "--port", "9001"]
