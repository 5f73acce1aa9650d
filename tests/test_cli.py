"""The command line: what it makes, says and refuses, and with which exit code."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from typer.testing import CliRunner, Result

import stepzero_rnn
from stepzero_rnn.cli import COMMANDS, cli
from stepzero_rnn.cli.refusals import exit_code
from stepzero_rnn.cli.words import place
from stepzero_rnn.errors import BY_CODE, from_problem
from stepzero_rnn.spec.catalogue import catalogue
from stepzero_rnn.spec.checkpoint import CheckpointRequest, CheckSize, Spec
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe
from tests.api.asking import free_port

GRU = ("-t", "gru", "--input-size", "10", "--hidden-size", "20")
GRU_SPEC: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
BIG = ("-t", "rnn", "--input-size", "4000", "--hidden-size", "4000")  # far above a pipe's buffer
BIG_TO_STDOUT = ("-m", "stepzero_rnn", "make", *BIG, "-o", "-")
NO_ADDRESS = "ftp://localhost"


def run(*args: str, stdin: str | bytes | None = None, **env: str) -> Result:
    return CliRunner().invoke(cli, args, input=stdin, env={"COLUMNS": "200", **env})


def made(*args: str, stdin: str | None = None) -> dict[str, Any]:
    """Return what `make --json` says of itself."""
    result = run("make", *args, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def recipe_of(*args: str, stdin: str | None = None) -> Spec:
    """Return the recipe that options describe."""
    result = run("plan", *args, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return decode_recipe(json.loads(result.stdout)["recipe"])


def started(*args: str) -> subprocess.Popen[bytes]:
    """Start Python in a process of its own, where it finds the package."""
    return subprocess.Popen(
        [sys.executable, *args],
        cwd=Path(stepzero_rnn.__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextmanager
def another_server() -> Iterator[str]:
    """Serve what is no Step Zero: it answers everything with an empty object."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server, ThreadPoolExecutor() as pool:
        pool.submit(server.serve_forever, 0.01)
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestHelp:
    def test_lists_every_command_and_every_exit_code(self) -> None:
        text = run("--help").stdout

        assert all(command.__name__ in text for command in COMMANDS)
        assert all(f"{code} " in text for code in (0, 1, 2, 3, 130))

    @pytest.mark.parametrize("name", ["make", "plan", "check", "schemes"])
    def test_of_a_command_has_an_example(self, name: str) -> None:
        assert f" stepzero {name} " in run(name, "--help").stdout

    @pytest.mark.parametrize(
        ("name", "examples"), [("make", 7), ("plan", 2), ("check", 3), ("schemes", 3)]
    )
    def test_has_every_example_on_a_line_of_its_own(self, name: str, examples: int) -> None:
        lines = [line for line in run(name, "--help").stdout.splitlines() if "Usage" not in line]

        assert sum(f"stepzero {name}" in line for line in lines) == examples
        assert not [line for line in lines if line.count("stepzero ") > 1]

    def test_of_all_knows_the_version(self) -> None:
        assert run("--version").stdout == run("version").stdout

    @pytest.mark.parametrize("name", ["make", "plan", "check"])
    def test_has_an_option_for_every_field_of_a_spec(self, name: str) -> None:
        text = run(name, "--help").stdout

        assert [f for f in Spec.model_fields if f"--{f.replace('_', '-')}" not in text] == []

    @pytest.mark.parametrize("args", [["--help"], ["plan", *GRU], ["version"]])
    def test_and_what_draws_nothing_start_without_torch(self, args: list[str]) -> None:
        program = (
            "import sys\n"
            "from stepzero_rnn.cli import cli\n"
            f"cli({args!r}, standalone_mode=False)\n"
            "print([m for m in ('torch', 'numba', 'fastapi', 'httpx') if m in sys.modules])"
        )

        with started("-c", program) as process:
            said, _ = process.communicate()

        assert said.splitlines()[-1] == b"[]"

    def test_is_also_that_of_the_module(self) -> None:
        with started("-m", "stepzero_rnn", "version") as process:
            said, _ = process.communicate()

        assert said.decode() == f"stepzero {stepzero_rnn.__version__}, stream version 1\n"


class TestMake:
    def test_writes_what_torch_loads(self) -> None:
        made(*GRU, "--init", "orthogonal", "-o", "gru.pt")

        state = torch.load("gru.pt", weights_only=True)
        torch.nn.GRU(10, 20).load_state_dict(state, strict=True)

    def test_says_path_bytes_and_permalink(self, here: Path) -> None:
        lines = run("make", *GRU, "-o", "gru.pt").stdout.splitlines()

        assert lines[0] == "gru.pt"
        assert lines[1] == f"{(here / 'gru.pt').stat().st_size:,} bytes"
        assert lines[2].startswith(f"/v1/checkpoints/{encode_recipe(Spec(**GRU_SPEC))}/gru-10x20")

    def test_names_the_file_after_the_recipe(self, here: Path) -> None:
        said = made(*GRU)

        assert said["permalink"].endswith(f"/{said['path']}")
        assert [path.name for path in here.iterdir()] == [said["path"]]

    def test_writes_into_a_folder(self, here: Path) -> None:
        (here / "models").mkdir()

        said = made(*GRU, "-o", "models")

        assert Path(said["path"]).parent == Path("models")

    @pytest.mark.parametrize(
        ("args", "first"),
        [
            (["-o", "a.safetensors"], b"\x30"),
            (["-o", "a.npz"], b"PK"),
            (["-o", "a.model"], b"PK"),
            (["-o", "a.model", "--format", "safetensors"], b"\x30"),
            (["-o", "a.onnx"], b"\x08"),
            (["-o", "a.onnx.zip"], b"PK"),
        ],
    )
    def test_takes_the_format_from_the_option_or_the_suffix(
        self, here: Path, args: list[str], first: bytes
    ) -> None:
        made(*GRU, *args)

        is_zip = (here / args[1]).read_bytes().startswith(b"PK")
        assert is_zip == (first == b"PK")

    def test_refuses_a_format_against_the_suffix(self, here: Path) -> None:
        result = run("make", *GRU, "-o", "a.pt", "--format", "safetensors")

        assert result.exit_code == 2
        assert "a.pt means pt, but the requested format is safetensors" in result.stderr
        assert list(here.iterdir()) == []

    def test_keeps_a_file_that_is_there(self, here: Path) -> None:
        (here / "gru.pt").write_bytes(b"mine")

        result = run("make", *GRU, "-o", "gru.pt")

        assert result.exit_code == 2
        assert result.stderr == (
            "Error: gru.pt already exists; use --force to replace it or --skip-existing to keep it.\n"
        )
        assert (here / "gru.pt").read_bytes() == b"mine"

    def test_replaces_it_when_forced(self, here: Path) -> None:
        (here / "gru.pt").write_bytes(b"mine")

        made(*GRU, "-o", "gru.pt", "--force")

        assert (here / "gru.pt").read_bytes() != b"mine"

    def test_writes_the_same_bytes_to_stdout_and_its_words_to_stderr(self, here: Path) -> None:
        made(*GRU, "-o", "gru.pt")

        result = run("make", *GRU, "-o", "-")

        assert result.exit_code == 0
        assert result.stdout_bytes == (here / "gru.pt").read_bytes()
        assert "/v1/checkpoints/" in result.stderr

    def test_tells_recipe_and_sha256_of_what_was_written(self, here: Path) -> None:
        said = made(*GRU, "-o", "gru.pt")

        assert said["recipe"] == encode_recipe(Spec(**GRU_SPEC))
        assert said["sha256"] == hashlib.sha256((here / "gru.pt").read_bytes()).hexdigest()

    def test_leaves_what_is_there_where_that_is_asked_for(self, here: Path) -> None:
        first = made(*GRU, "-o", "gru.pt", "--skip-existing")
        written_ns = (here / "gru.pt").stat().st_mtime_ns
        again = made(*GRU, "-o", "gru.pt", "--skip-existing")

        assert (first["skipped"], again["skipped"]) == (False, True)
        assert first | {"skipped": True} == again
        assert (here / "gru.pt").stat().st_mtime_ns == written_ns

    @pytest.mark.parametrize("format", ["pt", "safetensors", "npz", "bundle", "onnx", "onnx_zip"])
    def test_does_not_take_another_recipes_file_for_its_own(self, format: str) -> None:
        made(*GRU, "--format", format, "-o", "gru")
        mine = run("make", *GRU, "--format", format, "-o", "gru", "--skip-existing")
        other = run("make", *GRU, "--format", format, "-o", "gru", "--skip-existing", "--seed", "1")

        assert mine.exit_code == 0
        assert other.exit_code == 2
        assert "is not this recipe's file" in other.stderr

    @pytest.mark.parametrize("format", ["pt", "npz", "bundle", "onnx_zip"])
    def test_does_not_take_altered_weights_for_its_own(self, here: Path, format: str) -> None:
        made(*GRU, "--format", format, "-o", "gru")
        altered = bytearray((here / "gru").read_bytes())
        altered[len(altered) // 2] ^= 1
        (here / "gru").write_bytes(altered)

        result = run("make", *GRU, "--format", format, "-o", "gru", "--skip-existing")

        assert result.exit_code == 2
        assert "does not match its checksums" in result.stderr

    def test_says_what_it_did_not_look_at_of_a_file_without_checksums(self) -> None:
        made(*GRU, "-o", "gru.safetensors")
        said = made(*GRU, "-o", "gru.safetensors", "--skip-existing")
        shown = run("make", *GRU, "-o", "gru.safetensors", "--skip-existing").stdout

        assert (said["skipped"], said["sha256"]) == (True, None)
        assert "already existed (only its recipe and length were verified)" in shown

    def test_writes_into_a_pipe_with_a_name_and_leaves_it(self, here: Path) -> None:
        whole = made(*GRU, "-o", "gru.pt")["sha256"]
        os.mkfifo(here / "pipe")
        with ThreadPoolExecutor() as pool:
            read = pool.submit((here / "pipe").read_bytes)
            made(*GRU, "-o", "pipe")

            assert hashlib.sha256(read.result()).hexdigest() == whole
        assert sorted(path.name for path in here.iterdir()) == ["gru.pt", "pipe"]
        assert (here / "pipe").is_fifo()

    @pytest.mark.parametrize("force", [(), ("--force",)])
    def test_writes_into_a_device_and_leaves_it(self, here: Path, force: tuple[str, ...]) -> None:
        assert made(*GRU, "-o", "/dev/null", *force)["path"] == "/dev/null"
        assert Path("/dev/null").is_char_device()

    def test_adds_to_stdout_by_its_name_what_it_adds_by_a_dash(self, here: Path) -> None:
        whole = Path(made(*GRU, "-o", "gru.pt")["path"]).read_bytes()
        log = here / "log"
        log.write_bytes(b"before")
        command = [sys.executable, "-m", "stepzero_rnn", "make", *GRU, "-o", "/dev/stdout"]
        root = Path(stepzero_rnn.__file__).parents[1]
        with log.open("ab") as file:
            subprocess.run(command, stdout=file, stderr=subprocess.PIPE, cwd=root, check=True)

        assert log.read_bytes() == b"before" + whole

    def test_replaces_the_file_that_a_link_leads_to(self, here: Path) -> None:
        (here / "v1.pt").write_bytes(b"mine")
        (here / "latest.pt").symlink_to("v1.pt")

        made(*GRU, "-o", "latest.pt", "--force")

        assert (here / "latest.pt").is_symlink()
        assert (here / "v1.pt").read_bytes() != b"mine"

    def test_does_not_take_a_folder_that_is_missing_for_a_file(self, here: Path) -> None:
        result = run("make", *GRU, "-o", "nowhere/", "--json")

        assert result.exit_code == 2
        assert "nowhere/: No such folder." in json.loads(result.stderr)["detail"]
        assert list(here.iterdir()) == []

    @pytest.mark.parametrize("named", [(), ("--format", "pt")])
    def test_refuses_the_suffix_of_a_format_that_it_does_not_write(
        self, here: Path, named: tuple[str, ...]
    ) -> None:
        result = run("make", *GRU, "-o", "gru.gguf", *named)

        assert result.exit_code == 2
        assert "gguf" in result.stderr
        assert list(here.iterdir()) == []

    def test_tells_a_missing_folder_without_a_traceback(self) -> None:
        result = run("make", *GRU, "-o", "nowhere/gru.pt")

        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr == "Error: nowhere/gru.pt: No such file or directory.\n"

    def test_leaves_nothing_of_a_network_that_fails_its_check(self, here: Path) -> None:
        result = run("make", *GRU, "--init", "zeros")

        assert result.exit_code == 3
        assert list(here.iterdir()) == []

    def test_stops_at_ctrl_c_with_130(self) -> None:
        with started(*BIG_TO_STDOUT) as process:
            assert process.stdout
            process.stdout.read(1)  # it writes now
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)

        assert process.returncode == 130
        assert said.decode() == "\nStopped. No complete file was written to stdout.\n"

    def test_leaves_nothing_at_sigterm(self, here: Path) -> None:
        with started("-m", "stepzero_rnn", "make", *BIG, "-o", str(here / "rnn.pt")) as process:
            while not [*here.glob(".rnn.pt*")]:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)

        assert process.returncode == 143
        assert b"Traceback" not in said
        assert list(here.iterdir()) == []

    def test_refuses_a_stdout_that_is_closed(self) -> None:
        script = '"$0" -m stepzero_rnn make "$@" >&-'
        done = subprocess.run(
            ["/bin/sh", "-c", script, sys.executable, *GRU, "-o", "-"],
            cwd=Path(stepzero_rnn.__file__).parents[1],
            capture_output=True,
            check=False,
        )

        assert done.returncode == 2
        assert (
            done.stderr == b"Error: stdout is closed; there is nowhere to write the checkpoint.\n"
        )

    def test_stops_quietly_when_its_reader_has_had_enough(self) -> None:
        with started(*BIG_TO_STDOUT) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.read(1)
            process.stdout.close()
            said = process.stderr.read()

        assert process.returncode == 1
        assert b"Traceback" not in said


class TestWarnings:
    STRANGE = ("-t", "rnn", "--input-size", "3", "--hidden-size", "4", "--init", "identity")

    @pytest.mark.parametrize("command", ["plan", "check"])
    def test_stand_below_what_is_told(self, command: str) -> None:
        assert "Warning: --init /weight_hh: the identity" in run(command, *self.STRANGE).stdout
        assert "Warning" not in run(command, *GRU).stdout

    def test_stand_beside_what_is_made(self, here: Path) -> None:
        result = run("make", *self.STRANGE, "-o", "rnn.pt", "--json")

        assert json.loads(result.stdout)["path"] == "rnn.pt"
        assert result.stderr.startswith("Warning: --init /weight_hh: the identity")


class TestASpec:
    def test_is_taken_from_a_file(self, here: Path) -> None:
        (here / "spec.json").write_text(json.dumps(GRU_SPEC | {"format": "npz", "device": "cpu"}))

        assert recipe_of("--spec", "spec.json") == Spec(**GRU_SPEC)
        assert made("--spec", "spec.json")["path"].endswith(".npz")

    def test_is_taken_from_stdin(self) -> None:
        assert recipe_of("--spec", "-", stdin=json.dumps(GRU_SPEC)) == Spec(**GRU_SPEC)

    @pytest.mark.parametrize(
        "form", ["{}", "/v1/checkpoints/{}", "http://there/v1/checkpoints/{}/gru-10x20.pt"]
    )
    def test_is_taken_from_a_recipe_or_any_of_its_addresses(self, form: str) -> None:
        spec = Spec(**GRU_SPEC, seed=7)

        assert recipe_of("--recipe", form.format(encode_recipe(spec))) == spec

    def test_gives_way_to_the_options_beside_it(self) -> None:
        token = encode_recipe(Spec(**GRU_SPEC, seed=7))

        assert recipe_of("--recipe", token, "--seed", "8", "--no-bias") == Spec(
            **GRU_SPEC, seed=8, bias=False
        )

    def test_has_an_init_by_name_or_as_json(self) -> None:
        by_name = recipe_of(*GRU, "--init", "orthogonal")
        by_part = recipe_of(*GRU, "--init", '{"weight_hh": {"scheme": "orthogonal", "gain": 2}}')

        assert by_name.parts.weight_ih.scheme == "orthogonal"
        assert by_part.parts.weight_hh.model_dump()["gain"] == 2

    def test_has_an_init_from_a_file_or_stdin(self, here: Path) -> None:
        text = '{"weight_hh": {"scheme": "orthogonal", "gain": 2}}'
        (here / "init.json").write_text(text)
        in_place = recipe_of(*GRU, "--init", text)

        assert recipe_of(*GRU, "--init", "@init.json") == in_place
        assert recipe_of(*GRU, "--init", "@-", stdin=text) == in_place

    def test_has_its_words_in_any_case(self) -> None:
        named = recipe_of("-t", "GRU", *GRU[2:], "--dtype", "Float64")

        assert (named.rnn_type, named.dtype) == ("gru", "float64")

    def test_that_is_wrong_in_a_file_is_told_with_the_files_name(self, here: Path) -> None:
        (here / "spec.json").write_text(json.dumps(GRU_SPEC | {"hidden_size": 0}))

        result = run("plan", "--spec", "spec.json", "--num-layers", "0")
        _, *lines = result.stderr.splitlines()
        assert [line.split(": Input")[0] for line in lines] == [
            "  spec.json: /hidden_size",
            "  --num-layers",
        ]

    def test_whose_json_is_broken_is_told_by_option_or_file(self, here: Path) -> None:
        (here / "init.json").write_text("{")

        by_option = run("plan", *GRU, "--init", "{").stderr
        by_file = run("plan", *GRU, "--init", "@init.json").stderr
        assert by_option.startswith("Error: --init is not JSON: ")
        assert by_file.startswith("Error: init.json is not JSON: ")

    def test_that_is_wrong_is_told_field_by_field(self) -> None:
        result = run("make", "-t", "gru", "--input-size", "0", "--init", "orthogonl")

        assert result.exit_code == 2
        assert result.stdout == ""
        title, *lines = result.stderr.splitlines()
        assert title == "Error: Invalid specification."
        assert [line.split(":")[0] for line in lines] == [
            "  --input-size",
            "  --hidden-size",
            "  --init",
        ]
        assert lines[0].endswith("given 0; allowed: at least 1")
        assert 'given "orthogonl"' in lines[2]
        assert "orthogonal" in lines[2]

    def test_that_is_wrong_is_a_json_problem_where_json_is_asked_for(self) -> None:
        result = run("make", "-t", "gru", "--json")

        assert result.exit_code == 2
        problem = json.loads(result.stderr)
        assert problem["code"] == "invalid_spec"
        assert [e["pointer"] for e in problem["errors"]] == ["/input_size", "/hidden_size"]

    @pytest.mark.parametrize(
        "args",
        [
            ["--spec", "missing.json"],
            ["--spec", "-", "--recipe", "1.abc"],
            ["--spec", "-"],
            ["--recipe", "1.abc"],
            ["--recipe", "9.abc"],
            ["-t", "gruu"],
            ["--input-size", "ten"],
            [*GRU, "--init", "{"],
            [*GRU, "--init", "@missing.json"],
            [*GRU, "--unknown"],
        ],
        ids=" ".join,
    )
    def test_that_cannot_be_read_is_wrong_use(self, args: list[str]) -> None:
        result = run("plan", *args, stdin="[]")

        assert result.exit_code == 2
        assert "Traceback" not in result.stderr

    def test_may_begin_with_a_byte_order_mark(self, here: Path) -> None:
        (here / "spec.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(GRU_SPEC).encode())

        assert recipe_of("--spec", "spec.json") == Spec(**GRU_SPEC)


class TestJson:
    """Whoever asks for JSON is told in JSON alone what is wrong."""

    @pytest.mark.parametrize(
        "wrong",
        [["-t", "foo"], ["--num-layers", "two"], ["--nope"], ["--seed", "-1"], ["--spec", "no"]],
        ids=" ".join,
    )
    @pytest.mark.parametrize("command", ["make", "plan", "check"])
    def test_tells_wrong_use(self, command: str, wrong: list[str]) -> None:
        result = run(command, *GRU, *wrong, "--json")

        assert result.exit_code == 2
        assert result.stdout == ""
        assert json.loads(result.stderr)["detail"]

    def test_tells_a_failing_disk_without_the_status_of_an_answer(self) -> None:
        result = run("make", *GRU, "-o", "nowhere/gru.pt", "--json")

        told = json.loads(result.stderr)
        assert result.exit_code == 1
        assert told["detail"] == "nowhere/gru.pt: No such file or directory."
        assert "status" not in told

    def test_tells_an_unreadable_spec_without_the_status_of_an_answer(self) -> None:
        told = json.loads(run("plan", "--spec", "missing.json", "--json").stderr)

        assert told["detail"] == "--spec missing.json: No such file or directory."
        assert told["title"] == "The command failed"
        assert "status" not in told

    def test_tells_once_of_a_server_that_is_not_there(self) -> None:
        result = run("plan", *GRU, "--server", f"http://127.0.0.1:{free_port()}", "--json")

        assert result.exit_code == 1
        assert json.loads(result.stderr)["code"] == "transfer"

    def test_tells_of_ctrl_c(self, here: Path) -> None:
        big = [*BIG, "-o", str(here / "rnn.pt"), "--json"]
        with started("-m", "stepzero_rnn", "make", *big) as process:
            while not [*here.glob(".rnn.pt*")]:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)

        assert process.returncode == 130
        assert json.loads(said)["detail"].startswith("Stopped. ")
        assert list(here.iterdir()) == []


class TestPlan:
    def test_shows_every_tensor_and_format(self) -> None:
        text = run("plan", *GRU).stdout

        for word in ("weight_ih_l0", "60 × 10", "1,920 parameters", "safetensors", "bundle"):
            assert word in text

    def test_leaves_out_a_format_that_cannot_hold_the_dtype(self) -> None:
        result = run("plan", *GRU, "--dtype", "bfloat16", "--json")

        assert "npz" not in json.loads(result.stdout)["files"]
        assert json.loads(result.stdout)["not_in"]["npz"] == "NumPy has no such type"

    def test_foretells_the_bytes_of_every_file(self, here: Path) -> None:
        files = json.loads(run("plan", *GRU, "--json").stdout)["files"]

        for name, file in files.items():
            assert made(*GRU, "--format", name, "-o", name)["size_bytes"] == file["size_bytes"]
            assert (here / name).stat().st_size == file["size_bytes"]


class TestCheck:
    def test_shows_measured_beside_expected(self) -> None:
        text = run("check", *GRU, "--init", '{"weight_hh": "orthogonal"}').stdout

        for word in ("weight_hh_l0", "expected", "0.224", "16 × 4 × 10 → 16 × 4 × 20: fine"):
            assert word in text

    def test_gives_the_summary_as_json(self) -> None:
        result = run("check", *GRU, "--seq-len", "3", "--batch", "2", "--json")

        summary = json.loads(result.stdout)
        assert summary["weights"]["parameters"] == 1920
        assert summary["forward"]["output_shape"] == [3, 2, 20]

    def test_exits_with_3_where_the_output_is_dead(self) -> None:
        result = run("check", *GRU, "--init", "zeros")

        assert result.exit_code == 3
        assert result.stderr.startswith("Error: Layer 0 outputs zeros for every input")

    def test_shows_a_dead_output_that_was_accepted(self) -> None:
        result = run("check", *GRU, "--init", "zeros", "--accept-dead")

        assert result.exit_code == 0
        assert "zero everywhere" in result.stdout

    def test_names_the_devices_there_are(self) -> None:
        result = run("check", *GRU, "--device", "cuda:99")

        assert result.exit_code == 2
        assert "cpu" in result.stderr


class TestSchemes:
    def test_lists_every_scheme_with_its_formula(self) -> None:
        text = run("schemes").stdout

        for row in [row for kind in ("weights", "biases") for row in catalogue()[kind]]:
            assert row["name"] in text
            assert row["formula"] in text

    def test_lists_every_preset_with_its_networks(self) -> None:
        text = run("schemes").stdout

        for row in catalogue()["presets"]:
            assert re.search(rf"{row['name']} +{', '.join(row['rnn_types'])} ", text)

    def test_tells_all_about_one(self) -> None:
        text = run("schemes", "trunc_normal").stdout

        for word in (
            "inverse CDF",
            "torch.nn.init",
            "sigma",
            '{"init": {"weight_hh": "trunc_normal"}}',
        ):
            assert word in text

    def test_shows_a_preset_as_what_can_be_asked_for_without_its_name(self) -> None:
        text = run("schemes", "haste").stdout
        shown = {"gru": "zeros", "lstm": "forget"}

        for rnn_type, bias in shown.items():
            _, _, parts = text.partition(f"Parts {rnn_type}\n")
            given, _ = json.JSONDecoder().raw_decode(parts)
            assert given == {
                "init": {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": bias}
            }

    def test_shows_parts_once_where_they_are_the_same_for_every_network(self) -> None:
        text = run("schemes", "flax_linen").stdout

        assert text.count('"init": {') == 1
        assert "Parts\n" in text

    def test_gives_the_catalogue_as_json(self) -> None:
        assert json.loads(run("schemes", "--json").stdout) == catalogue()

    def test_names_what_there_is_where_a_name_is_unknown(self) -> None:
        result = run("schemes", "xavier")

        assert result.exit_code == 2
        assert "xavier_uniform" in result.stderr


class TestAServer:
    """Options with `--server` do there what they do here."""

    def test_makes_the_same_file(self, here: Path, server_url: str) -> None:
        local = made(*GRU, "-o", "here.pt")
        remote = made(*GRU, "-o", "there.pt", "--server", server_url)

        assert (here / "there.pt").read_bytes() == (here / "here.pt").read_bytes()
        assert remote["permalink"] == server_url + local["permalink"]
        assert httpx.get(remote["permalink"]).content == (here / "here.pt").read_bytes()

    def test_fills_a_pipe(self, server_url: str) -> None:
        result = run("make", *GRU, "-o", "-", "--server", server_url)

        assert torch.load(io.BytesIO(result.stdout_bytes), weights_only=True).keys()

    def test_plans_the_same(self, server_url: str) -> None:
        local = json.loads(run("plan", *GRU, "--json").stdout)
        remote = json.loads(run("plan", *GRU, "--server", server_url, "--json").stdout)

        assert remote["tensors"] == local["tensors"]
        for name, file in local["files"].items():
            assert remote["files"][name]["size_bytes"] == file["size_bytes"]
            assert remote["files"][name]["etag"] == file["etag"]

    @pytest.mark.parametrize("as_json", [(), ("--json",)])
    @pytest.mark.parametrize("command", ["plan", "check"])
    def test_that_answers_something_else_is_told_in_one_line(
        self, command: str, as_json: tuple[str, ...]
    ) -> None:
        with another_server() as url:
            result = run(command, *GRU, "--server", url, *as_json)

        assert result.exit_code == 1
        assert "that this release can read" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_measures_the_same(self, server_url: str) -> None:
        local = json.loads(run("check", *GRU, "--json").stdout)
        remote = json.loads(run("check", *GRU, "--server", server_url, "--json").stdout)

        assert remote["weights"] == local["weights"]

    def test_refuses_the_same(self, server_url: str) -> None:
        local = run("check", *GRU, "--init", "zeros")
        remote = run("check", *GRU, "--init", "zeros", "--server", server_url)

        assert (remote.exit_code, remote.stderr) == (local.exit_code, local.stderr)

    def test_that_was_stopped_by_ctrl_c_says_what_is_kept_and_goes_on(
        self, here: Path, server_url: str
    ) -> None:
        asked = ("make", *BIG, "-o", str(here / "rnn.pt"), "--server", server_url)
        part = here / "rnn.pt.part"
        with started("-m", "stepzero_rnn", *asked) as process:
            while not (part.exists() and part.stat().st_size):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
        again = run(*asked)

        assert process.returncode == 130
        assert said.startswith(b"\nStopped. ")
        assert said.endswith(
            f"B are saved in {part}; run the same command again to resume.\n".encode()
        )
        assert again.exit_code == 0
        assert again.stderr.startswith("Resuming at ")

    @pytest.mark.parametrize("asked", [(), ("--skip-existing",)])
    @pytest.mark.parametrize("is_there", [False, True], ids=["here", "there"])
    def test_keeps_a_file_that_has_come_meanwhile(
        self, here: Path, server_url: str, is_there: bool, asked: tuple[str, ...]
    ) -> None:
        where = ("--server", server_url) if is_there else ()
        big = ("-t", "rnn", "--input-size", "1500", "--hidden-size", "1500", "-o")
        with started(
            "-m", "stepzero_rnn", "make", *big, str(here / "rnn.pt"), *where, *asked
        ) as process:
            while not [*here.glob("*rnn.pt*.part")]:
                assert process.poll() is None
                time.sleep(0.001)
            (here / "rnn.pt").write_bytes(b"mine")
            _, said = process.communicate(timeout=60)

        assert process.returncode == 2
        assert b"rnn.pt already exists" in said
        assert (here / "rnn.pt").read_bytes() == b"mine"
        assert [*here.glob("*.part*")] == []

    def test_needs_no_scheme_in_its_address(self, server_url: str) -> None:
        result = run("plan", *GRU, "--json", "--server", server_url.removeprefix("http://"))

        assert json.loads(result.stdout)["parameters"] == 1920

    @pytest.mark.parametrize("name", ["make", "plan", "check"])
    def test_whose_address_is_none_is_wrong_use_in_one_line(self, name: str) -> None:
        result = run(name, *GRU, "--server", NO_ADDRESS)

        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1

    def test_that_is_not_there_is_told_before_every_new_attempt(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        result = run("plan", *GRU, "--server", url)

        first, *_, last = result.stderr.splitlines()
        assert result.exit_code == 1
        assert first.startswith(f"{url} cannot be reached: ")
        assert first.endswith(" Trying again in 0.25 s.")
        assert last.startswith(f"Error: {url} cannot be reached: ")


@pytest.mark.parametrize("command", [("schemes",), ("plan", *GRU)], ids=["schemes", "plan"])
def test_a_terminal_of_ascii_shows_every_character_somehow(command: tuple[str, ...]) -> None:
    shown = subprocess.run(
        ["/usr/bin/env", "PYTHONIOENCODING=ascii", sys.executable, "-m", "stepzero_rnn", *command],
        cwd=Path(stepzero_rnn.__file__).parents[1],
        capture_output=True,
        check=True,
    )

    assert shown.stdout.isascii()
    assert rb"\x" in shown.stdout


def test_the_options_of_a_check_say_what_their_defaults_depend_on() -> None:
    text = " ".join(run("check", "--help").stdout.replace("│", " ").split())

    assert "Time steps; by default 16, or 8 if a layer has more than 256 MiB." in text
    assert "Sequences; by default 4, or 1 if a layer has more than 40 MiB." in text


@pytest.mark.parametrize("name", [*CheckpointRequest.model_fields, *CheckSize.model_fields])
def test_every_field_is_called_by_its_option(name: str) -> None:
    options = run("make", "--help").stdout + run("check", "--help").stdout
    pointer = f"/check/{name}" if name in CheckSize.model_fields else f"/{name}"

    said = place(pointer, {})
    assert said == "--check" or f" {said} " in options


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/init/weight_hh/gain", "--init /weight_hh/gain"),
        ("/redraw/0/gate", "--redraw /0/gate"),
        ("/files/old.npz", "folder/old.npz"),
        ("/files/old.npz/a~1b", "folder/old.npz: a/b"),
        ("/files", "--arrays"),
    ],
)
def test_what_is_below_a_field_is_called_by_option_or_file(pointer: str, said: str) -> None:
    assert place(pointer, {"arrays": [Path("folder/old.npz")]}) == said


FAILURES = {
    *("not_ready", "busy", "engine_failed", "device_failed", "internal", "transfer", "error"),
    *("not_found", "method_not_allowed", "digest_mismatch", "store_unavailable"),
    *("throttled", "too_many_requests", "too_many_bytes", "try_later"),
    *("repo_not_found", "revision_not_found", "entry_not_found"),
}
NO_PLACE = {"cannot_listen"}
UNSOUND = {"nonfinite_output", "dead_output"}


@pytest.mark.parametrize(
    ("expected", "codes"),
    [
        (1, FAILURES),
        (3, UNSOUND),
        (4, NO_PLACE),
        (2, set(BY_CODE) - FAILURES - UNSOUND - NO_PLACE),
    ],
)
def test_exit_codes_are_as_documented(expected: int, codes: set[str]) -> None:
    assert {exit_code(from_problem({"code": code})) for code in codes} == {expected}
