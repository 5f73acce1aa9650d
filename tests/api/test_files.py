"""A permalink is the file: the same bytes however, from wherever and in however many pieces they
are fetched.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import math
import re
import subprocess
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.asking import (
    FORMAT_NAMES,
    GRU,
    LSTM,
    RNN,
    SUFFIXES,
    Served,
    describe,
    make,
    permalink,
)

# Every way of drawing (elementwise, whole matrices, constants), odd sizes, half precision's
# two-byte elements.
MIXED: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 7,
    "hidden_size": 33,
    "proj_size": 5,
    "num_layers": 2,
    "bidirectional": True,
    "dtype": "float16",
    "init": {
        "weight_ih": {"scheme": "trunc_normal", "std": 0.1},
        "weight_hh": "orthogonal",
        "weight_hr": {"scheme": "sparse", "sparsity": 0.5},
        "bias": "forget",
    },
}


# What the formats of other libraries cannot express is left out.
PLAIN: Mapping[str, Any] = {
    **{name: value for name, value in MIXED.items() if name not in ("proj_size", "bidirectional")},
    "init": {name: value for name, value in MIXED["init"].items() if name != "weight_hr"},
}


def mixed(name: str) -> Mapping[str, Any]:
    """Return the most that a format can express."""
    return MIXED if name in ("pt", "safetensors", "npz", "bundle") else PLAIN


@pytest.fixture(scope="module", params=FORMAT_NAMES)
def posted(request: pytest.FixtureRequest, client: httpx.Client) -> httpx.Response:
    """The answer to a POST, in every format."""
    return make(client, mixed(request.param), format=request.param)


def format_of(file: httpx.Response) -> str:
    """Return the format of a file's name: that of the longest suffix."""
    path = str(httpx.URL(file.headers["Content-Location"]).path)
    fitting = [name for name, suffix in SUFFIXES.items() if path.endswith(f".{suffix}")]
    return max(fitting, key=lambda name: len(SUFFIXES[name]))


class TestTheSameBytes:
    def test_come_by_post_and_by_permalink(self, posted: httpx.Response, client: httpx.Client):
        fetched = client.get(posted.headers["Content-Location"])

        assert fetched.status_code == 200
        assert fetched.content == posted.content

    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(data=st.data())
    def test_come_in_ranges_cut_anywhere(
        self, posted: httpx.Response, client: httpx.Client, data: st.DataObject
    ):
        length = len(posted.content)
        inside = st.lists(st.integers(1, length - 1), min_size=1, max_size=5, unique=True)
        cuts = [0, *sorted(data.draw(inside)), length]

        parts = []
        for first, end in itertools.pairwise(cuts):
            part = client.get(
                posted.headers["Content-Location"], headers={"Range": f"bytes={first}-{end - 1}"}
            )
            assert part.status_code == 206
            assert part.headers["Content-Range"] == f"bytes {first}-{end - 1}/{length}"
            parts.append(part.content)

        assert b"".join(parts) == posted.content

    def test_come_from_another_server_that_never_saw_the_spec(
        self, posted: httpx.Response, other_server: Served
    ):
        fetched = httpx.get(other_server.url + posted.headers["Content-Location"])

        assert fetched.content == posted.content

    def test_come_from_the_end_first_of_a_server_that_drew_nothing_yet(
        self, posted: httpx.Response, client: httpx.Client, other_server: Served
    ):
        name = format_of(posted)
        whole = make(client, {**mixed(name), "seed": 1}, format=name)
        tail = httpx.get(
            other_server.url + whole.headers["Content-Location"], headers={"Range": "bytes=-500"}
        )

        assert tail.content == whole.content[-500:]

    def test_come_under_any_name(self, posted: httpx.Response, client: httpx.Client):
        folder = posted.headers["Content-Location"].rpartition("/")[0]
        fetched = client.get(f"{folder}/my-own-name.{SUFFIXES[format_of(posted)]}")

        assert fetched.content == posted.content

    @pytest.mark.parametrize(
        "init",
        [
            "orthogonal",
            {"scheme": "orthogonal", "gain": 1.0, "scope": "gate"},
            {"weight_ih": "orthogonal", "weight_hh": {"scheme": "orthogonal"}, "bias": "zeros"},
        ],
        ids=["name", "scheme", "parts"],
    )
    def test_come_however_the_recipe_is_spelt(
        self, init: Any, posted: httpx.Response, client: httpx.Client
    ):
        name = format_of(posted)
        made = make(client, GRU, init=init, format=name)
        fetched = client.get(made.headers["Content-Location"])

        assert fetched.headers["ETag"] == made.headers["ETag"]
        assert fetched.headers["Content-Length"] == made.headers["Content-Length"]
        assert fetched.content == made.content

    def test_come_whatever_the_device_and_the_size_of_the_check(
        self, posted: httpx.Response, client: httpx.Client
    ):
        options: Mapping[str, Any] = {"device": "cpu", "seq_len": 3, "batch": 1}
        fetched = client.get(posted.headers["Content-Location"], params=options)

        assert fetched.content == posted.content


class TestHead:
    @pytest.mark.parametrize("name", FORMAT_NAMES)
    def test_tells_the_length_that_a_get_then_sends(self, name: str, client: httpx.Client):
        address = permalink(client, {**mixed(name), "seed": 2}, name)
        head = client.head(address)

        assert head.status_code == 200
        assert head.content == b""
        assert int(head.headers["Content-Length"]) == len(client.get(address).content)

    def test_tells_it_of_fifty_gigabytes_at_once_for_nothing_is_built(self, client: httpx.Client):
        sizes = {"input_size": 8192, "hidden_size": 8192, "num_layers": 24}
        head = client.head(permalink(client, {"rnn_type": "lstm", **sizes}), timeout=5)

        assert int(head.headers["Content-Length"]) > 50e9

    def test_has_the_headers_of_a_get_that_need_no_drawing(self, client: httpx.Client):
        address = permalink(client, {**GRU, "seed": 3})
        got, head = client.get(address).headers, client.head(address).headers

        learned = {name for name in got if name.startswith(("stepzero-device", "stepzero-draw"))}
        learned |= {name for name in got if name.startswith(("stepzero-output", "stepzero-crc32"))}
        varying = {"date", "x-request-id"}
        assert set(got) - set(head) == learned
        assert all(got[name] == head[name] for name in set(head) - varying)


class TestTheTag:
    def test_is_strong(self, posted: httpx.Response):
        assert re.fullmatch(r'"[!#-~]+"', posted.headers["ETag"])

    def test_is_the_same_on_every_answer_about_the_file(
        self, posted: httpx.Response, client: httpx.Client
    ):
        address, tag = posted.headers["Content-Location"], posted.headers["ETag"]
        part = client.get(address, headers={"Range": "bytes=1-2"})
        known = client.get(address, headers={"If-None-Match": tag})
        answers = [client.get(address), client.head(address), part, known]

        assert [answer.status_code for answer in answers] == [200, 200, 206, 304]
        assert {answer.headers["ETag"] for answer in answers} == {tag}

    def test_differs_between_formats_and_between_recipes(self, client: httpx.Client):
        files = [
            entry for seed in (0, 1) for entry in describe(client, GRU, seed=seed)["files"].values()
        ]

        assert len({entry["etag"] for entry in files}) == len(files) == 2 * len(FORMAT_NAMES)

    @pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x" ,W/{}, "y"', "*"])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_when_sent_back_is_answered_with_304_and_no_body(
        self, form: str, method: str, posted: httpx.Response, client: httpx.Client
    ):
        answer = client.request(
            method,
            posted.headers["Content-Location"],
            headers={"If-None-Match": form.format(posted.headers["ETag"])},
        )

        assert answer.status_code == 304
        assert answer.content == b""
        assert "Content-Length" not in answer.headers

    @pytest.mark.parametrize("form", ['"x"', '"x", "y"', "{bare}", ""])
    def test_of_another_file_is_answered_with_the_file(
        self, form: str, posted: httpx.Response, client: httpx.Client
    ):
        bare = posted.headers["ETag"].strip('"')
        answer = client.get(
            posted.headers["Content-Location"], headers={"If-None-Match": form.format(bare=bare)}
        )

        assert answer.status_code == 200

    def test_that_is_known_goes_before_a_range(self, posted: httpx.Response, client: httpx.Client):
        headers = {"If-None-Match": posted.headers["ETag"], "Range": "bytes=0-1"}
        answer = client.get(posted.headers["Content-Location"], headers=headers)

        assert answer.status_code == 304


@pytest.fixture(scope="module")
def file(client: httpx.Client) -> httpx.Response:
    """A small file."""
    return make(client, GRU)


def ask_for(client: httpx.Client, file: httpx.Response, **headers: str) -> httpx.Response:
    """Fetch the file with headers, an underscore for each hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(file.headers["Content-Location"], headers=named)


class TestARange:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("bytes=0-0", slice(0, 1)),
            ("bytes=10-19", slice(10, 20)),
            ("bytes=9000-", slice(9000, None)),
            ("bytes=-7", slice(-7, None)),
            ("bytes=9000-99999", slice(9000, None)),
            ("bytes=-99999", slice(0, None)),
            ("bytes=0-", slice(0, None)),
            ("Bytes = 10-19", slice(10, 20)),
        ],
    )
    def test_is_sent_as_asked_and_cut_at_the_end(
        self, asked: str, expected: slice, file: httpx.Response, client: httpx.Client
    ):
        answer = ask_for(client, file, Range=asked)

        first, end, _ = expected.indices(len(file.content))
        assert answer.status_code == 206
        assert answer.content == file.content[expected]
        assert answer.headers["Content-Length"] == str(end - first)
        assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(file.content)}"

    @pytest.mark.parametrize(
        "asked",
        [
            "bytes=0-1,4-5",
            "bytes=5-4",
            "bytes=10013-",
            "bytes=99999-100000",
            "bytes=-0",
            "bytes=-",
            "bytes=",
            "bytes=a-b",
            "bytes=1",
            "bytes=1-2-3",
            "bytes=--5",
            "bytes=+1-2",
            "bytes=99999999999999999999-",
        ],
    )
    def test_that_cannot_be_sent_is_a_416_with_the_length(
        self, asked: str, file: httpx.Response, client: httpx.Client
    ):
        answer = ask_for(client, file, Range=asked)

        assert answer.status_code == 416
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Content-Range"] == f"bytes */{len(file.content)}"
        assert answer.json()["code"] == "range_not_satisfiable"
        assert answer.json()["given"] == asked
        assert answer.json()["length_bytes"] == len(file.content)

    @pytest.mark.parametrize("asked", ["lines=1-2", "byte=1-2", "1-2", "nonsense"])
    def test_in_an_unknown_unit_is_not_one(
        self, asked: str, file: httpx.Response, client: httpx.Client
    ):
        answer = ask_for(client, file, Range=asked)

        assert answer.status_code == 200
        assert answer.content == file.content

    def test_is_offered(self, file: httpx.Response, client: httpx.Client):
        assert file.headers["Accept-Ranges"] == "bytes"
        assert client.head(file.headers["Content-Location"]).headers["Accept-Ranges"] == "bytes"

    def test_means_nothing_to_head(self, file: httpx.Response, client: httpx.Client):
        answer = client.head(file.headers["Content-Location"], headers={"Range": "bytes=1-2"})

        assert answer.status_code == 200
        assert answer.headers["Content-Length"] == str(len(file.content))

    def test_is_sent_if_the_tag_is_still_the_files(
        self, file: httpx.Response, client: httpx.Client
    ):
        answer = ask_for(client, file, Range="bytes=1-2", If_Range=file.headers["ETag"])

        assert answer.status_code == 206

    @pytest.mark.parametrize("condition", ['"x"', "W/{}", "Wed, 21 Oct 2026 07:28:00 GMT", "*"])
    def test_becomes_the_whole_file_if_it_may_not_fit_what_the_caller_has(
        self, condition: str, file: httpx.Response, client: httpx.Client
    ):
        condition = condition.format(file.headers["ETag"])
        answer = ask_for(client, file, Range="bytes=1-2", If_Range=condition)

        assert answer.status_code == 200
        assert answer.content == file.content

    def test_of_fifty_gigabytes_draws_only_what_it_covers(self, client: httpx.Client):
        sizes = {"input_size": 8192, "hidden_size": 8192, "num_layers": 24}
        address = permalink(client, {"rnn_type": "lstm", **sizes})
        headers = {"Range": "bytes=40000000000-40000000999"}
        answer = client.get(address, headers=headers, timeout=5)

        assert answer.status_code == 206
        assert len(answer.content) == 1000


class TestTheHeaders:
    def test_name_the_file_as_its_permalink_does(self, posted: httpx.Response):
        name = posted.headers["Content-Location"].rpartition("/")[2]

        assert posted.headers["Content-Disposition"] == f'attachment; filename="{name}"'

    @pytest.mark.parametrize(
        ("format", "media_type"),
        [
            ("pt", "application/vnd.pytorch"),
            ("safetensors", "application/vnd.safetensors"),
            ("npz", "application/vnd.numpy.npz"),
            ("bundle", "application/zip"),
        ],
    )
    def test_name_the_media_type_that_accept_can_ask_for(
        self, format: str, media_type: str, client: httpx.Client
    ):
        by_name = make(client, GRU, format=format)
        by_accept = client.post("/v1/checkpoints", json=GRU, headers={"Accept": media_type})

        assert by_name.headers["Content-Type"] == media_type
        assert by_accept.content == by_name.content

    @pytest.mark.parametrize(
        ("accept", "media_type"),
        [
            ("*/*", "application/vnd.pytorch"),
            ("application/octet-stream", "application/vnd.pytorch"),
            (
                "application/zip;q=0.5, application/vnd.safetensors;q=0.9",
                "application/vnd.safetensors",
            ),
            ("application/vnd.pytorch;q=0, */*;q=0.1", "application/vnd.safetensors"),
            ("text/html, application/zip", "application/zip"),
            # Where nothing matches, as of clients that send one Accept with everything.
            ("application/json", "application/vnd.pytorch"),
            ("application/problem+json", "application/vnd.pytorch"),
            ("text/html, image/*", "application/vnd.pytorch"),
            ("application/vnd.pytorch;q=0, application/json", "application/vnd.safetensors"),
        ],
    )
    def test_follow_what_accept_likes_best(
        self, accept: str, media_type: str, client: httpx.Client
    ):
        answer = client.post("/v1/checkpoints", json=GRU, headers={"Accept": accept})

        assert answer.headers["Content-Type"] == media_type

    def test_pass_over_a_format_that_cannot_hold_the_dtype(self, client: httpx.Client):
        accept = {"Accept": "application/vnd.numpy.npz, application/zip;q=0.5"}
        answer = client.post("/v1/checkpoints", json={**GRU, "dtype": "bfloat16"}, headers=accept)

        assert answer.headers["Content-Type"] == "application/zip"

    def test_say_that_a_post_varies_with_accept(self, posted: httpx.Response):
        assert posted.headers["Vary"] == "Accept"

    def test_let_a_permalink_be_kept_for_ever(self, file: httpx.Response, client: httpx.Client):
        answer = client.get(file.headers["Content-Location"])

        assert "immutable" in answer.headers["Cache-Control"]
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        assert "Vary" not in answer.headers

    def test_lead_to_the_summary(self, posted: httpx.Response, client: httpx.Client):
        link = re.fullmatch(
            r'<(\S+)>; rel="describedby"; type="application/json"', posted.headers["Link"]
        )
        assert link is not None
        summary = client.get(link[1])

        assert summary.status_code == 200
        assert summary.headers["Content-Type"] == "application/json"
        assert summary.json()["weights"]["recipe_digest"].startswith(
            posted.headers["ETag"].split("-")[1]
        )

    def test_tell_what_the_check_found(self, client: httpx.Client):
        headers = make(
            client, {**GRU, "bidirectional": True}, check={"seq_len": 3, "batch": 2}
        ).headers

        assert headers["Stepzero-Output-Shape"] == "3x2x40"
        assert headers["Stepzero-Output-Finite"] == "true"
        assert 0 < float(headers["Stepzero-Output-Std"]) < 1
        assert headers["Stepzero-Parameters"] == str(2 * (60 * 10 + 60 * 20 + 60 + 60))

    def test_name_the_library_whose_numbers_a_script_takes(self, client: httpx.Client):
        posted = make(client, {**GRU, "init": "torch_seeded"})
        url = posted.headers["Content-Location"]
        again = client.get(url, headers={"If-None-Match": posted.headers["ETag"]})
        described = client.get(f"/v1/checkpoints/{posted.headers['Stepzero-Recipe']}").json()

        tie = f"torch {torch.__version__}"
        assert posted.headers["Stepzero-Tied-To"] == described["tied_to"] == tie
        assert torch.__version__ in posted.headers["ETag"]
        assert again.status_code == 304
        # Another version may give other numbers, so a cache asks whether the tag is still right.
        assert again.headers["Cache-Control"] == "public, no-cache, no-transform"

    def test_name_no_library_where_the_bytes_are_everybodys(self, client: httpx.Client):
        posted = make(client, GRU)

        assert "Stepzero-Tied-To" not in posted.headers
        assert (
            "immutable" in client.head(posted.headers["Content-Location"]).headers["Cache-Control"]
        )

    def test_never_offer_compression(self, file: httpx.Response, client: httpx.Client):
        answer = client.get(
            file.headers["Content-Location"], headers={"Accept-Encoding": "gzip, br"}
        )

        assert "Content-Encoding" not in answer.headers
        assert "no-transform" in answer.headers["Cache-Control"]


class TestTheRequestId:
    @pytest.mark.parametrize("given", ["abc", "A.b_c-D:9", "x" * 128])
    def test_of_the_caller_is_repeated(self, given: str, client: httpx.Client):
        answer = client.get("/v1", headers={"X-Request-ID": given})

        assert answer.headers["X-Request-ID"] == given

    @pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "a\tb", "\xe9"])
    def test_that_is_malformed_is_replaced(self, given: str, client: httpx.Client):
        answer = client.get("/v1", headers=[(b"X-Request-ID", given.encode("latin-1"))])

        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])

    def test_is_made_new_for_each_request_without_one(self, client: httpx.Client):
        ids = {client.get("/v1").headers["X-Request-ID"] for _ in range(3)}

        assert len(ids) == 3

    def test_stands_on_a_file(self, posted: httpx.Response):
        assert re.fullmatch(r"[0-9a-f]{32}", posted.headers["X-Request-ID"])


@pytest.fixture(scope="module")
def hashed(client: httpx.Client) -> dict[str, Any]:
    """What a description says of the .pt file when asked for its hash."""
    recipe = describe(client, {**LSTM, "seed": 11})["recipe"]
    answer = client.get(f"/v1/checkpoints/{recipe}", params={"sha256": "pt"})
    found: dict[str, Any] = answer.json()["files"]["pt"]
    return found


class TestTheHashInTheName:
    def test_is_that_of_the_bytes(self, hashed: dict[str, Any], client: httpx.Client):
        sha256 = hashlib.sha256(client.get(hashed["hub_url"]).content).hexdigest()

        assert hashed["sha256"] == sha256
        assert hashed["hub_url"].endswith(f"/lstm-10x20-{sha256[:8]}.pt")

    def test_is_what_torch_hub_checks(
        self, hashed: dict[str, Any], server_url: str, tmp_path: Path
    ):
        state = torch.hub.load_state_dict_from_url(
            server_url + hashed["hub_url"],
            model_dir=str(tmp_path),
            check_hash=True,
            weights_only=True,
            progress=False,
        )

        torch.nn.LSTM(10, 20).load_state_dict(state, strict=True)

    def test_can_be_asked_of_several_formats(self, client: httpx.Client):
        recipe = describe(client, {**LSTM, "seed": 12})["recipe"]
        answer = client.get(f"/v1/checkpoints/{recipe}?sha256=npz,bundle").json()

        assert {name for name, entry in answer["files"].items() if entry["sha256"]} == {
            "npz",
            "bundle",
        }

    def test_leaves_torch_hub_none_to_check_until_it_is_asked_for(self, client: httpx.Client):
        file = describe(client, {**LSTM, "seed": 13})["files"]["pt"]

        assert re.search(r"-([a-f0-9]*)\.", file["url"]) is None
        assert (file["hub_url"], file["sha256"]) == (None, None)

    def test_has_an_address_of_its_own_beside_the_permalink_which_stays(self, client: httpx.Client):
        before = describe(client, {**LSTM, "seed": 15})
        address = before["files"]["pt"]["url"]
        headers = {"Want-Repr-Digest": "sha-256=1"}  # from now on the hash is known
        answers = [
            client.get(address, headers=headers),
            client.head(address),
            client.get(address),
            make(client, {**LSTM, "seed": 15}),
        ]
        after = client.get(before["links"]["self"]).json()["files"]["pt"]
        found = client.get("/v1/checkpoints", params={**LSTM, "seed": 15})
        name = address.rpartition("/")[2]

        assert after["url"] == found.headers["Location"] == address
        for answer in answers:
            assert answer.headers["Content-Location"] == address
            assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
            assert "Repr-Digest" in answer.headers
        assert client.get(after["hub_url"]).content == answers[0].content

    def test_changes_nothing_about_the_answer(self, hashed: dict[str, Any], client: httpx.Client):
        plain, checked = client.get(hashed["url"]), client.get(hashed["hub_url"])

        assert checked.content == plain.content
        for name in ("ETag", "Content-Location", "Content-Disposition", "Repr-Digest"):
            assert checked.headers[name] == plain.headers[name]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_if_it_is_another_files_is_not_found(
        self, method: str, hashed: dict[str, Any], client: httpx.Client
    ):
        other = "0" * 8 if not hashed["sha256"].startswith("0" * 8) else "1" * 8
        answer = client.request(method, hashed["hub_url"].replace(hashed["sha256"][:8], other))

        assert answer.status_code == 404

    def test_in_a_name_that_is_not_ours_is_none(self, client: httpx.Client):
        address = permalink(client, {**LSTM, "seed": 14})

        assert client.get(address.rpartition("/")[0] + "/run-20261123.pt").status_code == 200

    def test_if_it_is_another_files_says_which_is_right(self, client: httpx.Client):
        address = permalink(client, {**LSTM, "seed": 14})
        answer = client.get(address.rpartition("/")[0] + "/lstm-10x20-00000000.pt").json()

        assert answer["code"] == "digest_mismatch"
        assert answer["given"] == "00000000"
        assert answer["sha256"] == hashlib.sha256(client.get(address).content).hexdigest()


class TestTheDigest:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_comes_if_it_is_wanted(self, method: str, client: httpx.Client):
        address = permalink(client, {**GRU, "seed": len(method)})
        answer = client.request(
            method, address, headers={"Want-Repr-Digest": "sha-512=3, sha-256=10"}
        )

        sha256 = hashlib.sha256(client.get(address).content).digest()
        assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256).decode()}:"

    def test_on_a_part_is_that_of_the_whole(self, client: httpx.Client):
        address = permalink(client, {**GRU, "seed": 6})
        headers = {"Want-Repr-Digest": "sha-256=1", "Range": "bytes=5-9"}
        answer = client.get(address, headers=headers)

        sha256 = hashlib.sha256(client.get(address).content).digest()
        assert answer.status_code == 206
        assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256).decode()}:"

    @pytest.mark.parametrize("wanted", ["sha-256=0", "sha-512=5", ""])
    def test_costs_nobody_who_does_not_want_it(self, wanted: str, client: httpx.Client):
        address = permalink(client, {**GRU, "seed": 7})
        answer = client.get(address, headers={"Want-Repr-Digest": wanted})

        assert "Repr-Digest" not in answer.headers


def test_curl_resumes_a_download_that_was_cut(
    client: httpx.Client, server_url: str, tmp_path: Path
):
    address = permalink(client, {**LSTM, "hidden_size": 300})
    whole, path = client.get(address).content, tmp_path / "cut.pt"
    path.write_bytes(whole[: len(whole) // 3])
    done = subprocess.run(
        ["curl", "-sSf", "-C", "-", "-w", "%{http_code}", "-o", str(path), server_url + address],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "206"), done.stderr
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(whole).digest()


SUMMED: Mapping[str, Any] = {
    **LSTM,
    "hidden_size": 50,
    "num_layers": 2,
    "dtype": "float64",
    "init": {"weight_hh": "orthogonal", "weight_ih": {"scheme": "sparse", "sparsity": 0.25}},
}


@pytest.fixture(scope="module")
def summary(client: httpx.Client) -> dict[str, Any]:
    """The statistics of a network."""
    links = describe(client, SUMMED)["links"]
    found: dict[str, Any] = client.get(links["summary"]).json()
    return found


@pytest.fixture(scope="module")
def arrays(client: httpx.Client) -> Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Its weights, as an outside reader finds them."""
    file = make(client, SUMMED, format="safetensors").content
    return safetensors.numpy.load(file)


class TestTheSummary:
    def test_lists_every_tensor_of_the_file(self, summary: dict[str, Any], arrays: Any):
        listed = {t["name"]: tuple(t["shape"]) for t in summary["weights"]["tensors"]}

        assert listed == {name: array.shape for name, array in arrays.items()}

    def test_agrees_with_numpy_on_tensors_and_gates(self, summary: dict[str, Any], arrays: Any):
        for tensor in summary["weights"]["tensors"]:
            blocks = np.split(arrays[tensor["name"]], len(tensor["gates"]))
            pairs = [(tensor["figures"], arrays[tensor["name"]])]
            pairs += [
                (g["figures"], block) for g, block in zip(tensor["gates"], blocks, strict=True)
            ]
            for figures, values in pairs:
                # float64 sums of n terms differ by at most n·2⁻⁵³ of the sum of their sizes
                within = partial(pytest.approx, rel=1e-12, abs=1e-12)
                assert figures["elements"] == values.size
                assert figures["mean"] == within(values.mean())
                assert figures["std"] == within(values.std())
                assert figures["norm"] == within(np.sqrt((values**2).sum()))
                assert (figures["min"], figures["max"]) == (values.min(), values.max())
                assert figures["fraction_zero"] == within((values == 0).mean())
                assert figures["nonfinite"] == 0

    def test_counts_its_histogram_exactly(self, summary: dict[str, Any], arrays: Any):
        for tensor in summary["weights"]["tensors"]:
            histogram = tensor["figures"]["histogram"]
            values = np.sort(arrays[tensor["name"]].ravel())
            below = np.searchsorted(values, histogram["edges"], side="left")

            assert histogram["counts"] == np.diff(below).tolist()
            assert sum(histogram["counts"]) == values.size

    def test_puts_its_quantiles_where_they_say(self, summary: dict[str, Any], arrays: Any):
        for tensor in summary["weights"]["tensors"]:
            values = np.sort(arrays[tensor["name"]].ravel())
            for probability, found in tensor["figures"]["quantiles"].items():
                exact = values[math.ceil(float(probability) * values.size) - 1]

                assert found == pytest.approx(exact, rel=0.004, abs=1e-30)

    def test_says_zero_where_a_quantile_is_zero(self, summary: dict[str, Any]):
        sparse = summary["weights"]["tensors"][0]

        assert sparse["name"] == "weight_ih_l0"
        assert sparse["figures"]["quantiles"]["0.5"] == 0

    def test_has_the_sha256_of_every_tensor_and_gate(self, summary: dict[str, Any], arrays: Any):
        for tensor in summary["weights"]["tensors"]:
            array = arrays[tensor["name"]]
            gates = np.split(array, len(tensor["gates"]))

            assert tensor["sha256"] == hashlib.sha256(array.tobytes()).hexdigest()
            assert [gate["sha256"] for gate in tensor["gates"]] == [
                hashlib.sha256(np.ascontiguousarray(block).tobytes()).hexdigest() for block in gates
            ]

    def test_names_pytorchs_gates_in_their_order(self, summary: dict[str, Any]):
        gates = [gate["gate"] for gate in summary["weights"]["tensors"][0]["gates"]]

        assert gates == ["input", "forget", "cell", "output"]

    def test_tells_of_the_forward_pass(self, summary: dict[str, Any]):
        forward = summary["forward"]

        assert forward["input_shape"] == [16, 4, 10]
        assert forward["output_shape"] == [16, 4, 50]
        assert (forward["finite"], forward["dead"]) == (True, False)
        assert [layer["layer"] for layer in forward["layers"]] == [0, 1]
        assert all(len(layer["output_rms"]) == 16 for layer in forward["layers"])

    def test_is_in_the_bundle_too(self, summary: dict[str, Any], client: httpx.Client):
        bundle = make(client, SUMMED, format="bundle").content
        with zipfile.ZipFile(io.BytesIO(bundle)) as files:
            inside = json.loads(files.read("summary.json"))

        assert inside == summary["weights"]


class TestTheFlatQuery:
    def test_leads_to_what_the_same_post_gives(self, client: httpx.Client):
        answer = client.get("/v1/checkpoints", params={**GRU, "seed": 3, "bidirectional": True})
        fetched = client.get(answer.headers["Location"])

        assert answer.status_code == 303
        assert fetched.content == make(client, {**GRU, "seed": 3, "bidirectional": True}).content

    @pytest.mark.parametrize("name", FORMAT_NAMES)
    def test_can_name_the_format(self, name: str, client: httpx.Client):
        answer = client.get("/v1/checkpoints", params={**GRU, "format": name})

        assert answer.headers["Location"].endswith("." + SUFFIXES[name])

    @pytest.mark.parametrize(
        ("accept", "suffix"),
        [
            ("application/vnd.safetensors", ".safetensors"),
            ("text/html,application/xhtml+xml,*/*;q=0.8", ".pt"),
            ("application/json", ".pt"),
        ],
    )
    def test_leads_to_the_format_that_is_accepted(
        self, accept: str, suffix: str, client: httpx.Client
    ):
        answer = client.get("/v1/checkpoints", params={**GRU}, headers={"Accept": accept})

        assert answer.headers["Location"].endswith(suffix)
        assert answer.headers["Vary"] == "Accept"

    def test_leads_to_the_format_that_it_names_whatever_is_accepted(self, client: httpx.Client):
        query = {**GRU, "format": "npz"}
        accept = {"Accept": "application/vnd.safetensors"}

        assert (
            client.get("/v1/checkpoints", params=query, headers=accept)
            .headers["Location"]
            .endswith(".npz")
        )

    @pytest.mark.parametrize(
        ("query", "init"),
        [
            ({"init": "orthogonal"}, "orthogonal"),
            ({"init": '{"scheme": "normal", "std": 0.1}'}, {"scheme": "normal", "std": 0.1}),
            ({"init": '{"bias": "forget"}'}, {"bias": "forget"}),
            ({"init.weight_hh": "orthogonal"}, {"weight_hh": "orthogonal"}),
            ({"init": "keras"}, "keras"),
            ({"init.preset": "tf1", "init.bias": "zeros"}, {"preset": "tf1", "bias": "zeros"}),
            (
                {"init.weight_hh": "orthogonal", "init.bias": "zeros"},
                {"weight_hh": "orthogonal", "bias": "zeros"},
            ),
        ],
    )
    def test_can_say_every_init(self, query: dict[str, str], init: Any, client: httpx.Client):
        answer = client.get("/v1/checkpoints", params={**GRU, "seed": 32, **query})

        assert answer.headers["Location"] == permalink(client, {**GRU, "seed": 32, "init": init})

    def test_carries_over_how_to_serve(self, client: httpx.Client):
        served: Mapping[str, Any] = {"device": "cpu", "seq_len": 3, "batch": 2}
        answer = client.get("/v1/checkpoints", params={**GRU, **served})
        location = httpx.URL(answer.headers["Location"])

        assert dict(location.params) == {"device": "cpu", "seq_len": "3", "batch": "2"}
        assert client.get(location).headers["Stepzero-Output-Shape"] == "3x2x20"

    def test_leads_to_a_bare_permalink_if_there_is_nothing_to_carry(self, client: httpx.Client):
        spec = {**GRU, "seed": 31}
        answer = client.get("/v1/checkpoints", params={**spec, "device": "auto"})

        assert answer.headers["Location"] == permalink(client, spec)

    def test_lets_curl_fetch_a_file_in_one_line(self, server_url: str, tmp_path: Path):
        path = tmp_path / "gru.pt"
        query = "rnn_type=gru&input_size=10&hidden_size=20"
        subprocess.run(
            ["curl", "-sSfL", "-o", str(path), f"{server_url}/v1/checkpoints?{query}"], check=True
        )

        state = torch.load(path, weights_only=True)
        torch.nn.GRU(10, 20).load_state_dict(state, strict=True)


class TestADescription:
    def test_of_a_recipe_is_that_of_its_plan(self, client: httpx.Client):
        planned = describe(client, {**MIXED, "seed": 21})

        assert client.get(planned["links"]["self"]).json() == planned

    def test_tells_the_length_and_tag_of_every_file(self, client: httpx.Client):
        for entry in describe(client, {**MIXED, "seed": 22})["files"].values():
            fetched = client.get(entry["url"])

            assert len(fetched.content) == entry["size_bytes"]
            assert fetched.headers["ETag"] == entry["etag"]
            assert fetched.headers["Content-Type"] == entry["media_type"]

    def test_tells_names_and_shapes_of_pytorchs_state_dict(self, client: httpx.Client):
        module = torch.nn.LSTM(7, 33, num_layers=2, bidirectional=True, proj_size=5)
        tensors = describe(client, MIXED)["tensors"]

        assert [(t["name"], t["shape"]) for t in tensors] == [
            (name, list(value.shape)) for name, value in module.state_dict().items()
        ]

    def test_leaves_out_the_format_that_cannot_hold_the_dtype(self, client: httpx.Client):
        files = describe(client, {**GRU, "dtype": "bfloat16"})["files"]

        assert "npz" not in files
        assert {"pt", "safetensors", "bundle"} < set(files)

    def test_of_fifty_gigabytes_builds_nothing(self, client: httpx.Client):
        sizes = {"input_size": 8192, "hidden_size": 8192, "num_layers": 24}
        planned = describe(client, {"rnn_type": "lstm", **sizes})

        assert planned["size_bytes"] == 4 * 24 * 4 * (8192 * 8192 * 2 + 2 * 8192)


class TestTheSpec:
    def test_of_a_recipe_asks_for_the_same_file_again(self, client: httpx.Client):
        planned = describe(client, MIXED)
        spec = client.get(planned["links"]["spec"]).json()

        assert describe(client, spec)["recipe"] == planned["recipe"]
        assert make(client, spec).content == make(client, MIXED).content

    def test_is_the_smallest_that_asks_for_it(self, client: httpx.Client):
        said_in_full = {**GRU, "num_layers": 1, "bias": True, "dtype": "float32", "init": "pytorch"}
        planned = describe(client, said_in_full)

        assert client.get(planned["links"]["spec"]).json() == GRU


class TestAbout:
    def test_v1_names_the_versions(self, client: httpx.Client):
        found = client.get("/v1").json()

        assert found["stream_versions"] == [1]
        assert found["torch"] == torch.__version__
        assert {*found["formats"]} == {*FORMAT_NAMES, "onnx_data"}
        assert re.fullmatch(r"\d+\.\d+\.\d+", found["release"])

    def test_the_devices_are_those_that_requests_get(self, client: httpx.Client):
        devices = client.get("/v1/devices").json()["devices"]

        assert devices[-1] == {"name": "cpu", "kind": "cpu"}
        for device in devices:
            assert (
                make(client, GRU, device=device["name"]).headers["Stepzero-Device"]
                == device["name"]
            )

    @pytest.mark.parametrize("kind", ["weights", "biases", "scripts"])
    def test_every_initializer_of_the_catalogue_can_be_asked_for_as_its_example_shows(
        self, kind: str, client: httpx.Client
    ):
        schemes = client.get("/v1/initializers").json()[kind]

        assert len({scheme["name"] for scheme in schemes}) == len(schemes) >= 2
        for scheme in schemes:
            assert scheme["formula"]
            assert scheme["source"]
            describe(client, {**LSTM, **scheme["example"]})

    def test_every_preset_of_the_catalogue_is_the_recipe_of_its_parts(self, client: httpx.Client):
        presets = client.get("/v1/initializers").json()["presets"]

        assert len({preset["name"] for preset in presets}) == len(presets) >= 10
        for preset in presets:
            assert preset["summary"]
            assert preset["source"]
            assert set(preset["rnn_types"]) == set(preset["parts"])
            assert describe(client, {**LSTM, **preset["example"]})
            for rnn_type, parts in preset["parts"].items():
                asked = {"rnn_type": rnn_type, "input_size": 3, "hidden_size": 4}
                asked |= {"proj_size": 2} if "weight_hr" in parts else {}
                asked |= {"nonlinearity": "relu"} if rnn_type == "rnn" else {}
                by_name, in_parts = (
                    describe(client, {**asked, "init": init})["recipe"]
                    for init in (preset["name"], parts)
                )
                assert by_name == in_parts

    def test_what_is_seldom_meant_is_told_in_the_description_and_the_summary(
        self, client: httpx.Client
    ):
        strange = {**RNN, "init": {"weight_hh": "identity"}}
        described = describe(client, strange)
        summary = client.get(described["links"]["summary"]).json()

        assert [found["code"] for found in described["warnings"]] == ["identity_under_tanh"]
        assert summary["warnings"] == described["warnings"]
        assert describe(client, GRU)["warnings"] == []

    @pytest.mark.parametrize("page", ["live", "ready"])
    def test_the_server_says_how_it_is(self, page: str, client: httpx.Client):
        answer = client.get(f"/healthz/{page}")

        assert answer.status_code == 200
        assert answer.json() == {"status": page}
