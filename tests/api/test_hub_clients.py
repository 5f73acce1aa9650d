"""Unmodified clients of the Hugging Face Hub fetch starts from us."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.callers.api_keys import new_key
from tests.api.asking import GRU, LSTM, describe, permalink, server_process
from tests.api.hubs import SHARDED, HubClient, file_path, hub_of, varied
from tests.api.relay import Relay, relay_to
from tests.api.test_hub_checks import SLOW

SPEC = {**LSTM, "num_layers": 2, "bidirectional": True, "seed": 93}
DOWNLOAD = "answer = hf_hub_download(argv[0], argv[1], revision=argv[2] if argv[2:] else None)"
STRANGER = "hf_OfSomebodyElseAndMeantForAnotherSite"
NEWS_ROUTE = "GET /hub/{rest}"  # /api/agent-harnesses, once a day
OURS = re.compile(
    r"(GET|HEAD) /hub/\{owner\}/\{name\}/(resolve|raw)/\{revision\}/\{path\}"
    r"|GET /hub/api/models/\{owner\}/\{name\}(/revision/\{revision\}|/tree/\{revision\})?"
    r"|POST /hub/api/models/\{owner\}/\{name\}/paths-info/\{revision\}|GET /healthz/ready"
)
_LOGGING = """
from app.runtime.server import serve
from app.settings import Settings
serve(Settings(port=0, log_level="debug", log_format="json"))
"""


@pytest.fixture
def relay(server_url: str) -> Iterator[Relay]:
    with relay_to(server_url) as relay:
        yield relay


@pytest.fixture
def hub(relay: Relay, tmp_path: Path) -> HubClient:
    return HubClient(f"{relay.url}/hub", tmp_path)


class TestADownload:
    def test_is_the_file_of_v1_and_costs_one_request_again_and_none_by_commit(
        self, hub: HubClient, relay: Relay, client: httpx.Client
    ) -> None:
        repo_id, commit = hub_of(client, SPEC)
        path = hub.run(DOWNLOAD, repo_id, "model.safetensors")
        first = relay.lines()
        again = hub.run(DOWNLOAD, repo_id, "model.safetensors")
        second = relay.lines()
        by_commit = hub.run(DOWNLOAD, repo_id, "model.safetensors", commit)

        assert Path(path).read_bytes() == client.get(permalink(client, SPEC, "safetensors")).content
        address = file_path(repo_id, "model.safetensors")
        assert first == [f"HEAD {address}", f"GET {address}"]
        assert (again, second) == (path, [f"HEAD {address}"])
        assert (by_commit, relay.lines()) == (path, [])
        assert commit in path

    def test_that_breaks_off_is_taken_up_again(
        self, hub: HubClient, relay: Relay, client: httpx.Client
    ) -> None:
        spec = {"rnn_type": "gru", "input_size": 1024, "hidden_size": 1536, "seed": 2}
        repo_id, _ = hub_of(client, spec)
        relay.cut_bytes = 15 << 20
        path = Path(hub.run(DOWNLOAD, repo_id, "model.safetensors"))
        asked = [one.headers.get("Range") for one in relay.asked if one.method == "GET"]

        assert path.stat().st_size > 2 * relay_cut(asked)
        assert path.read_bytes() == client.get(permalink(client, spec, "safetensors")).content

    def test_of_a_recipe_too_long_for_an_id_is_by_revision(
        self, hub: HubClient, relay: Relay, client: httpx.Client
    ) -> None:
        spec = varied(11)
        recipe = describe(client, spec)["recipe"]
        path = hub.run(DOWNLOAD, "stepzero/long", "model.safetensors", recipe)
        folder = hub.run(
            "answer = snapshot_download(*argv[:1], revision=argv[1])", "stepzero/long", recipe
        )

        assert len(recipe) >= 200
        assert Path(path).read_bytes() == client.get(permalink(client, spec, "safetensors")).content
        assert Path(path).parent == Path(folder)
        assert {*relay.statuses()} == {200}

    def test_waits_for_a_slow_check(self, tmp_path: Path) -> None:
        with (
            server_process(hub_patience_s=0.2) as served,
            relay_to(served.url) as relay,
            httpx.Client(base_url=served.url, timeout=60) as client,
        ):
            repo_id, _ = hub_of(client, SLOW)
            path = HubClient(f"{relay.url}/hub", tmp_path).run(
                DOWNLOAD, repo_id, "model.safetensors"
            )
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            described = client.get(describe(client, SLOW)["links"]["self"] + "?sha256=safetensors")
        statuses = relay.statuses()

        assert (statuses[0], statuses[-1]) == (200, 200)
        assert {*statuses[1:-1]} == {429}
        assert digest == described.json()["files"]["safetensors"]["sha256"]

    def test_by_the_command_line(self, hub: HubClient, client: httpx.Client) -> None:
        repo_id, commit = hub_of(client, SPEC)
        hf = str(Path(sys.executable).with_name("hf"))

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [hf, *arguments], env=hub.environment, capture_output=True, text=True, check=False
            )
            return done.stdout + done.stderr

        said = run("download", repo_id)
        files = [*hub.home.glob(f"hub/*/snapshots/{commit}/*")]
        assert {file.name for file in files} > {"config.json", "model.safetensors"}, said
        info = json.loads(run("models", "info", repo_id, "--format", "json"))
        assert info["sha"] == commit

    def test_is_verified_once_the_hash_is_known(self, hub: HubClient, client: httpx.Client) -> None:
        """Until then git's name of the weights is unknown, and theirs is another."""
        spec = {**GRU, "seed": 94}
        repo_id, commit = hub_of(client, spec)
        client.get(describe(client, spec)["links"]["self"] + "?sha256=safetensors")
        hub.run("answer = snapshot_download(argv[0])", repo_id)
        hf = str(Path(sys.executable).with_name("hf"))
        done = subprocess.run(
            [hf, "cache", "verify", repo_id, "--revision", commit],
            env=hub.environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stdout + done.stderr


def relay_cut(ranges: list[str | None]) -> int:
    """Return where a client went on, in bytes, the second time that it asked."""
    assert len(ranges) == 2
    assert ranges[0] is None
    found = re.fullmatch(r"bytes=([0-9]+)-", ranges[1] or "")
    assert found is not None
    assert 0 < int(found[1]) <= 15 << 20
    return int(found[1])


class TestASnapshot:
    def test_loads_strictly(self, hub: HubClient, client: httpx.Client) -> None:
        program = """
import safetensors.torch, torch
folder = snapshot_download(argv[0])
network = torch.nn.LSTM(**json.load(open(folder + "/config.json")))
network.load_state_dict(safetensors.torch.load_file(folder + "/model.safetensors"), strict=True)
answer = float(network.weight_hh_l1.abs().sum())
"""
        repo_id, _ = hub_of(client, SPEC)
        assert hub.run(program, repo_id) > 0

    def test_by_commit_asks_nothing_again(
        self, hub: HubClient, relay: Relay, client: httpx.Client
    ) -> None:
        repo_id, commit = hub_of(client, SPEC)
        program = "answer = snapshot_download(argv[0], revision=argv[1])"
        first = hub.run(program, repo_id, commit)
        asked = relay.lines()
        again = hub.run(program, repo_id, commit)

        assert (first, relay.lines()) == (again, [])
        assert f"GET /hub/api/models/{repo_id}/tree/{commit}?recursive=true&expand=false" in asked
        assert f"GET {file_path(repo_id, 'model.safetensors', commit)}" in asked

    @pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
    def test_loads_by_the_lines_of_its_card(
        self, dtype: str, hub: HubClient, client: httpx.Client
    ) -> None:
        spec = {**LSTM, "dtype": dtype, "proj_size": 5, "seed": 95}
        repo_id, _ = hub_of(client, spec)
        card = client.get(file_path(repo_id, "README.md")).text
        (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        program = f"""{lines}
from safetensors.torch import save
answer = save(network.state_dict()).hex()[-200:]
"""
        data = client.get(file_path(repo_id, "model.safetensors")).content

        assert hub.run(program, repo_id) == data.hex()[-200:]

    def test_loads_by_the_lines_of_the_page(self, hub: HubClient) -> None:
        page = (Path(__file__).parents[2] / "docs/hub.md").read_text(encoding="utf-8")
        (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        program = lines.replace("http://127.0.0.1:8000/hub", hub.endpoint)
        elsewhere = HubClient("http://127.0.0.1:1", hub.home)

        assert elsewhere.run(f"{program}\nanswer = network.hidden_size") == 1024

    @pytest.mark.parametrize(
        ("rnn_type", "module"), [("gru", "GRU"), ("lstm", "LSTM"), ("rnn", "RNN")]
    )
    def test_is_a_module_with_the_mixin(
        self, rnn_type: str, module: str, hub: HubClient, client: httpx.Client
    ) -> None:
        program = f"""
from torch import nn
class Start(nn.{module}, PyTorchModelHubMixin): pass
network = Start.from_pretrained(argv[0], strict=True)
answer = sum(p.numel() for p in network.parameters())
"""
        spec = {**GRU, "rnn_type": rnn_type, "num_layers": 3, "bidirectional": True}
        repo_id, _ = hub_of(client, spec)

        assert hub.run(program, repo_id) == describe(client, spec)["parameters"]


class TestWhatIsThere:
    def test_is_said_as_on_the_hub(self, hub: HubClient, client: httpx.Client) -> None:
        program = """
api = HfApi()
answer = [
    file_exists(argv[0], "model.safetensors"), file_exists(argv[0], "pytorch_model.bin"),
    repo_exists(argv[0]), repo_exists("stepzero/aaaa"), repo_exists("openai/gpt2"), repo_exists("gpt2"),
    revision_exists(argv[0], "main"), revision_exists(argv[0], "dev"),
    sorted(list_repo_files(argv[0])), api.model_info(argv[0]).library_name,
    [one.path for one in api.get_paths_info(argv[0], ["config.json", "nope"])],
    [one.name for one in api.list_repo_refs(argv[0]).branches],
    HfFileSystem().read_bytes(argv[0] + "/model.safetensors", start=0, end=8)[:2].hex(),
]
"""
        repo_id, _ = hub_of(client, SPEC)
        answer = hub.run(program, repo_id)

        assert answer[:8] == [True, False, True, False, False, False, True, False]
        assert answer[8] == ["README.md", "config.json", "model.safetensors", "stepzero.json"]
        assert answer[9:12] == ["pytorch", ["config.json"], ["main"]]
        data = client.get(file_path(repo_id, "model.safetensors")).content
        assert answer[12] == data[:2].hex()

    @pytest.mark.parametrize("spec", [SPEC, SHARDED], ids=["single", "sharded"])
    def test_is_known_from_the_headers_of_the_weights(
        self, spec: dict[str, object], hub: HubClient, client: httpx.Client
    ) -> None:
        program = """
found = get_safetensors_metadata(argv[0])
answer = [found.sharded, found.parameter_count, found.weight_map]
"""
        repo_id, _ = hub_of(client, spec)
        sharded, count, weight_map = hub.run(program, repo_id)
        described = describe(client, spec)

        assert sharded == (spec is SHARDED)
        assert [*count.values()] == [described["parameters"]]
        assert {*weight_map} == {one["name"] for one in described["tensors"]}


class TestAKey:
    def test_is_a_token(self, tmp_path: Path) -> None:
        key, record = new_key("somebody")
        with server_process(api_keys=record.line) as served:
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=served.url, headers=headers) as client:
                repo_id, _ = hub_of(client, SPEC)
            hub = HubClient(f"{served.url}/hub", tmp_path, token=key)
            path = hub.run(DOWNLOAD, repo_id, "config.json")
            refused = httpx.get(served.url + file_path(repo_id, "config.json"))

        assert json.loads(Path(path).read_text())["hidden_size"] == 20
        assert refused.status_code == 401

    def test_of_a_stranger_is_neither_refused_nor_logged(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", _LOGGING],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            found = re.search(r"http://[0-9.]+:\d+", process.stdout.readline())
            assert found is not None
            hub = HubClient(f"{found[0]}/hub", tmp_path, token=STRANGER)
            program = "snapshot_download(argv[0]); get_safetensors_metadata(argv[0]); answer = 1"
            hub.run(program, "stepzero/gru-10x20-keras-s7")
            process.terminate()
            _, said = process.communicate()
        lines = [json.loads(line) for line in said.splitlines()]
        asked = [
            line
            for line in lines
            if line["logger"] == "stepzero.request" and line["route"] != NEWS_ROUTE
        ]

        assert STRANGER not in said
        assert len(asked) >= 2 + 2 * 4
        for line in asked:
            assert OURS.fullmatch(line["route"]), line
            assert line["status"] in (200, 206)


def has_javascript() -> bool:
    """Whether node is here, with the Hub's client."""
    if not (node := shutil.which("node")):
        return False
    asks = "require.resolve('@huggingface/hub')"
    return subprocess.run([node, "-e", asks], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_javascript(), reason="node finds no package @huggingface/hub")
def test_the_client_in_javascript_reads_them_too(client: httpx.Client, server_url: str) -> None:
    program = """
const hub = require('@huggingface/hub');
const [hubUrl, repo] = process.argv.slice(1);
(async () => {
  const parsed = await hub.parseSafetensorsMetadata({ repo, hubUrl, computeParametersCount: true });
  const blob = await hub.downloadFile({ repo, path: 'model.safetensors', hubUrl });
  const info = await hub.modelInfo({ name: repo, hubUrl });
  const files = [];
  for await (const file of hub.listFiles({ repo, hubUrl })) files.push(file.path);
  const paths = await hub.pathsInfo({ repo, paths: ['config.json', 'nope'], expand: true, hubUrl });
  const total = Object.values(parsed.parameterCount).reduce((a, b) => a + b, 0);
  console.log(JSON.stringify([total, blob.size, info.name, files, paths.length]));
})();
"""
    repo_id, _ = hub_of(client, SPEC)
    done = subprocess.run(
        ["node", "-e", program, f"{server_url}/hub", repo_id],
        capture_output=True,
        text=True,
        check=False,
    )
    described = describe(client, SPEC)

    assert done.returncode == 0, done.stderr
    total, size, name, files, found = json.loads(done.stdout)
    assert (total, size) == (
        described["parameters"],
        described["files"]["safetensors"]["size_bytes"],
    )
    assert (name, found) == (repo_id, 1)
    assert files == ["README.md", "config.json", "model.safetensors", "stepzero.json"]
