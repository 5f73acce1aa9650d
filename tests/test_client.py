"""The client: what it sends, what it makes of answers, and that a download is whole or absent."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stepzero_rnn
from stepzero_rnn.client import Client, file_path
from stepzero_rnn.client.session import MAX_DOCUMENT_BYTES
from stepzero_rnn.errors import (
    DeadOutput,
    DtypeNotInFormat,
    FormatMismatch,
    InvalidSpec,
    NonfiniteOutput,
    NotReady,
    StepZeroError,
    TransferError,
    Unauthenticated,
    UnknownFormat,
)
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.catalogue import catalogue
from stepzero_rnn.spec.checkpoint import CheckSize, FormatName, Serving, Spec
from stepzero_rnn.spec.recipe import encode_recipe
from tests.api.asking import FORMAT_NAMES
from tests.awaiting import AwaitingClient
from tests.scripted import (
    BUSY,
    ETAG,
    FILE,
    GRU,
    HALF,
    TOKEN,
    Answer,
    Script,
    Visit,
    crc32,
    document,
    hang_up,
    leave_part,
    partial,
    problem,
    ranged,
    serving,
    whole,
)

AnyClient = Client | AwaitingClient
KIND: ContextVar[type[AnyClient]] = ContextVar("KIND", default=Client)


@pytest.fixture(scope="module", params=[Client, AwaitingClient], ids=["blocking", "async"])
def _kind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ask by each of the two clients."""
    token = KIND.set(request.param)
    yield
    KIND.reset(token)


pytestmark = pytest.mark.usefixtures("_kind")


def client_of(url: str, **options: Any) -> AnyClient:
    return KIND.get()(url, **options)


@contextmanager
def served(*answers: Answer, retries: int = 2) -> Iterator[tuple[AnyClient, Script]]:
    with (
        serving(*answers) as server,
        client_of(server.url, timeout_s=5, retries=retries, backoff_s=0.001) as client,
    ):
        yield client, server


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
        bundle = plan_job(Spec(**GRU), "bundle", Serving(), Limits.none())
        answer = whole(bytes(bundle.size_bytes), etag=bundle.etag)

        with served(answer) as (client, server):
            client.download(GRU, path.with_suffix(".zip"), format="bundle", device="cuda:1")

        [(address, headers)] = server.visits
        assert address.startswith(f"/v1/checkpoints/{TOKEN}/gru-10x20")
        assert address.endswith(".zip?device=cuda%3A1")
        assert headers["Accept-Encoding"] == "identity"

    def test_replaces_an_older_file(self, path: Path) -> None:
        path.write_bytes(b"older")

        with served(whole()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

    def test_writes_into_a_pipe_and_leaves_it(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with served(whole()) as (client, _), ThreadPoolExecutor() as pool:
            read = pool.submit(pipe.read_bytes)
            client.download(GRU, pipe)

            assert read.result() == FILE
        assert [path.is_fifo() for path in tmp_path.iterdir()] == [True]

    def test_reports_progress_up_to_the_whole_file(self, path: Path) -> None:
        seen: list[tuple[int, int]] = []

        with served(whole()) as (client, _):
            client.download(GRU, path, progress=lambda done, total: seen.append((done, total)))

        assert seen == sorted(seen)
        assert seen[-1] == (len(FILE), len(FILE))

    def test_goes_under_a_path_prefix_of_the_base_url(self, path: Path) -> None:
        with serving(whole()) as server, client_of(f"{server.url}/models/") as client:
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
        tied = GRU | {"init": "numpy_randn"}  # to the version of NumPy that the server has
        size = plan_job(Spec(**tied), "pt", Serving(), Limits.none()).size_bytes
        first, second = b"\0" * size, b"\1" * size

        with served(ranged(first, etag='"1"', sent=HALF), ranged(second, etag='"2"')) as (
            client,
            _,
        ):
            client.download(tied, path)

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
        with served(ranged(sent=-(-len(FILE) // 8)), retries=1) as (client, server):
            client.download(GRU, path)

        assert len(server.visits) == 8
        assert path.read_bytes() == FILE

    @pytest.mark.parametrize(
        "content_range",
        [
            "",
            f"bytes */{len(FILE)}",
            f"bytes 0-{len(FILE) - 1}/{len(FILE)}",
            f"bytes {HALF + 1}-{len(FILE) - 1}/{len(FILE)}",
            f"bytes {HALF}-{len(FILE) - 2}/{len(FILE)}",
            f"bytes {HALF}-{len(FILE) - 1}/{len(FILE) + 1}",
            f"bytes {HALF}-{len(FILE) - 1}/*",
            f"bytes {HALF}-{len(FILE) - 1}/{'9' * 5000}",
        ],
    )
    def test_is_not_continued_with_other_bytes_but_begun_again(
        self, path: Path, content_range: str
    ) -> None:
        with served(ranged(sent=HALF), partial(content_range), whole()) as (client, server):
            client.download(GRU, path)

        assert "Range" not in server.visits[2][1]
        assert path.read_bytes() == FILE

    def test_is_not_begun_with_a_range(self, path: Path) -> None:
        other = partial(f"bytes {HALF + 1}-{len(FILE) - 1}/{len(FILE)}")

        with (
            served(ranged(sent=HALF), other) as (client, server),
            pytest.raises(TransferError, match=f"was requested from byte 0 of {len(FILE)}, but"),
        ):
            client.download(GRU, path)

        assert len(server.visits) == 3
        assert list(path.parent.iterdir()) == []

    def test_is_not_continued_with_another_tag(self, path: Path) -> None:
        other = partial(f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}", etag='"2"')

        with served(ranged(sent=HALF), other, whole()) as (client, server):
            client.download(GRU, path)

        assert "Range" not in server.visits[2][1]
        assert path.read_bytes() == FILE

    def test_is_not_continued_past_its_end(self, path: Path) -> None:
        longer = partial(f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}", FILE[HALF:] + b"\0")

        with served(ranged(sent=HALF), longer, whole()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

    def test_is_not_taken_for_whole_when_a_range_comes_as_all(self, path: Path) -> None:
        def mangled(visit: Visit) -> None:
            headers = {"ETag": ETAG, "Content-Range": f"bytes {HALF}-{len(FILE) - 1}/{len(FILE)}"}
            visit.answer(200, headers, FILE[HALF:])

        with served(ranged(sent=HALF), mangled, whole()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

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

    @pytest.mark.parametrize("suffix", [".part", ".part.json"])
    @pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
    def test_is_never_a_link_to_something_else(
        self, path: Path, suffix: str, link: Callable[[Path, Path], None]
    ) -> None:
        other = path.with_name("other")
        other.write_bytes(b"mine")
        leave_part(path, b"")
        path.with_name(f"gru.pt{suffix}").unlink()
        link(path.with_name(f"gru.pt{suffix}"), other)

        with served(ranged()) as (client, _):
            client.download(GRU, path)

        assert other.read_bytes() == b"mine"
        assert path.read_bytes() == FILE
        assert not path.is_symlink()
        assert sorted(path.parent.iterdir()) == [path, other]

    def test_does_not_make_what_a_dangling_link_names(self, path: Path) -> None:
        path.with_name("gru.pt.part").symlink_to("other")

        with served(ranged()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("suffix", [".part", ".part.json"])
    def test_is_no_pipe(self, path: Path, suffix: str) -> None:
        leave_part(path, FILE[:HALF])
        path.with_name(f"gru.pt{suffix}").unlink()
        os.mkfifo(path.with_name(f"gru.pt{suffix}"))

        with served(ranged()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE
        assert list(path.parent.iterdir()) == [path]

    def test_that_is_a_folder_is_named(self, path: Path) -> None:
        path.with_name("gru.pt.part").mkdir()

        with (
            served(ranged()) as (client, _),
            pytest.raises(TransferError, match=r"gru\.pt\.part, but that is a folder"),
        ):
            client.download(GRU, path)


class TestProof:
    @given(data=st.data())
    @settings(max_examples=25, deadline=None)
    def test_finds_whatever_byte_of_a_part_was_altered(self, data: st.DataObject) -> None:
        here = data.draw(st.integers(1, len(FILE)), label="bytes here")
        place = data.draw(st.integers(0, here - 1), label="place")
        altered = bytearray(FILE[:here])
        altered[place] ^= data.draw(st.integers(1, 255), label="bits")

        with tempfile.TemporaryDirectory() as folder, served(ranged()) as (client, _):
            path = Path(folder, "gru.pt")
            leave_part(path, bytes(altered))
            client.download(GRU, path)

            assert path.read_bytes() == FILE

    def test_fetches_again_what_was_altered_on_the_way(self, path: Path) -> None:
        altered = whole(FILE[:-1] + b"\0", Stepzero_Crc32=crc32(FILE))

        with served(altered, whole()) as (client, _):
            client.download(GRU, path)

        assert path.read_bytes() == FILE

    def test_gives_up_after_its_retries_saying_what_was_expected(self, path: Path) -> None:
        altered = whole(b"\0" * len(FILE), Stepzero_Crc32=crc32(FILE))

        with (
            served(altered, retries=2) as (client, server),
            pytest.raises(TransferError, match=f"should have the checksum crc32:{crc32(FILE)}"),
        ):
            client.download(GRU, path)

        assert len(server.visits) == 1 + 2
        assert list(path.parent.iterdir()) == []

    def test_is_the_digest_where_no_crc_is_told(self, path: Path) -> None:
        digest = base64.b64encode(hashlib.sha256(FILE).digest()).decode()
        told = f"sha-256=:{digest}:"
        wrong = whole(b"\0" * len(FILE), Stepzero_Crc32="", Repr_Digest=told)
        right = whole(Stepzero_Crc32="", Repr_Digest=told)

        with served(wrong, right) as (client, server):
            client.download(GRU, path)

        assert len(server.visits) == 2
        assert path.read_bytes() == FILE

    def test_is_asked_for_where_none_is_told(self, path: Path) -> None:
        digest = base64.b64encode(hashlib.sha256(FILE).digest()).decode()
        head = whole(Stepzero_Crc32="", Repr_Digest=f"sha-256=:{digest}:")

        with served(whole(Stepzero_Crc32=""), head) as (client, server):
            client.download(GRU, path)

        assert server.visits[1][1]["Want-Repr-Digest"] == "sha-256=1"
        assert path.read_bytes() == FILE

    def test_is_demanded(self, path: Path) -> None:
        with (
            served(whole(Stepzero_Crc32="")) as (client, _),
            pytest.raises(TransferError, match="nothing proves its bytes"),
        ):
            client.download(GRU, path)

        assert not path.exists()

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (whole(etag='"1-another"'), "should have the tag"),
            (
                whole(FILE[:-1]),
                f"should have {len(FILE)} bytes, but {len(FILE) - 1} were announced",
            ),
        ],
        ids=["tag", "size"],
    )
    def test_begins_with_what_the_recipe_tells(self, path: Path, answer: Answer, said: str) -> None:
        with (
            served(answer) as (client, server),
            pytest.raises(TransferError, match=re.escape(said)),
        ):
            client.download(GRU, path)

        assert len(server.visits) == 1


class TestWhatIsKept:
    def test_is_named_in_the_error(self, path: Path) -> None:
        with (
            served(ranged(sent=HALF), hang_up, retries=0) as (client, _),
            pytest.raises(TransferError) as caught,
        ):
            client.download(GRU, path)

        assert caught.value.facts == {
            "part": f"{path}.part",
            "here_bytes": HALF,
            "size_bytes": len(FILE),
        }
        assert caught.value.__notes__ == [
            f"{path}.part keeps {HALF} of {len(FILE)} bytes; the same download goes on from there."
        ]

    def test_is_taken_up_after_an_interrupt(self, path: Path) -> None:
        def interrupt(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with (
            serving(ranged(sent=HALF), ranged()) as server,
            Client(server.url) as client,  # a loop that is interrupted cancels: see below
        ):
            with pytest.raises(KeyboardInterrupt) as caught:
                client.download(GRU, path, progress=interrupt)
            client.download(GRU, path)

        kept = int(server.visits[1][1]["Range"].removeprefix("bytes=").removesuffix("-"))
        assert caught.value.__notes__ == [
            f"{path}.part keeps {kept} of {len(FILE)} bytes; the same download goes on from there."
        ]
        assert path.read_bytes() == FILE

    def test_is_nothing_that_cannot_be_taken_up(self, path: Path) -> None:
        with (
            served(whole(etag='W/"1"', sent=HALF), hang_up, retries=0) as (client, _),
            pytest.raises(TransferError),
        ):
            client.download(GRU, path)

        assert list(path.parent.iterdir()) == []


class TestTheFormat:
    def test_is_what_the_suffix_says(self, path: Path) -> None:
        with served(document({})) as (client, server), pytest.raises(TransferError):
            client.download(GRU, path.with_suffix(".safetensors"))

        assert server.visits[0][0].endswith(".safetensors")

    @pytest.mark.parametrize("spec", [GRU, GRU | {"format": "npz"}], ids=["argument", "spec"])
    def test_named_against_the_suffix_is_refused(self, path: Path, spec: dict[str, Any]) -> None:
        named: FormatName | None = None if "format" in spec else "npz"

        with (
            served(document({})) as (client, server),
            pytest.raises(
                FormatMismatch, match=r"gru\.pt means pt, but the requested format is npz"
            ),
        ):
            client.download(spec, path, format=named)

        assert server.visits == []


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
            client_of(base_url)


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

    @pytest.mark.parametrize("body", [b"", b"{}", b"not JSON"])
    def test_is_asked_again_when_its_problem_tells_nothing(self, body: bytes) -> None:
        said = {"Content-Type": "application/problem+json"}

        def busy(visit: Visit) -> None:
            visit.answer(503, said, body)

        with served(busy, document({})) as (client, server):
            assert client.devices() == {}

        assert len(server.visits) == 2

    def test_is_asked_again_for_the_checksum(self, path: Path) -> None:
        digest = base64.b64encode(hashlib.sha256(FILE).digest()).decode()
        head = whole(Stepzero_Crc32="", Repr_Digest=f"sha-256=:{digest}:")

        with served(whole(Stepzero_Crc32=""), problem(BUSY), head) as (client, server):
            client.download(GRU, path)

        assert len(server.visits) == 3
        assert path.read_bytes() == FILE

    def test_says_how_long_to_wait(self) -> None:
        later = problem(BUSY, Retry_After="0")

        # The client's own wait would exceed any patience with a test.
        with serving(later, document({})) as server, client_of(server.url, backoff_s=1e6) as client:
            assert client.devices() == {}

    @pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
    def test_is_one_that_answers_so(self, status: int) -> None:
        def busy(visit: Visit) -> None:
            visit.answer(status, {"Content-Type": "text/html"}, b"later")

        with served(busy, document({})) as (client, server):
            assert client.devices() == {}

        assert len(server.visits) == 2

    def test_says_how_long_to_wait_by_a_date(self) -> None:
        later = problem(BUSY, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")

        with serving(later, document({})) as server, client_of(server.url, backoff_s=1e6) as client:
            assert client.devices() == {}

    def test_is_given_up_when_it_asks_for_more_than_two_minutes(self) -> None:
        with (
            served(problem(BUSY, Retry_After="121")) as (client, server),
            pytest.raises(NotReady),
        ):
            client.devices()

        assert len(server.visits) == 1

    def test_is_sent_an_upload_again(self) -> None:
        named = document({"recipe": TOKEN})

        with served(problem(BUSY), named) as (client, server):
            client.with_arrays(GRU, {"weight_ih_l0": np.zeros((60, 10), np.float32)})

        assert len(server.visits) == 2


class TestAKey:
    def test_is_not_sent_to_another_origin(self) -> None:
        with serving(document({"here": 1})) as other:

            def elsewhere(visit: Visit) -> None:
                visit.answer(307, {"Location": f"{other.url}{visit.path}"}, b"")

            with serving(elsewhere) as server, client_of(server.url, api_key="secret") as client:
                assert client.devices() == {"here": 1}

        assert server.visits[0][1]["Authorization"] == "Bearer secret"
        assert "Authorization" not in other.visits[0][1]

    @pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
    def test_that_no_header_can_hold_is_refused(self, key: str) -> None:
        with pytest.raises(TransferError, match="holds characters that no key has"):
            client_of("http://localhost", api_key=key)


class TestAnUnreachableServer:
    def test_is_told_of_before_each_new_attempt(self) -> None:
        told: list[str] = []
        with (
            serving(problem(BUSY), document({})) as server,
            client_of(server.url, backoff_s=1e-3, on_wait=told.append) as client,
        ):
            client.devices()

        assert len(told) == 1
        assert "it starts" in told[0]
        assert " Trying again in " in told[0]

    def test_is_a_transfer_error_that_names_it(self) -> None:
        with serving() as server:
            url = server.url

        with (
            client_of(url, retries=1, backoff_s=0.001) as client,
            pytest.raises(TransferError, match=re.escape(url)) as caught,
        ):
            client.devices()

        assert not isinstance(caught.value, httpx.HTTPError)

    def test_is_found_once_it_is_back(self) -> None:
        with served(hang_up, document({"back": True})) as (client, _):
            assert client.devices() == {"back": True}

    def test_is_one_that_leads_round_in_circles(self) -> None:
        def round_about(visit: Visit) -> None:
            visit.answer(307, {"Location": visit.path}, b"")

        with (
            served(round_about) as (client, _),
            pytest.raises(TransferError, match=r"redirects\.$"),
        ):
            client.devices()

    def test_keeps_a_password_in_its_address_to_itself(self) -> None:
        with serving() as server:
            url = server.url.replace("//", "//user:secret@")

        with client_of(url, retries=0) as client, pytest.raises(TransferError) as caught:
            client.devices()

        assert "secret" not in str(caught.value)


class TestDocuments:
    @pytest.mark.parametrize("ask", ["devices", "initializers"])
    @pytest.mark.parametrize("body", [b"[]", b"oh", b"\xff", b"", b"[" * 100_000])
    def test_that_are_no_json_objects_are_transfer_errors(self, ask: str, body: bytes) -> None:
        with served(whole(body)) as (client, _), pytest.raises(TransferError):
            getattr(client, ask)()

    def test_of_other_refusals_are_transfer_errors_with_the_status(self) -> None:
        def teapot(visit: Visit) -> None:
            visit.answer(418, {"Content-Type": "application/problem+json"}, b"[]")

        with (
            served(teapot) as (client, _),
            pytest.raises(TransferError, match="answered with status 418") as caught,
        ):
            client.devices()

        assert caught.value.facts["answered"] == 418

    def test_that_a_refused_head_lacks_leave_the_status(self, path: Path) -> None:
        with (
            served(whole(Stepzero_Crc32=""), problem(Unauthenticated(given=False))) as (client, _),
            pytest.raises(TransferError, match="answered with status 401"),
        ):
            client.download(GRU, path)

    def test_without_an_end_are_not_read_to_it(self) -> None:
        with (
            served(whole(b" " * (MAX_DOCUMENT_BYTES + 1))) as (client, _),
            pytest.raises(TransferError, match="exceeds the 67108864 bytes"),
        ):
            client.devices()

    def test_of_a_refusal_may_have_any_members(self) -> None:
        def odd(visit: Visit) -> None:
            body = b'{"code": 7, "self": 1, "cls": 2, "detail": "odd"}'
            visit.answer(422, {"Content-Type": "application/problem+json"}, body)

        with served(odd) as (client, _), pytest.raises(StepZeroError, match="odd"):
            client.devices()

    def test_of_an_upload_name_the_network_that_was_sent(self) -> None:
        other = encode_recipe(Spec(rnn_type="gru", input_size=10, hidden_size=20, seed=1))

        with (
            served(document({"recipe": other})) as (client, _),
            pytest.raises(TransferError, match="of another network"),
        ):
            client.with_arrays(GRU, {"weight_ih_l0": np.zeros((60, 10), np.float32)})

    def test_about_a_check_carry_its_size_and_device(self) -> None:
        with served(document({})) as (client, server):
            client.summary(Spec(**GRU), check=CheckSize(seq_len=7, batch=2), device="cpu")

        [(address, _)] = server.visits
        assert address == f"/v1/checkpoints/{TOKEN}/summary?device=cpu&seq_len=7&batch=2"

    @pytest.mark.parametrize(
        ("asked", "query"), [(None, ""), ({"seq_len": 7}, "&seq_len=7"), ({"batch": 2}, "&batch=2")]
    )
    def test_about_a_check_carry_only_the_sizes_that_were_asked_for(
        self, asked: dict[str, int] | None, query: str
    ) -> None:
        with served(document({})) as (client, server):
            client.summary(GRU, check=CheckSize(**asked) if asked else None)

        [(address, _)] = server.visits
        assert address == f"/v1/checkpoints/{TOKEN}/summary?device=auto{query}"

    def test_about_a_plan_are_at_the_checkpoints_own_address(self) -> None:
        with served(document({"parameters": 1920})) as (client, server):
            assert client.plan(GRU) == {"parameters": 1920}

        assert server.visits[0][0] == f"/v1/checkpoints/{TOKEN}"


class TestTheService:
    """What the scripted server stands in for, asked for real."""

    @pytest.mark.parametrize("name", FORMAT_NAMES)
    def test_sends_every_format_as_planned(
        self, server_url: str, path: Path, name: FormatName
    ) -> None:
        with client_of(server_url) as client:
            client.download(GRU, path.with_suffix(""), format=name)
            planned = client.plan(GRU)["files"][name]

        assert path.with_suffix("").stat().st_size == planned["size_bytes"]

    def test_sends_what_the_library_draws(self, server_url: str, path: Path) -> None:
        with client_of(server_url) as client:
            client.download(GRU, path)

        drawn = torch.load(path, weights_only=True)
        expected = stepzero_rnn.state_dict(GRU)
        assert list(drawn) == list(expected)
        assert all(torch.equal(drawn[name], expected[name]) for name in expected)

    def test_continues_a_part_byte_for_byte(self, server_url: str, tmp_path: Path) -> None:
        whole_path, path = tmp_path / "whole.pt", tmp_path / "gru.pt"
        with client_of(server_url) as client:
            client.download(GRU, whole_path)
            expected = whole_path.read_bytes()
            etag = client.plan(GRU)["files"]["pt"]["etag"]
            leave_part(path, expected[:5000], etag=etag, checksum=f"crc32:{crc32(expected)}")
            seen: list[tuple[int, int]] = []
            client.download(GRU, path, progress=lambda *now: seen.append(now))

        assert path.read_bytes() == expected
        assert seen[0][0] > 5000

    @pytest.mark.parametrize("name", FORMAT_NAMES)
    def test_proves_a_part_that_was_altered_in_every_format(
        self, server_url: str, path: Path, name: FormatName
    ) -> None:
        path = path.with_suffix("")
        large = {"rnn_type": "gru", "input_size": 100, "hidden_size": 100}
        with client_of(server_url) as client:
            expected = client.download(large, path, format=name).read_bytes()
            altered = bytearray(expected[:65536])
            altered[-9] ^= 1
            leave_part(
                path,
                altered,
                url=file_path(Spec(**cast(Any, large)), name),
                etag=client.plan(large)["files"][name]["etag"],
                size_bytes=len(expected),
                checksum="",
            )
            client.download(large, path, format=name)

        assert path.read_bytes() == expected

    def test_tells_statistics_schemes_and_devices(self, server_url: str) -> None:
        with client_of(server_url) as client:
            assert client.summary(GRU, check=CheckSize(seq_len=3, batch=2))["forward"][
                "output_shape"
            ] == [3, 2, 20]
            assert client.initializers() == catalogue()
            assert client.devices()["devices"]

    def test_refuses_as_the_library_does(self, server_url: str, path: Path) -> None:
        dead = GRU | {"init": "zeros"}

        with pytest.raises(DeadOutput) as here:
            stepzero_rnn.check(dead)
        with client_of(server_url) as client, pytest.raises(DeadOutput) as there:
            client.download(dead, path)

        assert (there.value.code, there.value.detail) == (here.value.code, here.value.detail)
        assert list(path.parent.iterdir()) == []
