"""Arrays over HTTP: taken with a spec, given an address, and refused in words whatever comes."""

from __future__ import annotations

import io
import json
import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from app.settings import Settings
from stepzero_rnn.uploads.store import INCOMING
from tests.api.asking import GRU, LSTM, Call, resident_bytes, server_process
from tests.arrays.foreign import hdf5, keras_datasets, onnx_bytes
from tests.arrays.hostile import HOSTILE
from tests.conftest import running

State = Mapping[str, torch.Tensor]
NET: dict[str, Any] = {**GRU}
HOSTILE_NET = {"rnn_type": "lstm", "input_size": 3, "hidden_size": 5}


def gru(seed: int = 1, hidden: int = 20) -> State:
    """Make the parameters of a network."""
    made = torch.nn.GRU(10, hidden)
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(t.shape, generator=generator) / 8 for n, t in made.state_dict().items()}


def safetensors(state: State) -> bytes:
    """Save parameters as people do."""
    return save({name: tensor.numpy() for name, tensor in state.items()})


def npy(array: Any) -> bytes:
    """Save one array."""
    written = io.BytesIO()
    np.save(written, np.asarray(array))
    return written.getvalue()


def upload(
    client: httpx.Client,
    spec: Mapping[str, Any],
    *files: tuple[str, bytes],
    path: str = "/v1/checkpoints",
    **texts: str,
) -> httpx.Response:
    """Send a form: files by the names of their fields, those of `arrays` by a name of their own."""
    parts = [
        (name if "." not in name else "arrays", (name, content, "application/octet-stream"))
        for name, content in files
    ]
    form = {"spec": json.dumps(dict(spec)), **texts}
    return client.post(path, data=form, files=parts)


def loaded(answer: httpx.Response) -> State:
    """Load a `.pt` file from an answer."""
    assert answer.status_code == 200, answer.text
    state: State = torch.load(io.BytesIO(answer.content), weights_only=True)
    return state


def code(answer: httpx.Response) -> tuple[int, str]:
    """Return a refusal's status and code; of several faults that of the first."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    listed = problem["code"] in ("invalid_arrays", "invalid_spec")
    return answer.status_code, problem["errors"][0]["code"] if listed else problem["code"]


def left(folder: Path) -> list[Path]:
    """List what uploads have left."""
    return [*(folder / INCOMING).iterdir()] if (folder / INCOMING).exists() else []


class TestAnUpload:
    def test_of_a_state_dict_comes_back_bit_for_bit(self, client: httpx.Client) -> None:
        state = gru()
        found = loaded(upload(client, NET, ("weights.safetensors", safetensors(state))))

        assert all(torch.equal(found[name], tensor) for name, tensor in state.items())

    def test_has_a_permalink_with_the_same_bytes(self, client: httpx.Client) -> None:
        answer = upload(client, NET, ("weights.safetensors", safetensors(gru())))
        again = client.get(answer.headers["content-location"])

        assert again.content == answer.content
        assert again.headers["etag"] == answer.headers["etag"]
        part = client.get(again.headers["content-location"], headers={"range": "bytes=2000-2100"})
        assert part.content == answer.content[2000:2101]

    def test_in_other_files_has_the_same_address(self, client: httpx.Client) -> None:
        state = gru()
        npz = io.BytesIO()
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in state.items()}
        np.savez_compressed(npz, **arrays)
        forms = (
            [("weights.safetensors", safetensors(state))],
            [("weights.npz", npz.getvalue())],
            [(name, npy(tensor)) for name, tensor in state.items()],
            [(f"{name}.npy", npy(tensor)) for name, tensor in state.items()],
        )
        recipes = {upload(client, NET, *f).headers["stepzero-recipe"] for f in forms}

        assert len(recipes) == 1

    @pytest.mark.parametrize("layout", ["onnx", "keras"])
    def test_in_a_file_of_another_program_has_the_same_address(
        self, client: httpx.Client, arrays_folder: Path, tmp_path: Path, layout: str
    ) -> None:
        net = torch.nn.GRU(10, 20)
        file = hdf5(tmp_path / "a.h5", keras_datasets(net, "gru")).read_bytes()
        if layout == "onnx":
            file = onnx_bytes(net, "gru")
        theirs = upload(client, NET, ("model.bin", file), layout=layout)
        ours = upload(client, NET, ("own.safetensors", safetensors(net.state_dict())))

        assert theirs.headers["stepzero-recipe"] == ours.headers["stepzero-recipe"]
        assert "assumed_attributes" not in theirs.headers.get("stepzero-warnings", "")
        assert not left(arrays_folder)

    def test_of_a_part_leaves_the_rest_to_the_schemes(self, client: httpx.Client) -> None:
        weight = gru()["weight_ih_l0"]
        found = loaded(upload(client, NET | {"init": "orthogonal"}, ("weight_ih_l0", npy(weight))))
        plain = loaded(client.post("/v1/checkpoints", json=NET | {"init": "orthogonal"}))

        assert torch.equal(found["weight_ih_l0"], weight)
        assert all(torch.equal(found[n], plain[n]) for n in plain if n != "weight_ih_l0")

    def test_of_one_gate_fills_that_gate(self, client: httpx.Client) -> None:
        block = np.full((20, 10), 0.5, np.float32)
        found = loaded(upload(client, NET, ("weight_ih_l0.update.npy", npy(block))))

        assert found["weight_ih_l0"][20:40].eq(0.5).all()
        assert not found["weight_ih_l0"][:20].eq(0.5).any()

    def test_is_drawn_anew_where_asked(self, client: httpx.Client) -> None:
        state = gru()
        file = ("weights.safetensors", safetensors(state))
        found = loaded(upload(client, NET, file, redraw='[{"parameter": "bias"}]'))
        plain = loaded(client.post("/v1/checkpoints", json=NET))

        assert torch.equal(found["bias_hh_l0"], plain["bias_hh_l0"])
        assert torch.equal(found["weight_hh_l0"], state["weight_hh_l0"])

    def test_grows_where_asked(self, client: httpx.Client) -> None:
        state, larger = gru(), {**NET, "hidden_size": 32, "num_layers": 2}
        file = ("weights.safetensors", safetensors(state))
        found = loaded(upload(client, larger, file, grow="true"))
        kept = found["weight_hh_l0"].view(3, 32, 32)[:, :20, :20]

        assert torch.equal(kept, state["weight_hh_l0"].view(3, 20, 20))
        assert code(upload(client, larger, file)) == (422, "shape_mismatch")

    def test_of_a_whole_model_is_taken_by_its_prefix(self, client: httpx.Client) -> None:
        state = gru()
        whole = {f"rnn.{name}": tensor for name, tensor in state.items()}
        file = ("model.safetensors", safetensors({**whole, "head.bias": torch.zeros(2)}))
        found = loaded(upload(client, NET, file, prefix="rnn.", strict="true"))
        refusal = upload(client, NET, file)

        assert all(torch.equal(found[name], tensor) for name, tensor in state.items())
        assert code(refusal) == (422, "other_arrays")
        assert "set prefix=rnn." in refusal.json()["detail"]

    def test_is_answered_with_what_no_array_tells(self, client: httpx.Client) -> None:
        arrays = {name: torch.zeros(1, 60, width) for name, width in {"W": 10, "R": 20}.items()}
        file = ("gru.safetensors", safetensors(arrays))
        dead = NET | {"accept_dead": True}
        planned = upload(client, dead, file, path="/v1/plan", layout="onnx").json()
        made = upload(client, dead, file, layout="onnx")

        codes = ["assumed_linear_before_reset", "assumed_attributes"]
        assert [told["code"] for told in planned["warnings"]] == codes
        assert planned["warnings"][0]["pointer"] == "/layout"
        assert made.headers["stepzero-warnings"] == ", ".join(codes)
        plain = upload(client, NET, ("w.safetensors", safetensors(gru())))
        assert "stepzero-warnings" not in plain.headers

    def test_of_another_dtype_is_rounded_once(self, client: httpx.Client) -> None:
        state = gru()
        file = ("weights.safetensors", safetensors({n: t.double() for n, t in state.items()}))
        found = loaded(upload(client, NET | {"dtype": "bfloat16"}, file))

        assert all(torch.equal(found[n], t.bfloat16()) for n, t in state.items())

    @pytest.mark.parametrize("format_name", ["safetensors", "npz", "bundle"])
    def test_is_served_in_every_format(self, client: httpx.Client, format_name: str) -> None:
        file = ("weights.safetensors", safetensors(gru()))
        answer = upload(client, NET | {"format": format_name}, file)

        assert answer.status_code == 200
        assert client.get(answer.headers["content-location"]).content == answer.content

    def test_is_told_in_the_summary(self, client: httpx.Client) -> None:
        weight = gru()["weight_ih_l0"]
        answer = upload(client, NET, ("weight_ih_l0", npy(weight)), path="/v1/plan")
        summary = client.get(answer.json()["links"]["summary"]).json()
        ih, hh, *_ = summary["weights"]["tensors"]

        assert (ih["given"], ih["figures"]["expected_std"]) == (600, None)
        assert "given" not in hh
        assert hh["figures"]["expected_std"] == pytest.approx(1 / np.sqrt(60))

    def test_is_checked_as_every_network(self, client: httpx.Client) -> None:
        dead = {name: torch.zeros_like(tensor) for name, tensor in gru().items()}
        answer = upload(client, NET, ("weights.safetensors", safetensors(dead)))

        assert code(answer) == (422, "dead_output")

    def test_may_hold_no_file_at_all(self, client: httpx.Client) -> None:
        answer = client.post("/v1/checkpoints", content=form(SPEC), headers=TYPE)

        assert answer.content == client.post("/v1/checkpoints", json=NET).content


class TestAPlan:
    def test_keeps_the_arrays_so_that_its_links_work(self, client: httpx.Client) -> None:
        state = gru(7)
        file = ("weights.safetensors", safetensors(state))
        planned = upload(client, NET, file, path="/v1/plan").json()
        found = loaded(client.get(planned["files"]["pt"]["url"]))

        assert torch.equal(found["weight_hh_l0"], state["weight_hh_l0"])
        assert set(planned["spec"]["init"]["arrays"]) == {"sha256"}

    def test_may_name_arrays_that_are_kept(self, client: httpx.Client) -> None:
        state = gru(8)
        answer = upload(client, NET, ("bias_ih_l0", npy(state["bias_ih_l0"])), path="/v1/plan")
        arrays = {"sha256": answer.json()["spec"]["init"]["arrays"]["sha256"]}
        found = loaded(client.post("/v1/checkpoints", json=NET | {"init": {"arrays": arrays}}))

        assert torch.equal(found["bias_ih_l0"], state["bias_ih_l0"])

    @pytest.mark.parametrize(
        "arrays",
        [
            {"given": ["weight_hh_l0"]},
            {"given": ["bias_ih_l0"], "sizes": {"hidden_size": 7}},
            {"given": ["bias_ih_l0.new"]},
        ],
    )
    def test_of_kept_arrays_that_are_others_is_refused_when_drawn(
        self, client: httpx.Client, arrays: dict[str, Any]
    ) -> None:
        answer = upload(client, NET, ("bias_ih_l0", npy(gru()["bias_ih_l0"])), path="/v1/plan")
        named = answer.json()["spec"]["init"]["arrays"] | arrays
        request = NET | {"init": {"arrays": named}}

        assert code(client.post("/v1/checkpoints", json=request)) == (422, "arrays_unlike")


class TestArraysThatAreGone:
    def test_are_told_by_their_digest_and_nothing_else_is_sent(
        self, client: httpx.Client, arrays_folder: Path
    ) -> None:
        answer = upload(client, NET, ("weights.safetensors", safetensors(gru(99))))
        address = answer.headers["content-location"]
        for path in arrays_folder.glob("*.safetensors"):
            path.unlink()
        gone = client.get(address)

        assert code(gone) == (410, "arrays_gone")
        assert gone.json()["sha256"] in gone.json()["detail"]
        assert client.head(address).status_code == 410
        assert client.get(address, headers={"range": "bytes=0-9"}).status_code == 410
        assert client.get(address.rpartition("/")[0] + "/summary").status_code == 410
        tag = {"if-none-match": answer.headers["etag"]}
        for method in ("GET", "HEAD"):
            assert client.request(method, address, headers=tag).status_code == 410

    def test_come_back_with_the_same_upload(
        self, client: httpx.Client, arrays_folder: Path
    ) -> None:
        file = ("weights.safetensors", safetensors(gru(98)))
        address = upload(client, NET, file).headers["content-location"]
        for path in arrays_folder.glob("*.safetensors"):
            path.unlink()

        assert upload(client, NET, file).content == client.get(address).content

    def test_that_were_never_here_are_gone_too(self, client: httpx.Client) -> None:
        request = NET | {"init": {"arrays": {"sha256": "0" * 64}}}

        assert code(client.post("/v1/plan", json=request)) == (410, "arrays_gone")


def form(*parts: bytes, boundary: bytes = b"edge", end: bytes = b"--edge--\r\n") -> bytes:
    """Write a form by hand."""
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + end


def field(name: str, content: bytes = b"", more: str = "") -> bytes:
    """Write a part by hand."""
    head = f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + content


SPEC = field("spec", json.dumps(NET).encode())
FORMS: Mapping[str, tuple[bytes, tuple[int, str]]] = {
    "nothing": (b"", (400, "malformed_form")),
    "garbage": (b"garbage", (400, "malformed_form")),
    "no end": (form(SPEC, end=b""), (400, "malformed_form")),
    "another boundary": (form(SPEC, boundary=b"other"), (400, "malformed_form")),
    "a part without a name": (form(b"Content-Type: a/b\r\n\r\n"), (400, "malformed_form")),
    "a part without headers": (form(b"\r\nx"), (400, "malformed_form")),
    "a long header": (form(field("x" * 5000)), (400, "malformed_form")),
    "many headers": (form(b"a: b\r\n" * 50 + SPEC), (400, "malformed_form")),
    "many parts": (form(*[field(f"f{n}", more='; filename="f"') for n in range(1200)]), (400, "malformed_form")),
    "no spec": (form(field("strict", b"true")), (422, "missing")),
    "a spec twice": (form(SPEC, SPEC), (422, "repeated")),
    "a spec that is no JSON": (form(field("spec", b"{")), (400, "malformed_json")),
    "a spec that is too long": (form(field("spec", b" " * 70_000)), (413, "body_too_large")),
    "a wrong spec": (form(field("spec", b"{}")), (422, "missing")),
    "a text of another name": (form(SPEC, field("layuot", b"keras")), (422, "extra_forbidden")),
    "a text in a file's place": (form(SPEC, field("arrays", b"old.npz")), (422, "extra_forbidden")),
    "a wrong layout": (form(SPEC, field("layout", b"caffe")), (422, "literal_error")),
    "a wrong switch": (form(SPEC, field("grow", b"perhaps")), (422, "bool_parsing")),
    "a wrong redraw": (form(SPEC, field("redraw", b"{")), (422, "malformed_json")),
    "a redraw of what is not there": (
        form(
            SPEC,
            field("redraw", b'[{"parameter": "bias", "gate": "forget"}]'),
            field("bias_ih_l0", npy(np.zeros(60, "f4")), '; filename="b"'),
        ),
        (422, "matches_nothing"),
    ),
    "strict without a file": (form(SPEC, field("strict", b"true")), (422, "no_arrays")),
    "an empty file": (form(SPEC, field("arrays", b"", '; filename="a.npy"')), (415, "not_an_array_file")),
    "a name that is a path": (
        form(SPEC, field("arrays", npy(np.zeros(3, "f4")), '; filename="../../etc/passwd"')),
        (422, "unknown_array"),
    ),
}  # fmt: skip
TYPE = {"content-type": "multipart/form-data; boundary=edge"}


class TestRefusals:
    @pytest.mark.parametrize("name", FORMS)
    def test_name_what_is_wrong_with_a_form(
        self, client: httpx.Client, arrays_folder: Path, name: str
    ) -> None:
        content, expected = FORMS[name]
        answer = client.post("/v1/plan", content=content, headers=TYPE)

        assert code(answer) == expected
        assert left(arrays_folder) == []

    @pytest.mark.parametrize(
        "row",
        [
            field("arrays", b"", '; filename=""\r\nContent-Type: application/octet-stream'),
            field("weight_ih_l0", b"", '; filename=""'),
            field("arrays", b""),
        ],
        ids=["a browser's", "a browser's of one array", "Swagger UI's"],
    )
    def test_are_none_of_a_row_in_which_no_file_was_chosen(
        self, client: httpx.Client, row: bytes
    ) -> None:
        weight = field("weight_hh_l0", npy(np.zeros((60, 20), "f4")), '; filename="w.npy"')
        empty = client.post("/v1/plan", content=form(SPEC, row), headers=TYPE)
        beside = client.post("/v1/plan", content=form(row, weight, SPEC, row), headers=TYPE)

        assert empty.json()["spec"] == NET
        assert beside.json()["spec"]["init"]["arrays"]["given"] == ["weight_hh_l0"]

    @pytest.mark.parametrize("boundary", ["", "; boundary=", f"; boundary={'x' * 300}"])
    def test_of_a_form_without_a_fit_boundary(self, client: httpx.Client, boundary: str) -> None:
        headers = {"content-type": f"multipart/form-data{boundary}"}

        assert code(client.post("/v1/plan", content=form(SPEC), headers=headers))[0] == 400

    @pytest.mark.parametrize("name", HOSTILE)
    def test_of_hostile_files_are_in_words(
        self, client: httpx.Client, arrays_folder: Path, name: str
    ) -> None:
        answer = upload(client, HOSTILE_NET, ("bias_ih_l0.npy", HOSTILE[name].content))

        assert code(answer)[0] in (413, 415, 422)
        assert left(arrays_folder) == []

    def test_say_which_content_types_there_are(self, client: httpx.Client) -> None:
        answer = client.post("/v1/plan", content=b"x", headers={"content-type": "text/plain"})

        assert answer.json()["allowed"] == ["application/json", "multipart/form-data"]

    def test_of_files_beside_a_spec_that_names_arrays(self, client: httpx.Client) -> None:
        request = NET | {"init": {"arrays": {"sha256": "0" * 64}}}
        answer = upload(client, request, ("bias_ih_l0", npy(np.zeros(60, "f4"))))

        assert code(answer) == (422, "given_twice")


@given(
    body=st.binary(max_size=300)
    | st.lists(
        st.sampled_from([SPEC, b"--edge", b"\r\n", b"\r\n\r\n", b'; name="', b"--", b"\0"])
    ).map(b"".join)
)
@settings(max_examples=40, deadline=None)
def test_whatever_comes_as_a_form_is_answered_in_words(
    server_url: str, arrays_folder: Path, body: bytes
) -> None:
    answer = httpx.post(f"{server_url}/v1/plan", content=b"--edge\r\n" + body, headers=TYPE)

    assert answer.status_code in (200, 400, 422)
    assert left(arrays_folder) == []


@given(
    content=st.binary(max_size=400),
    head=st.sampled_from([b"", b"\x93NUMPY\1\0", b"PK\3\4", b"\x10" + bytes(7) + b'{"']),
)
@settings(max_examples=40, deadline=None)
def test_whatever_comes_as_a_file_is_answered_in_words(
    server_url: str, arrays_folder: Path, content: bytes, head: bytes
) -> None:
    with httpx.Client(base_url=server_url) as client:
        answer = upload(client, LSTM, ("weights.npz", head + content))

    assert code(answer)[0] in (413, 415, 422)
    assert left(arrays_folder) == []


def test_an_upload_that_breaks_off_leaves_nothing(server_url: str, arrays_folder: Path) -> None:
    where = urlsplit(server_url)
    with socket.create_connection((where.hostname, where.port)) as connection:
        head = "POST /v1/checkpoints HTTP/1.1\r\nHost: test\r\nContent-Length: 9000000\r\n"
        connection.sendall(f"{head}Content-Type: {TYPE['content-type']}\r\n\r\n".encode())
        connection.sendall(form(SPEC, field("arrays", bytes(5_000_000), '; filename="a"'), end=b""))
        until(lambda: left(arrays_folder) != [])

    until(lambda: left(arrays_folder) == [])


def until(holds: Any) -> None:
    """Wait for something to hold, for ten seconds at most."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it never came")


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A server that takes little."""
    folder = tmp_path_factory.mktemp("small")
    (folder / INCOMING / "of a process that died").mkdir(parents=True)
    limits = Settings(
        arrays_folder=folder,
        max_upload_bytes=20_000,
        max_arrays_bytes=16_000,
        max_incoming_bytes=100_000,
    )
    with running(limits) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client, folder


def head_of(length: int) -> bytes:
    """Write the head of an upload of so many bytes."""
    return (
        f"POST /v1/plan HTTP/1.1\r\nHost: test\r\nContent-Type: {TYPE['content-type']}\r\n"
        f"Connection: close\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class TestUploadsUnderWay:
    def test_claim_their_disk_before_they_take_it(
        self, small_server: tuple[httpx.Client, Path]
    ) -> None:
        """One caller's bodies have half of 100,000 bytes: two of 20,000, not three, before any of
        them has come.
        """
        client, folder = small_server
        with ExitStack() as stack:
            url = str(client.base_url)
            calls = [stack.enter_context(Call(url, head_of(20_000))) for _ in range(3)]
            answered, *_ = select.select([call.socket for call in calls], [], [], 60)
            [refused] = [call for call in calls if call.socket in answered]
            status, headers, body = refused.read_head()

            assert (status, headers["retry-after"]) == (503, "10")
            assert json.loads(body + b"".join(refused.read_rest()))["code"] == "busy"
        until(lambda: left(folder) == [])

        file = ("weights.safetensors", safetensors(gru()))
        assert upload(client, NET, file, path="/v1/plan").status_code == 200

    def test_that_can_never_fit_are_refused_by_their_length(
        self, small_server: tuple[httpx.Client, Path]
    ) -> None:
        with Call(str(small_server[0].base_url), head_of(20_001)) as call:
            assert call.read_head()[0] == 413

    def test_of_unknown_length_are_counted_as_they_come(
        self, small_server: tuple[httpx.Client, Path]
    ) -> None:
        client, folder = small_server
        body = form(SPEC, field("arrays", safetensors(gru()), '; filename="a.safetensors"'))

        def chunks() -> Iterator[bytes]:
            yield from (body[start : start + 1000] for start in range(0, len(body), 1000))

        assert client.post("/v1/plan", content=chunks(), headers=TYPE).status_code == 200
        assert left(folder) == []

    def test_of_a_process_that_died_are_gone_when_the_server_is_ready(
        self, small_server: tuple[httpx.Client, Path]
    ) -> None:
        assert not (small_server[1] / INCOMING / "of a process that died").exists()


class TestLimits:
    def test_of_a_body_are_kept(self, small_server: tuple[httpx.Client, Path]) -> None:
        client, folder = small_server
        answer = upload(client, NET, ("weights.safetensors", bytes(30_000)))

        assert code(answer) == (413, "body_too_large")
        assert answer.json()["limit_bytes"] == 20_000
        assert left(folder) == []

    def test_of_what_is_unpacked_are_kept(self, small_server: tuple[httpx.Client, Path]) -> None:
        packed = io.BytesIO()
        np.savez_compressed(packed, weight_ih_l0=np.zeros((60, 1000), np.float32))
        answer = upload(small_server[0], NET | {"input_size": 1000}, ("a.npz", packed.getvalue()))

        assert code(answer) == (413, "arrays_too_large")

    def test_of_the_store_are_kept_by_dropping_the_oldest(
        self, small_server: tuple[httpx.Client, Path]
    ) -> None:
        client, folder = small_server
        addresses = [
            upload(client, NET, ("w.safetensors", safetensors(gru(seed)))).headers[
                "content-location"
            ]
            for seed in range(3)
        ]

        assert [client.head(address).status_code for address in addresses] == [410, 200, 200]
        assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) <= 16_000


def test_a_server_without_a_folder_serves_all_the_rest(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        running(Settings(arrays_folder=tmp_path / "file")) as url,
        httpx.Client(base_url=url) as client,
    ):
        answer = upload(client, NET, ("bias_ih_l0", npy(np.zeros(60, "f4"))))

        assert code(answer) == (503, "store_unavailable")
        assert client.post("/v1/checkpoints", json=NET).status_code == 200


@pytest.mark.slow
def test_a_large_upload_takes_little_memory(tmp_path: Path) -> None:
    hidden = 2048
    wide = {"rnn_type": "rnn", "input_size": 16_384, "hidden_size": hidden, "bias": False}
    content = save({"weight_ih_l0": np.full((hidden, 16_384), 0.001, np.float32)})
    before = f"import os; os.environ['STEPZERO_ARRAYS_FOLDER'] = {str(tmp_path)!r}\n"
    with server_process(before) as served, httpx.Client(base_url=served.url, timeout=120) as client:
        upload(client, NET, ("w.safetensors", safetensors(gru())), path="/v1/plan")
        idle = resident_bytes(served.process.pid)
        answer = upload(client, wide, ("w.safetensors", content), path="/v1/plan")
        grown = resident_bytes(served.process.pid) - idle

    assert answer.status_code == 200, answer.text
    assert grown < 48 << 20 < len(content)
