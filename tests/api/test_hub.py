"""The routes of the Hugging Face Hub, as its clients use them: files, lists, refusals."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import safetensors.torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from app.settings import Settings
from tests.api.asking import GRU, LSTM, RNN, Call, Served, describe, permalink
from tests.api.hubs import SHARDED, file_path, hub_of, varied
from tests.api.test_uploads import npy, upload
from tests.conftest import running

SPEC = {**LSTM, "seed": 91}
TEXTS = ("README.md", "config.json", "stepzero.json")


@pytest.fixture(scope="module")
def repo_id(client: httpx.Client) -> str:
    """A small repository."""
    return hub_of(client, SPEC)[0]


class TestAFile:
    def test_of_weights_is_that_of_the_permalink(self, repo_id: str, client: httpx.Client) -> None:
        here = client.get(file_path(repo_id, "model.safetensors"))
        there = client.get(permalink(client, SPEC, "safetensors"))

        assert here.content == there.content
        for name in ("ETag", "Content-Length", "Content-Type", "Stepzero-Recipe", "Accept-Ranges"):
            assert here.headers[name] == there.headers[name]

    @pytest.mark.parametrize("name", [*TEXTS, "model.safetensors"])
    def test_has_headers_that_the_clients_read(
        self, name: str, repo_id: str, client: httpx.Client
    ) -> None:
        commit = hub_of(client, SPEC)[1]
        path = file_path(repo_id, name)
        head, got = client.head(path), client.get(path)

        for answer in (head, got):
            assert answer.headers["X-Repo-Commit"] == commit
            assert answer.headers["ETag"].startswith('"')
            assert int(answer.headers["Content-Length"]) == len(got.content)
        assert not {"location", "x-linked-etag", "x-xet-hash", "content-encoding"} & {*got.headers}
        assert head.headers["ETag"] == got.headers["ETag"]

    @pytest.mark.parametrize("name", [*TEXTS, "model.safetensors"])
    def test_is_sent_in_parts(self, name: str, repo_id: str, client: httpx.Client) -> None:
        path = file_path(repo_id, name)
        whole = client.get(path)
        asked = {"Range": "bytes=5-20", "Accept-Encoding": "gzip, deflate"}
        part = client.get(path, headers=asked)
        other = client.get(path, headers={"Range": "bytes=5-20", "If-Range": '"other"'})
        beyond = client.get(path, headers={"Range": "bytes=1000000-"})
        many = client.get(path, headers={"Range": "bytes=0-1,4-5"})

        assert (part.status_code, part.content) == (206, whole.content[5:21])
        assert part.headers["Content-Range"] == f"bytes 5-20/{len(whole.content)}"
        assert part.headers["X-Repo-Commit"] == whole.headers["X-Repo-Commit"]
        assert other.content == whole.content
        assert beyond.status_code == many.status_code == 416
        assert many.json()["code"] == "range_not_satisfiable"

    @pytest.mark.parametrize("name", [*TEXTS, "model.safetensors"])
    def test_that_the_client_has_is_not_sent(
        self, name: str, repo_id: str, client: httpx.Client
    ) -> None:
        path = file_path(repo_id, name)
        etag = client.head(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": etag})

        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["X-Repo-Commit"]

    def test_may_be_cached_for_ever_at_a_commit_alone(self, client: httpx.Client) -> None:
        repo_id, commit = hub_of(client, SPEC)
        for name in ("README.md", "model.safetensors"):
            fixed = client.head(file_path(repo_id, name, commit)).headers["Cache-Control"]
            newest = client.head(file_path(repo_id, name)).headers["Cache-Control"]

            assert ("immutable" in fixed, "no-cache" in newest) == (True, True)

    def test_is_there_below_raw_too(self, repo_id: str, client: httpx.Client) -> None:
        path = file_path(repo_id, "config.json")
        assert client.get(path.replace("/resolve/", "/raw/")).content == client.get(path).content

    def test_of_a_script_may_change_with_its_library(self, client: httpx.Client) -> None:
        init = {"scheme": "torch_seeded"}
        repo_id, commit = hub_of(client, {**LSTM, "init": init})
        head = client.head(file_path(repo_id, "model.safetensors", commit))

        assert head.headers["Cache-Control"].startswith("public, no-cache")


class TestTheConfig:
    @pytest.mark.parametrize(
        ("spec", "module"),
        [
            ({**GRU, "num_layers": 2, "dropout": 0.5}, nn.GRU),
            ({**RNN, "nonlinearity": "relu", "bias": False}, nn.RNN),
            ({**LSTM, "proj_size": 5, "bidirectional": True, "batch_first": True}, nn.LSTM),
        ],
        ids=["gru", "rnn", "lstm"],
    )
    def test_is_the_arguments_of_torchs_module_alone(
        self, spec: dict[str, Any], module: type[nn.RNNBase], client: httpx.Client
    ) -> None:
        repo_id, _ = hub_of(client, spec)
        arguments = client.get(file_path(repo_id, "config.json")).json()
        network = module(**arguments)
        weights = client.get(file_path(repo_id, "model.safetensors")).content

        network.load_state_dict(safetensors.torch.load(weights), strict=True)
        for name, value in spec.items():
            assert name == "rnn_type" or getattr(network, name) == value

    def test_stands_beside_the_spec(self, repo_id: str, client: httpx.Client) -> None:
        spec = client.get(file_path(repo_id, "stepzero.json")).json()

        assert describe(client, spec)["recipe"] == describe(client, SPEC)["recipe"]


def test_the_card_says_what_the_network_is(repo_id: str, client: httpx.Client) -> None:
    text = client.get(file_path(repo_id, "README.md")).text
    _, front, card = text.split("---\n", 2)
    described = describe(client, SPEC)

    assert yaml.safe_load(front) == {"library_name": "pytorch", "tags": ["rnn", "lstm", "stepzero"]}
    for said in (repo_id, described["recipe"], str(described["parameters"]), "not trained"):
        assert said in card


class TestACommit:
    def test_is_the_same_by_every_id_of_a_recipe(self, client: httpx.Client) -> None:
        repo_id, commit = hub_of(client, SPEC)
        info = client.get("/hub/api/models/stepzero/lstm-10x20-s91").json()

        assert info["sha"] == commit == client.get(f"/hub/api/models/{repo_id}").json()["sha"]

    def test_is_another_for_another_recipe(self, client: httpx.Client) -> None:
        commits = {hub_of(client, {**GRU, "seed": seed})[1] for seed in range(5)}
        commits |= {hub_of(client, {**GRU, "dropout": 0.5})[1]}

        assert len(commits) == 6
        assert all(len(commit) == 40 and int(commit, 16) for commit in commits)

    def test_is_the_recipe_itself_where_that_is_too_long_for_an_id(
        self, client: httpx.Client
    ) -> None:
        recipe = describe(client, varied(11))["recipe"]
        repo_id, commit = hub_of(client, varied(11))
        head = client.head(file_path(repo_id, "config.json", recipe))
        stale = client.get(file_path(repo_id, "config.json", f"{recipe}.{'0' * 12}"))

        assert (repo_id, commit.rpartition(".")[0]) == ("stepzero/long", recipe)
        assert (head.status_code, head.headers["X-Repo-Commit"]) == (200, commit)
        assert client.get(file_path(repo_id, "config.json", commit)).status_code == 200
        assert stale.headers["X-Error-Code"] == "RevisionNotFound"

    def test_is_named_by_no_plan_of_a_longer_recipe(self, client: httpx.Client) -> None:
        assert "hub" not in describe(client, varied(16))["links"]


class TestTheLists:
    def test_agree(self, repo_id: str, client: httpx.Client) -> None:
        api = f"/hub/api/models/{repo_id}"
        info = client.get(api).json()
        tree = client.get(f"{api}/tree/main?recursive=true&expand=false").json()
        refs = client.get(f"{api}/refs").json()

        assert info == client.get(f"{api}/revision/main").json()
        assert info == client.get(f"{api}/revision/{info['sha']}?expand=sha").json()
        assert [one["rfilename"] for one in info["siblings"]] == [one["path"] for one in tree]
        assert refs["branches"][0]["targetCommit"] == info["sha"]
        for one in tree:
            head = client.head(file_path(repo_id, one["path"]))
            assert one["size"] == int(head.headers["Content-Length"])
        assert info["safetensors"]["total"] == describe(client, SPEC)["parameters"]

    def test_have_gits_names_of_text_files(self, repo_id: str, client: httpx.Client) -> None:
        for one in client.get(f"/hub/api/models/{repo_id}/tree/main").json():
            data = client.get(file_path(repo_id, one["path"])).content
            named = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            assert (one["oid"] == named) == (one["path"] in TEXTS)

    def test_have_the_hash_of_weights_once_it_is_known(self, client: httpx.Client) -> None:
        spec = {**GRU, "seed": 92}
        repo_id, _ = hub_of(client, spec)
        api = f"/hub/api/models/{repo_id}/tree/main"
        before = {one["path"]: one for one in client.get(api).json()}
        client.get(describe(client, spec)["links"]["self"] + "?sha256=safetensors")
        after = {one["path"]: one for one in client.get(api).json()}
        data = client.get(file_path(repo_id, "model.safetensors")).content

        assert "lfs" not in before["model.safetensors"]
        assert after["model.safetensors"]["lfs"]["oid"] == hashlib.sha256(data).hexdigest()
        info = client.get(f"/hub/api/models/{repo_id}?blobs=true").json()
        weights = {one["rfilename"]: one for one in info["siblings"]}["model.safetensors"]
        assert weights["lfs"]["sha256"] == hashlib.sha256(data).hexdigest()

    @pytest.mark.parametrize("how", ["form", "JSON"])
    def test_of_some_paths_have_those_that_exist(
        self, how: str, repo_id: str, client: httpx.Client
    ) -> None:
        fields = {"paths": ["config.json", "nope", "../x", "config.json"], "expand": True}
        api = f"/hub/api/models/{repo_id}/paths-info/main"
        asked: dict[str, Any] = {"data": fields} if how == "form" else {"json": fields}
        answer = client.post(api, **asked)

        assert [one["path"] for one in answer.json()] == ["config.json"]
        assert answer.json()[0]["lastCommit"]["id"] == hub_of(client, SPEC)[1]

    @pytest.mark.parametrize(
        ("body", "media_type", "status", "code"),
        [
            (b"{", "application/json", 400, "malformed_json"),
            (b"[]", "application/json", 422, "invalid_spec"),
            (b"{}", "application/json", 422, "invalid_spec"),
            (b'{"paths": "config.json"}', "application/json", 422, "invalid_spec"),
            (b'{"paths": [1]}', "application/json", 422, "invalid_spec"),
            (b"paths=%ff", "application/x-www-form-urlencoded", 422, "invalid_spec"),
            (b"paths=a&expand=maybe", "application/x-www-form-urlencoded", 422, "invalid_spec"),
            (b"paths=a&" * 1002, "application/x-www-form-urlencoded", 422, "invalid_spec"),
            (b"paths=a", "text/plain", 415, "unsupported_media_type"),
            (b"a" * (65 << 10), "application/json", 413, "body_too_large"),
        ],
        ids=str,
    )
    def test_refuse_a_broken_body(
        self,
        body: bytes,
        media_type: str,
        status: int,
        code: str,
        repo_id: str,
        client: httpx.Client,
    ) -> None:
        path = f"/hub/api/models/{repo_id}/paths-info/main"
        answer = client.post(path, content=body, headers={"Content-Type": media_type})

        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["X-Error-Message"]


class TestWhatIsNotThere:
    @pytest.mark.parametrize(
        "path",
        [
            "/hub/gpt2/resolve/main/config.json",
            "/hub/openai/gpt2/resolve/main/config.json",
            "/hub/stepzero/aaaa/resolve/main/config.json",
            "/hub/stepzero/lstm-10x20-nope/resolve/main/config.json",
            "/hub/stepzero/lstm-10x20%00/resolve/main/config.json",
            "/hub/api/models/gpt2",
            "/hub/api/models/openai/gpt2/tree/main",
            "/hub/api/datasets/openai/gsm8k",
            "/hub/api/agent-harnesses",
            "/hub",
            "/hub/",
        ],
    )
    def test_a_repository(self, path: str, client: httpx.Client) -> None:
        answer = client.get(path)

        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        if path != "/hub":
            assert answer.headers["X-Error-Code"] == "RepoNotFound"
            assert answer.headers["X-Error-Message"].isprintable()

    @pytest.mark.parametrize("revision", ["dev", "0" * 40, "v1.0", "refs%2Fpr%2F1", "%0d%0aX"])
    def test_a_revision(self, revision: str, repo_id: str, client: httpx.Client) -> None:
        tree = f"/hub/api/models/{repo_id}/tree/{revision}"
        for path in (file_path(repo_id, "config.json", revision), tree):
            answer = client.get(path)

            assert (answer.status_code, answer.json()["code"]) == (404, "revision_not_found")
            assert answer.headers["X-Error-Code"] == "RevisionNotFound"
            assert answer.headers["X-Error-Message"].isprintable()

    @pytest.mark.parametrize(
        "name",
        ["nope", "../config.json", "a/../config.json", "config.json/", "%C3%A9", "model.pt", ""],
    )
    def test_a_file(self, name: str, repo_id: str, client: httpx.Client) -> None:
        head = (
            f"GET {file_path(repo_id, '')}{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        with Call(str(client.base_url), head.encode()) as call:
            status, headers, _ = call.read_head()

        assert (status, headers["x-error-code"]) == (404, "EntryNotFound")
        assert headers["x-repo-commit"] == hub_of(client, SPEC)[1]

    def test_an_id_of_another_stream_version(self, repo_id: str, client: httpx.Client) -> None:
        answer = client.get(file_path(repo_id.replace("/a", "/c"), "config.json"))

        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")
        assert "stream version 3" in answer.headers["X-Error-Message"]

    def test_a_recipe_too_long_for_a_revision(self, client: httpx.Client) -> None:
        recipe = describe(client, varied(16))["recipe"]
        answer = client.get(file_path("stepzero/long", "config.json", recipe))

        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")
        assert "/v1" in answer.headers["X-Error-Message"]

    @given(
        start=st.sampled_from(
            ["", "stepzero/", "stepzero/gru-10x20/", "api/models/stepzero/gru-10x20/"]
        ),
        parts=st.lists(
            st.text(max_size=8) | st.sampled_from(["resolve", "tree", ".."]), max_size=5
        ),
    )
    @settings(deadline=None, max_examples=60)
    def test_any_other_path(self, start: str, parts: list[str], client: httpx.Client) -> None:
        rest = "/".join(quote(part.encode("utf-8", "surrogatepass"), safe="") for part in parts)
        answer = client.get(f"/hub/{start}none/{rest}")

        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_another_method(self, repo_id: str, client: httpx.Client) -> None:
        answer = client.put(file_path(repo_id, "config.json"))
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")

    def test_arrays_that_are_gone(self, client: httpx.Client, other_server: Served) -> None:
        with httpx.Client(base_url=other_server.url) as other:
            made = upload(other, GRU, ("weight_hh_l0", npy([[0.5] * 20] * 60)), path="/v1/plan")
        repo_id = made.json()["links"]["hub"]["repo_id"]
        answer = client.get(file_path(repo_id, "config.json"))

        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")
        assert "arrays" in answer.headers["X-Error-Message"]

    def test_a_short_recipe_as_a_revision(self, client: httpx.Client) -> None:
        described = describe(client, SPEC)
        answer = client.get(file_path("stepzero/long", "config.json", described["recipe"]))

        assert answer.headers["X-Error-Code"] == "RevisionNotFound"
        assert described["links"]["hub"]["repo_id"] in answer.headers["X-Error-Message"]

    @pytest.mark.parametrize("path", ["/hub/api/models/stepzero/gru-10x20", "/hub/x"])
    def test_all_of_it_where_it_is_closed(self, path: str) -> None:
        with running(Settings(hub=False)) as url, httpx.Client(base_url=url) as closed:
            answer = closed.get(path)
            links = describe(closed, GRU)["links"]

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "hub" not in links


def test_a_network_that_cannot_be_served_says_why(client: httpx.Client) -> None:
    spec = {**GRU, "init": "zeros"}
    repo_id, _ = hub_of(client, spec)
    head = client.head(file_path(repo_id, "model.safetensors"))
    got = client.get(file_path(repo_id, "model.safetensors"))

    assert (head.status_code, got.status_code, got.json()["code"]) == (200, 422, "dead_output")
    assert got.headers["X-Error-Message"].startswith(got.json()["detail"][:40])


class TestAShard:
    def test_has_its_exact_size_before_anything_is_drawn(self, client: httpx.Client) -> None:
        repo_id, _ = hub_of(client, SHARDED)
        tree = client.get(f"/hub/api/models/{repo_id}/tree/main").json()
        sizes = {one["path"]: one["size"] for one in tree if one["path"].startswith("model-")}
        index = client.get(file_path(repo_id, "model.safetensors.index.json")).json()

        assert len(sizes) == 2
        assert {*index["weight_map"].values()} == {*sizes}
        etags = set()
        for name, size in sizes.items():
            path = file_path(repo_id, name)
            head = client.head(path)
            assert int(head.headers["Content-Length"]) == size
            etags.add(head.headers["ETag"])
            length = int.from_bytes(
                client.get(path, headers={"Range": "bytes=0-7"}).content, "little"
            )
            part = client.get(path, headers={"Range": f"bytes=8-{7 + length}"})
            header = json.loads(part.content)
            del header["__metadata__"]
            assert max(one["data_offsets"][1] for one in header.values()) + 8 + length == size
            assert {*header} == {k for k, v in index["weight_map"].items() if v == name}
        assert len(etags) == len(sizes)

    def test_has_the_bytes_of_the_whole_file(self, client: httpx.Client) -> None:
        repo_id, _ = hub_of(client, SHARDED)
        whole = permalink(client, SHARDED, "safetensors")
        size = describe(client, SHARDED)["files"]["safetensors"]["size_bytes"]
        # The tensors are sorted by name: the last of the file is the last of this shard too.
        last = client.get(whole, headers={"Range": f"bytes={size - 1000}-{size - 1}"})
        shard = file_path(repo_id, "model-00002-of-00002.safetensors")
        head, there = client.head(shard), client.get(shard, headers={"Range": "bytes=-1000"})

        assert last.content == there.content
        assert head.headers["Content-Disposition"].endswith('-00002-of-00002.safetensors"')
        assert "Content-Location" not in head.headers

    def test_is_in_place_of_the_whole_file(self, client: httpx.Client) -> None:
        repo_id, _ = hub_of(client, SHARDED)
        answer = client.get(file_path(repo_id, "model.safetensors"))

        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "EntryNotFound")
