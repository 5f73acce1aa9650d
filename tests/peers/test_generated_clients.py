"""Clients that generators make of `/openapi.json` lose no field of a spec, and get the file.

`make peers` installs the generators and runs this; one that is not installed is skipped.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

RICH: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 7,
    "hidden_size": 12,
    "num_layers": 3,
    "bidirectional": True,
    "dtype": "float16",
    "seed": 2**53 - 1,
    "init": {
        "preset": "keras",
        "weight_ih": {"scheme": "trunc_normal", "std": 0.1},
        "weight_hh": {"scheme": "orthogonal", "gain": 1.25},
        "bias": {"scheme": "forget", "value": 2.5, "split": "half"},
        "overrides": [
            {
                "parameter": "weight_hh",
                "gate": "cell",
                "layer": [1, 2],
                "direction": "reverse",
                "init": "identity",
            },
            {
                "parameter": "weight_ih",
                "layer": "first",
                "init": {"scheme": "normal", "std": 0.02},
            },
            {
                "parameter": "bias",
                "gate": "input",
                "layer": 2,
                "init": {"scheme": "constant", "value": 3.0},
            },
        ],
    },
}

# Each program reads a server's address and a spec, and writes what it plans and the hash of the
# file.
BY_OPENAPI_PYTHON_CLIENT = """
import hashlib, json, sys
from made import Client
from made.api.checkpoints import fetch_checkpoint, make_checkpoint, plan_checkpoint
from made.models import CheckpointRequest

client = Client(base_url=sys.argv[1], timeout=60)
request = CheckpointRequest.from_dict(json.loads(sys.argv[2]))
planned = plan_checkpoint.sync(client=client, body=request)
made = make_checkpoint.sync(client=client, body=request)
name, _, extension = planned.files["pt"].url.rpartition("/")[2].rpartition(".")
fetched = fetch_checkpoint.sync(planned.recipe, name, extension, client=client)
hashes = [hashlib.sha256(file.payload.read()).hexdigest() for file in (made, fetched)]
print(json.dumps([planned.spec.to_dict(), *hashes]))
"""
BY_OPENAPI_GENERATOR = """
import hashlib, json, sys
from made import ApiClient, CheckpointRequest, CheckpointsApi, Configuration

api = CheckpointsApi(ApiClient(Configuration(host=sys.argv[1])))
request = CheckpointRequest.from_dict(json.loads(sys.argv[2]))
planned = api.plan_checkpoint(request)
made = api.make_checkpoint(request)
name, _, extension = planned.files["pt"].url.rpartition("/")[2].rpartition(".")
fetched = api.fetch_checkpoint(planned.recipe, name, extension)
hashes = [hashlib.sha256(file).hexdigest() for file in (made, fetched)]
print(json.dumps([planned.spec, *hashes]))
"""
# It knows no media type of files but this one.
CONFIG = """
package_name_override: made
post_hooks: []
content_type_overrides:
  application/vnd.pytorch: application/octet-stream
"""


@dataclass(frozen=True)
class Generator:
    """A generator of clients: its module, what runs it, with which words, and a program that uses
    the client.
    """

    module: str
    run: str
    words: str
    program: str


GENERATORS = {
    "openapi-python-client": Generator(
        "openapi_python_client",
        "from openapi_python_client.cli import app; app()",
        "generate --meta none --config config.yml --path api.json --output-path made",
        BY_OPENAPI_PYTHON_CLIENT,
    ),
    "openapi-generator": Generator(
        "openapi_generator_cli",
        "from openapi_generator_cli import cli; cli()",
        "generate -g python -i api.json -o . --package-name made",
        BY_OPENAPI_GENERATOR,
    ),
}


@dataclass(frozen=True)
class Made:
    """A client that was generated."""

    folder: Path
    said: str
    program: str


@pytest.fixture(scope="module", params=GENERATORS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server_url: str
) -> Made:
    """A client of the server, made of what the server says of itself."""
    generator = GENERATORS[request.param]
    if importlib.util.find_spec(generator.module) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp("made")
    (folder / "api.json").write_text(httpx.get(f"{server_url}/openapi.json").text)
    (folder / "config.yml").write_text(CONFIG)
    done = _run([sys.executable, "-c", generator.run, *generator.words.split()], folder)
    return Made(folder, done.stdout + done.stderr, generator.program)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},  # noqa: TID251 - the generator's own
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_is_made_without_complaint(made: Made):
    assert not re.search("include it in required|Cannot parse|Unable to", made.said)


def test_has_no_name_with_a_number(made: Made):
    names = [path.stem for path in (made.folder / "made").rglob("*.py")]

    assert "checkpoint_request" in names
    assert not [name for name in names if re.search("[0-9]", name)]


def test_can_be_imported_whole(made: Made):
    modules = [
        ".".join(path.relative_to(made.folder).with_suffix("").parts)
        for path in (made.folder / "made").rglob("*.py")
    ]

    _run([sys.executable, "-c", "import " + ", ".join(modules)], made.folder)


def test_keeps_every_field_and_gets_the_file(made: Made, server_url: str, client: httpx.Client):
    command = [sys.executable, "-c", made.program, server_url, json.dumps(RICH)]
    planned, *hashes = json.loads(_run(command, made.folder).stdout)
    told = client.post("/v1/plan", json=RICH).json()
    file = client.get(told["files"]["pt"]["url"]).content

    assert planned == told["spec"]
    assert hashes == [hashlib.sha256(file).hexdigest()] * 2
