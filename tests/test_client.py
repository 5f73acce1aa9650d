"""The client: what it sends, what it makes of answers, and that a download is whole or absent."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import torch

import app
from app.client import Client, file_path
from app.engine.catalogue import catalogue
from app.errors import (
    DeadOutput,
    DtypeNotInFormat,
    InvalidSpec,
    NonfiniteOutput,
    NotReady,
    StepZeroError,
    TransferError,
    UnknownFormat,
)
from app.formats import FORMATS
from app.spec.checkpoint import CheckSize, FormatName, Spec
from app.spec.recipe import encode_recipe

GRU: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
TOKEN = encode_recipe(Spec(rnn_type="gru", input_size=10, hidden_size=20))
FILE = bytes(range(256)) * 1000
HALF = len(FILE) // 2
ETAG = '"1-of-the-test"'


class Visit(BaseHTTPRequestHandler):
    """One request to the scripted server."""

    protocol_version = "HTTP/1.1"
    server: Script

    def do_GET(self) -> None:
        self.server.visits.append((self.path, dict(self.headers)))
        number = min(len(self.server.visits), len(self.server.answers)) - 1
        self.server.answers[number](self)

    def answer(self, status: int, headers: dict[str, str], body: bytes, *, sent: int = -1) -> None:
        """Announce `body`, send its first `sent` bytes (default all); hang up if sent is given."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if sent < 0 else body[:sent])
        self.close_connection = sent >= 0

    def log_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


Answer = Callable[[Visit], None]


class Script(ThreadingHTTPServer):
    """A server that gives one answer after another, then repeats the last."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.answers = answers
        self.visits: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(*answers: Answer) -> Iterator[Script]:
    with Script(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def served(*answers: Answer, retries: int = 2) -> Iterator[tuple[Client, Script]]:
    with (
        serving(*answers) as server,
        Client(server.url, timeout_s=5, retries=retries, backoff_s=0.001) as client,
    ):
        yield client, server


def whole(body: bytes = FILE, *, etag: str = ETAG, sent: int = -1, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda visit: visit.answer(200, {"ETag": etag} | named, body, sent=sent)


def ranged(body: bytes = FILE, *, etag: str = ETAG, sent: int = -1) -> Answer:
    """Answer as the service does: the range that was asked for if the tag is the file's."""

    def answer(visit: Visit) -> None:
        asked = visit.headers.get("Range")
        if asked is None or visit.headers.get("If-Range") != etag:
            return visit.answer(200, {"ETag": etag}, body, sent=sent)
        first = int(asked.removeprefix("bytes=").removesuffix("-"))
        content_range = f"bytes {first}-{len(body) - 1}/{len(body)}"
        headers = {"ETag": etag, "Content-Range": content_range}
        return visit.answer(206, headers, body[first:], sent=sent)

    return answer


def partial(content_range: str, body: bytes = FILE[HALF:], *, etag: str = ETAG) -> Answer:
    headers = {"ETag": etag, "Content-Range": content_range}
    return lambda visit: visit.answer(206, headers, body)


def problem(error: StepZeroError, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = {"Content-Type": "application/problem+json"} | named
    body = json.dumps(error.problem()).encode()
    return lambda visit: visit.answer(error.status, said, body)


def document(value: Any) -> Answer:
    body = json.dumps(value).encode()
    return lambda visit: visit.answer(200, {"Content-Type": "application/json"}, body)


def hang_up(visit: Visit) -> None:
    visit.close_connection = True


BUSY = NotReady(reason="it starts", retry_after_s=0)


def leave_part(path: Path, data: bytes, **notes: Any) -> None:
    """Leave behind what a killed download leaves behind."""
    known = {"url": file_path(Spec(**GRU), "pt"), "etag": ETAG, "size_bytes": len(FILE)}
    path.with_name(f"{path.name}.part").write_bytes(data)
    path.with_name(f"{path.name}.part.json").write_text(json.dumps(known | notes))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gru.pt"


class TestDownload:
    def test_saves_the_file_and_nothing_beside_it(self, path: Path) -> None:
        with served(whole()) as (client, _):
            saved = client.download(GRU, path)

        assert saved == path
        assert path.read_bytes() == FILE
        assert list(path.parent.iterdir()) == [path]

    def test_asks_for_the_permalink_without_any_encoding(self, path: Path) -> None:
        with served(whole()) as (client, server):
            client.download(GRU, path, format="bundle", device="cuda:1")

        [(address, headers)] = server.visits
        assert address.startswith(f"/v1/checkpoints/{TOKEN}/gru-10x20")
        assert address.endswith(".zip?device=cuda%3A1")
        assert headers["Accept-Encoding"] == "identity"

    def test_replaces_an_older_file(self, path: Path) -> None:
        path.write_bytes(b"older")

        with served(whole()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

    def test_reports_progress_up_to_the_whole_file(self, path: Path) -> None:
        seen: list[tuple[int, int]] = []

        with served(whole()) as (client, _):
            client.download(GRU, path, progress=lambda done, total: seen.append((done, total)))

        assert seen == sorted(seen)
        assert seen[-1] == (len(FILE), len(FILE))

    def test_goes_under_a_path_prefix_of_the_base_url(self, path: Path) -> None:
        with serving(whole()) as server, Client(f"{server.url}/models/") as client:
            client.download(GRU, path)

        assert server.visits[0][0].startswith("/models/v1/checkpoints/")


class TestABrokenDownload:
    def test_is_resumed_where_it_ended_if_the_file_is_the_same(self, path: Path) -> None:
        with served(ranged(sent=HALF), ranged()) as (client, server):
            client.download(GRU, path)

        assert path.read_bytes() == FILE
        assert server.visits[1][1]["Range"] == f"bytes={HALF}-"
        assert server.visits[1][1]["If-Range"] == ETAG

    def test_starts_over_when_the_server_sends_the_whole_file(self, path: Path) -> None:
        with served(whole(b"\0" * len(FILE), sent=HALF), whole()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

    def test_starts_over_when_the_file_has_another_tag(self, path: Path) -> None:
        first, second = b"\0" * len(FILE), FILE[:-1]

        with served(ranged(first, sent=HALF), ranged(second, etag='"2"')) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == second

    def test_starts_over_when_the_tag_is_weak(self, path: Path) -> None:
        with served(whole(etag='W/"1"', sent=HALF), whole()) as (client, server):
            client.download(GRU, path)

        assert "Range" not in server.visits[1][1]
        assert path.read_bytes() == FILE

    def test_gives_up_after_its_retries_and_keeps_the_part(self, path: Path) -> None:
        with (
            served(ranged(sent=HALF), hang_up, retries=3) as (client, server),
            pytest.raises(TransferError),
        ):
            client.download(GRU, path)

        assert len(server.visits) == 1 + 3
        assert not path.exists()
        assert path.with_name("gru.pt.part").read_bytes() == FILE[:HALF]

    def test_counts_retries_anew_after_every_byte_that_came(self, path: Path) -> None:
        with served(ranged(sent=len(FILE) // 8), retries=1) as (client, server):
            client.download(GRU, path)

        assert len(server.visits) == 8
        assert path.read_bytes() == FILE

    @pytest.mark.parametrize(
        "content_range",
        [
            "",
            "bytes */256000",
            f"bytes 0-{len(FILE) - 1}/{len(FILE)}",
            f"bytes {HALF + 1}-{len(FILE) - 1}/{len(FILE)}",
            f"bytes {HALF}-{len(FILE) - 2}/{len(FILE)}",
            f"bytes {HALF}-{len(FILE) - 1}/{len(FILE) + 1}",
            f"bytes {HALF}-{len(FILE) - 1}/*",
        ],
    )
    def test_is_not_continued_with_other_bytes(self, path: Path, content_range: str) -> None:
        with (
            served(ranged(sent=HALF), partial(content_range)) as (client, server),
            pytest.raises(TransferError, match="was asked for from byte 128000 of 256000"),
        ):
            client.download(GRU, path)

        assert len(server.visits) == 2
        assert not path.exists()

    def test_is_not_continued_with_another_tag(self, path: Path) -> None:
        other = partial(f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}", etag='"2"')

        with (
            served(ranged(sent=HALF), other) as (client, _),
            pytest.raises(TransferError, match="changed on the way"),
        ):
            client.download(GRU, path)

        assert not path.exists()

    def test_is_not_continued_past_its_end(self, path: Path) -> None:
        longer = partial(f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}", FILE[HALF:] + b"\0")

        with (
            served(ranged(sent=HALF), longer) as (client, _),
            pytest.raises(TransferError, match="is longer than was announced"),
        ):
            client.download(GRU, path)

        assert not path.exists()

    def test_goes_on_after_a_range_that_was_short(self, path: Path) -> None:
        short = partial(f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}", FILE[HALF : HALF + 9])

        with served(ranged(sent=HALF), short, ranged()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE


class TestAPartLeftBehind:
    def test_is_taken_up(self, path: Path) -> None:
        leave_part(path, FILE[:HALF])

        with served(ranged()) as (client, server):
            client.download(GRU, path)

        assert server.visits[0][1]["Range"] == f"bytes={HALF}-"
        assert path.read_bytes() == FILE
        assert list(path.parent.iterdir()) == [path]

    def test_needs_no_request_when_it_is_whole(self, path: Path) -> None:
        leave_part(path, FILE)

        with served(ranged()) as (client, server):
            client.download(GRU, path)

        assert server.visits == []
        assert path.read_bytes() == FILE

    @pytest.mark.parametrize(
        "notes",
        [{"url": "/another"}, {"etag": ""}, {"size_bytes": HALF - 1}, {"size_bytes": "many"}],
        ids=["another file", "no tag", "too long", "not a size"],
    )
    def test_is_dropped_when_its_notes_do_not_fit(self, path: Path, notes: dict[str, Any]) -> None:
        leave_part(path, b"\0" * HALF, **notes)

        with served(ranged()) as (client, server):
            client.download(GRU, path)

        assert "Range" not in server.visits[0][1]
        assert path.read_bytes() == FILE

    @pytest.mark.parametrize("notes", ["", "[]", "null", "{}", "not JSON"])
    def test_is_dropped_when_its_notes_cannot_be_read(self, path: Path, notes: str) -> None:
        leave_part(path, b"\0" * HALF)
        path.with_name("gru.pt.part.json").write_text(notes)

        with served(ranged()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

    def test_is_not_touched_while_another_download_writes_it(self, path: Path) -> None:
        reached, go_on = threading.Event(), threading.Event()

        def slow(visit: Visit) -> None:
            reached.set()
            go_on.wait(5)
            whole()(visit)

        with served(slow) as (client, _):
            first = threading.Thread(target=client.download, args=(GRU, path))
            first.start()
            assert reached.wait(5)
            with pytest.raises(TransferError, match="Another download writes"):
                client.download(GRU, path)
            go_on.set()
            first.join()

        assert path.read_bytes() == FILE


class TestAnAnswerThatIsNoFile:
    @pytest.mark.parametrize(
        "answer",
        [
            whole(Content_Type="text/html; charset=utf-8"),
            whole(Content_Encoding="gzip"),
            partial(f"bytes 0-{len(FILE) - 1}/{len(FILE)}", FILE),
            problem(DtypeNotInFormat(dtype="bfloat16", format="npz", reason="-", allowed=[])),
            lambda visit: visit.answer(500, {"Content-Type": "text/plain"}, b"oh"),
        ],
        ids=["a page", "compressed", "an unasked range", "a refusal", "a crash"],
    )
    def test_leaves_nothing_behind(self, path: Path, answer: Answer) -> None:
        with served(answer) as (client, server), pytest.raises(StepZeroError):
            client.download(GRU, path)

        assert len(server.visits) == 1
        assert list(path.parent.iterdir()) == []

    def test_is_one_without_a_length(self, path: Path) -> None:
        def endless(visit: Visit) -> None:
            visit.send_response(200)
            visit.send_header("Connection", "close")
            visit.end_headers()
            visit.wfile.write(FILE)
            visit.close_connection = True

        with (
            served(endless) as (client, _),
            pytest.raises(TransferError, match="without its length"),
        ):
            client.download(GRU, path)

        assert list(path.parent.iterdir()) == []


class TestRefusals:
    def test_of_the_server_are_the_librarys_errors(self) -> None:
        overflow = NonfiniteOutput(layer=3, reason="the output overflows")

        with (
            served(problem(overflow)) as (client, _),
            pytest.raises(NonfiniteOutput) as caught,
        ):
            client.summary(GRU)

        assert caught.value.detail == overflow.detail
        assert caught.value.facts == {"layer": 3, "reason": "the output overflows"}

    def test_of_a_spec_come_before_any_request(self) -> None:
        with served(document({})) as (client, server), pytest.raises(InvalidSpec) as caught:
            client.plan({"rnn_type": "gru", "input_size": 0, "hidden": 20})

        assert [error["pointer"] for error in caught.value.facts["errors"]] == [
            "/input_size",
            "/hidden_size",
            "/hidden",
        ]
        assert server.visits == []

    def test_of_a_format_come_before_any_request(self, path: Path) -> None:
        with served(document({})) as (client, server), pytest.raises(UnknownFormat):
            client.download(GRU, path, format=cast(Any, "h5"))

        assert server.visits == []

    @pytest.mark.parametrize(
        "base_url", ["", "localhost:8000", "ftp://there", "http://", "http://a:b"]
    )
    def test_of_an_address_come_at_once(self, base_url: str) -> None:
        with pytest.raises(TransferError, match="is not the address of a server"):
            Client(base_url)


class TestABusyServer:
    def test_is_asked_again(self) -> None:
        with served(problem(BUSY), problem(BUSY), document({})) as (client, server):
            assert client.devices() == {}

        assert len(server.visits) == 3

    def test_is_given_up_with_its_own_reason(self) -> None:
        with (
            served(problem(BUSY), retries=2) as (client, server),
            pytest.raises(NotReady, match="it starts"),
        ):
            client.devices()

        assert len(server.visits) == 1 + 2

    def test_says_how_long_to_wait(self) -> None:
        later = problem(BUSY, Retry_After="0")

        # The client's own wait would exceed any patience with a test.
        with serving(later, document({})) as server, Client(server.url, backoff_s=1e6) as client:
            assert client.devices() == {}


class TestAnUnreachableServer:
    def test_is_a_transfer_error_that_names_it(self) -> None:
        with serving() as server:
            url = server.url

        with (
            Client(url, retries=1, backoff_s=0.001) as client,
            pytest.raises(TransferError, match=re.escape(url)) as caught,
        ):
            client.devices()

        assert not isinstance(caught.value, httpx.HTTPError)

    def test_is_found_once_it_is_back(self) -> None:
        with served(hang_up, document({"back": True})) as (client, _):
            assert client.devices() == {"back": True}

    def test_keeps_a_password_in_its_address_to_itself(self) -> None:
        with serving() as server:
            url = server.url.replace("//", "//user:secret@")

        with Client(url, retries=0) as client, pytest.raises(TransferError) as caught:
            client.devices()

        assert "secret" not in str(caught.value)


class TestDocuments:
    @pytest.mark.parametrize("ask", [Client.devices, Client.initializers])
    @pytest.mark.parametrize("body", [b"[]", b"oh", b"\xff", b""])
    def test_that_are_no_json_objects_are_transfer_errors(
        self, ask: Callable[[Client], Any], body: bytes
    ) -> None:
        with served(whole(body)) as (client, _), pytest.raises(TransferError):
            ask(client)

    def test_of_other_refusals_are_transfer_errors_with_the_status(self) -> None:
        def teapot(visit: Visit) -> None:
            visit.answer(418, {"Content-Type": "application/problem+json"}, b"[]")

        with (
            served(teapot) as (client, _),
            pytest.raises(TransferError, match="answered with status 418") as caught,
        ):
            client.devices()

        assert caught.value.facts["answered"] == 418

    def test_about_a_check_carry_its_size_and_device(self) -> None:
        with served(document({})) as (client, server):
            client.summary(Spec(**GRU), check=CheckSize(seq_len=7, batch=2), device="cpu")

        [(address, _)] = server.visits
        assert address == f"/v1/checkpoints/{TOKEN}/summary?device=cpu&seq_len=7&batch=2"

    def test_about_a_plan_are_at_the_checkpoints_own_address(self) -> None:
        with served(document({"parameters": 1920})) as (client, server):
            assert client.plan(GRU) == {"parameters": 1920}

        assert server.visits[0][0] == f"/v1/checkpoints/{TOKEN}"


class TestTheService:
    """What the scripted server stands in for, asked for real."""

    @pytest.mark.parametrize("name", list(FORMATS))
    def test_sends_every_format_as_planned(
        self, server_url: str, path: Path, name: FormatName
    ) -> None:
        with Client(server_url) as client:
            client.download(GRU, path, format=name)
            planned = client.plan(GRU)["files"][name]

        assert path.stat().st_size == planned["size_bytes"]

    def test_sends_what_the_library_draws(self, server_url: str, path: Path) -> None:
        with Client(server_url) as client:
            client.download(GRU, path)

        drawn = torch.load(path, weights_only=True)
        expected = app.state_dict(GRU)
        assert list(drawn) == list(expected)
        assert all(torch.equal(drawn[name], expected[name]) for name in expected)

    def test_continues_a_part_byte_for_byte(self, server_url: str, tmp_path: Path) -> None:
        whole_path, path = tmp_path / "whole.pt", tmp_path / "gru.pt"
        with Client(server_url) as client:
            client.download(GRU, whole_path)
            expected = whole_path.read_bytes()
            etag = client.plan(GRU)["files"]["pt"]["etag"]
            leave_part(path, expected[:5000], etag=etag, size_bytes=len(expected))
            seen: list[tuple[int, int]] = []
            client.download(GRU, path, progress=lambda *now: seen.append(now))

        assert path.read_bytes() == expected
        assert seen[0][0] > 5000

    def test_tells_statistics_schemes_and_devices(self, server_url: str) -> None:
        with Client(server_url) as client:
            assert client.summary(GRU, check=CheckSize(seq_len=3, batch=2))["forward"][
                "output_shape"
            ] == [3, 2, 20]
            assert client.initializers() == catalogue()
            assert client.devices()["devices"]

    def test_refuses_as_the_library_does(self, server_url: str, path: Path) -> None:
        dead = GRU | {"init": "zeros"}

        with pytest.raises(DeadOutput) as here:
            app.check(dead)
        with Client(server_url) as client, pytest.raises(DeadOutput) as there:
            client.download(dead, path)

        assert (there.value.code, there.value.detail) == (here.value.code, here.value.detail)
        assert list(path.parent.iterdir()) == []
