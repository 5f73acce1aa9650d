"""The store: files under their sha256, the oldest out first, whole or not at all, and a bucket
behind it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from stepzero_rnn.errors import ArraysGone, ArraysTooLarge, StoreUnavailable
from stepzero_rnn.uploads.bucket import ObjectBucket
from stepzero_rnn.uploads.eviction import SUFFIX
from stepzero_rnn.uploads.store import INCOMING, Store
from tests.service.scarce import no_more_files

SIZE = len(save({"a": np.zeros(1000, np.float32)}))
LIMIT = 3 * SIZE


def kept(store: Store, value: float, caller: str = "", size: int = 1000) -> str:
    """Keep a small file of arrays; give its sha256."""
    content = save({"a": np.full(size, value, np.float32)})
    sha256 = hashlib.sha256(content).hexdigest()
    with store.incoming(caller) as incoming:
        incoming.claim(len(content))
        (incoming.path / "made").write_bytes(content)
        incoming.keep(incoming.path / "made", sha256)
    return sha256


def value_in(store: Store, sha256: str) -> float:
    """Read a file's first number."""
    with store.open(sha256) as stored:
        return float(stored.read("a", 0, 1)[0])


def there(store: Store) -> set[str]:
    """List the files that are kept."""
    return {path.name.removesuffix(SUFFIX) for path in store.folder.glob("*" + SUFFIX)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "arrays", LIMIT)


class TestFiles:
    def test_are_found_by_their_sha256(self, store: Store) -> None:
        one, other = kept(store, 1), kept(store, 2)

        assert (value_in(store, one), value_in(store, other)) == (1, 2)

    def test_that_are_kept_twice_are_one(self, store: Store) -> None:
        assert kept(store, 1) == kept(store, 1)
        assert len(there(store)) == 1

    def test_are_shared_by_processes(self, store: Store) -> None:
        assert value_in(Store(store.folder, LIMIT), kept(store, 3)) == 3

    def test_that_are_not_there_are_gone(self, store: Store) -> None:
        with pytest.raises(ArraysGone, match="0" * 64):
            store.open("0" * 64)
        with pytest.raises(ArraysGone):
            store.require("0" * 64)

    def test_that_were_altered_are_gone_and_never_other_weights(self, store: Store) -> None:
        sha256 = kept(store, 1)
        path = store.folder / (sha256 + SUFFIX)
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")

        for reader in (store, Store(store.folder, LIMIT)):
            with pytest.raises(ArraysGone):
                reader.open(sha256)
        assert there(store) == set()

    def test_are_read_to_the_end_by_who_has_opened_them(self, store: Store) -> None:
        sha256 = kept(store, 5)
        with store.open(sha256) as stored:
            for path in store.folder.glob("*" + SUFFIX):
                path.unlink()

            assert stored.read("a", 999, 1000).tolist() == [5]

    @pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
    def test_that_are_no_files_are_unavailable_at_once(self, store: Store, kind: str) -> None:
        sha256 = kept(store, 1)
        path = store.folder / (sha256 + SUFFIX)
        path.unlink()
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case _:
                path.symlink_to(path)

        for ask in (store.open, store.require):
            with pytest.raises(StoreUnavailable):
                ask(sha256)
        assert os.path.lexists(path)

    def test_that_cannot_be_opened_now_are_not_gone(self, store: Store) -> None:
        sha256 = kept(store, 1)
        for ask in (store.open, store.require):
            with no_more_files(), pytest.raises(StoreUnavailable, match="Too many open files"):
                ask(sha256)

        assert value_in(store, sha256) == 1


class TestRoom:
    def test_is_made_by_dropping_the_oldest(self, store: Store) -> None:
        names = [kept(store, value) for value in range(5)]

        assert there(store) == {*names[2:]}

    def test_is_not_made_by_dropping_what_was_used_just_now(self, store: Store) -> None:
        names = [kept(store, value) for value in range(3)]
        store.open(names[0]).close()
        fourth = kept(store, 3)

        assert there(store) == {names[0], names[2], fourth}

    def test_is_made_by_who_keeps_most(self, store: Store) -> None:
        first = kept(store, 1, "alice")
        others = [kept(store, value, "bob") for value in range(2, 6)]

        assert there(store) == {first, *others[2:]}

    def test_is_not_made_by_who_keeps_less_than_is_asked(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "arrays", LIMIT)
        names = {kept(store, 1, "alice"), kept(store, 2, "carol")}
        with pytest.raises(StoreUnavailable, match="other clients leave too little space"):
            kept(store, 3, "bob", size=2000)

        assert there(store) == names

    def test_for_this_machines_own_user_is_made_by_the_oldest_of_all(self, store: Store) -> None:
        kept(store, 1, "alice")
        names = {kept(store, value) for value in range(2, 5)}

        assert there(store) == names

    def test_notes_nobody_by_name_and_forgets_with_the_file(self, store: Store) -> None:
        for value in range(5):
            kept(store, value, "host 192.0.2.7")
        notes = [*store.folder.glob("*.caller")]

        assert {path.stem for path in notes} == there(store)
        assert not any(b"192.0.2.7" in path.read_bytes() for path in notes)

    def test_for_one_file_is_never_more_than_all_of_it(self, tmp_path: Path) -> None:
        small = Store(tmp_path, SIZE - 1)
        with pytest.raises(ArraysTooLarge):
            kept(small, 1)

        assert there(small) == set()


class TestIncoming:
    def test_leaves_nothing_behind(self, store: Store) -> None:
        def fail() -> None:
            with store.incoming() as incoming:
                (incoming.path / "half").write_bytes(b"half")
                raise KeyError

        with pytest.raises(KeyError):
            fail()

        assert [*(store.folder / INCOMING).iterdir()] == []

    @pytest.mark.parametrize(
        ("number", "raised"), [(errno.ENOSPC, StoreUnavailable), (errno.EIO, OSError)]
    )
    def test_tells_a_full_disk_from_a_broken_one(
        self, store: Store, number: int, raised: type[Exception]
    ) -> None:
        def fail() -> None:
            with store.incoming():
                raise OSError(number, "said by the system")

        with pytest.raises(raised):
            fail()

    def test_makes_room_once_on_a_disk_that_is_full(self, store: Store) -> None:
        kept(store, 1)
        tries: list[set[str]] = []

        def fail(times: int) -> int:
            tries.append(there(store))
            if len(tries) <= times:
                raise OSError(errno.ENOSPC, "No space left on device")
            return 7

        with store.incoming() as incoming:
            assert incoming.write(lambda: fail(1)) == 7
        assert [len(names) for names in tries] == [1, 0]

        with pytest.raises(StoreUnavailable, match="the disk is full"), store.incoming() as again:
            again.write(lambda: fail(9))

    def test_drops_what_a_process_that_was_killed_has_left(self, store: Store) -> None:
        dying = (
            "import os, pathlib, sys; from stepzero_rnn.uploads.store import Store\n"
            "with Store(pathlib.Path(sys.argv[1]), 1 << 30).incoming() as incoming:\n"
            "    (incoming.path / 'half').write_bytes(b'half')\n"
            "    os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", dying, store.folder], check=False, timeout=60)
        assert len([*(store.folder / INCOMING).iterdir()]) == 1
        store.sweep()

        assert [*(store.folder / INCOMING).iterdir()] == []

    def test_drops_what_a_process_that_died_has_left(self, store: Store) -> None:
        with store.incoming():
            pass
        left = store.folder / INCOMING / "left"
        left.mkdir()
        (left / "half").write_bytes(b"half")
        with store.incoming() as incoming:
            assert [*(store.folder / INCOMING).iterdir()] == [incoming.path]

    def test_is_never_taken_from_an_upload_under_way_however_long_it_lasts(
        self, store: Store
    ) -> None:
        with store.incoming() as slow:
            (slow.path / "half").write_bytes(b"half")
            os.utime(slow.path, (0, 0))
            with Store(store.folder, LIMIT).incoming():
                pass

            assert (slow.path / "half").read_bytes() == b"half"

    def test_of_a_folder_that_cannot_be_made_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with (
            pytest.raises(StoreUnavailable, match="not writable"),
            Store(tmp_path / "file" / "arrays", LIMIT).incoming(),
        ):
            pass


SMALL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$1" || exit 77
exec "$2" -c '
import sys
from pathlib import Path
from tests.service.test_store import Store, kept, there
store = Store(Path(sys.argv[1], "arrays"), 1 << 30)
names = [kept(store, value, size=60_000) for value in range(8)]
assert there(store) == {*names[-4:]}, there(store)
' "$1"
"""


def test_a_disk_smaller_than_the_store_may_grow_is_used_for_ever(tmp_path: Path) -> None:
    """Eight files of 240 kB on a disk of 1 MB."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to mount a small disk with")
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no disk can be mounted here")

    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An S3 server of its own, with one bucket."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.put(f"{url}/arrays").raise_for_status()
    yield url
    server.stop()


def bucket(address: str, name: str = "arrays", **options: object) -> ObjectBucket:
    """Return a bucket on that server."""
    config = {"access_key_id": "a", "secret_access_key": "b", "region": "us-east-1"}
    return ObjectBucket(
        f"s3://{name}/some/folder",
        config=config | {"endpoint": address},
        client_options={"allow_http": True},
        **options,
    )


class TestBucket:
    def test_brings_back_what_the_folder_has_dropped(self, address: str, tmp_path: Path) -> None:
        store = Store(tmp_path, LIMIT, bucket(address))
        names = [kept(store, value) for value in range(5)]

        assert [value_in(store, name) for name in names] == [0, 1, 2, 3, 4]
        assert len(there(store)) == 3

    def test_is_shared_by_machines(self, address: str, tmp_path: Path) -> None:
        sha256 = kept(Store(tmp_path / "one", LIMIT, bucket(address)), 7)
        other = Store(tmp_path / "other", LIMIT, bucket(address))
        other.require(sha256)

        assert value_in(other, sha256) == 7

    def test_without_the_file_is_as_a_folder_without_it(self, address: str, tmp_path: Path) -> None:
        store = Store(tmp_path, LIMIT, bucket(address))
        for ask in (store.open, store.require):
            with pytest.raises(ArraysGone):
                ask("1" * 64)

    def test_that_holds_something_else_gives_nothing(self, address: str, tmp_path: Path) -> None:
        behind = bucket(address)
        other = tmp_path / "other"
        other.write_bytes(b"something else")
        behind.put("2" * 64 + SUFFIX, other)
        with pytest.raises(ArraysGone):
            Store(tmp_path / "arrays", LIMIT, behind).open("2" * 64)

        assert there(Store(tmp_path / "arrays", LIMIT)) == set()

    def test_that_does_not_answer_is_unavailable(self, tmp_path: Path) -> None:
        quickly = {"max_retries": 0}
        store = Store(tmp_path, LIMIT, bucket("http://127.0.0.1:9", retry_config=quickly))
        with pytest.raises(StoreUnavailable, match="s3://arrays/some/folder"):
            store.require("3" * 64)
        with pytest.raises(StoreUnavailable):
            kept(store, 1)

        assert there(store) == set()
