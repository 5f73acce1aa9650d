"""Keys are known by their hashes alone, and a file of them may change while the service runs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from app.callers.api_keys import PREFIX, Keyring, new_key, read_key_file, read_keys
from tests.service.scarce import no_more_files

ABC = hashlib.sha256(b"abc").hexdigest()
DEF = hashlib.sha256(b"def").hexdigest()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestANewKey:
    def test_is_known_by_its_line(self):
        text, key = new_key("ci")

        assert Keyring(read_keys([key.line])).owner(text) == "ci"

    def test_is_256_random_bits_that_its_line_does_not_hold(self):
        text, key = new_key("ci")

        assert len(text) == len(PREFIX) + 43
        assert text not in key.line
        assert new_key("ci")[0] != text

    @pytest.mark.parametrize("name", ["", "a b", "a#b", "-a", "a:b", "ä", "a" * 65, "a\n"])
    def test_has_a_name_that_can_stand_in_a_file(self, name: str):
        with pytest.raises(ValueError, match="1 to 64 letters"):
            new_key(name)


class TestLines:
    def test_may_be_empty_or_remarked(self):
        keys = read_keys(
            ["# ours", "", f"ci sha256:{ABC}  # since May", f"\tal.ice_2   sha256:{DEF}"]
        )

        assert [(key.name, key.sha256.hex()) for key in keys] == [("ci", ABC), ("al.ice_2", DEF)]

    @pytest.mark.parametrize(
        "line",
        ["stepzero_secret", f"ci {ABC}", f"ci sha256:{ABC[1:]}", f"ci md5:{ABC}", f"sha256:{ABC}"],
    )
    def test_of_another_form_are_refused_without_being_told(self, line: str):
        with pytest.raises(ValueError, match=r"^line 2 does not have the form NAME sha256:HEX$"):
            read_keys(["", line])

    def test_name_each_key_once(self):
        with pytest.raises(ValueError, match="line 2 repeats the name ci"):
            read_keys([f"ci sha256:{ABC}", f"ci sha256:{DEF}"])


class TestAKeyring:
    def test_knows_nobody_else(self):
        ring = Keyring(read_keys([f"ci sha256:{ABC}"]))

        assert ring.owner("abc") == "ci"
        assert [ring.owner(given) for given in ("", "ab", "abcd", "ABC", ABC, "\udcff")] == [
            None
        ] * 6

    def test_is_nothing_without_keys(self, tmp_path: Path):
        (tmp_path / "keys").write_text("# none yet")

        assert not Keyring()
        assert Keyring(path=tmp_path / "keys")  # so emptying the file does not open the service

    def test_reads_its_file_again_when_it_has_changed(self, tmp_path: Path, clock: Clock):
        path = tmp_path / "keys"
        path.write_text(f"ci sha256:{ABC}\n")
        ring = Keyring(
            read_keys([f"fixed sha256:{hashlib.sha256(b'fixed').hexdigest()}"]), path, clock
        )

        path.write_text(f"ci sha256:{DEF}\n# rotated\n")

        assert ring.owner("abc") == "ci"  # it has not looked yet
        clock.now_s = 1.0
        assert ring.owner("abc") is None
        assert ring.owner("def") == "ci"
        assert ring.owner("fixed") == "fixed"

    @pytest.mark.parametrize("text", ["stepzero_secret", None, "\xff"])
    def test_keeps_its_keys_when_the_file_is_broken_or_gone(
        self, text: str | None, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
    ):
        path = tmp_path / "keys"
        path.write_text(f"ci sha256:{ABC}\n")
        ring = Keyring(path=path, clock=clock)

        path.unlink()
        if text is not None:
            path.write_bytes(text.encode("latin-1"))
        clock.now_s = 1.0

        assert ring.owner("abc") == "ci"
        assert "API keys not reloaded" in caplog.text
        assert "secret" not in caplog.text
        assert str(tmp_path) not in caplog.text

    def test_takes_up_a_file_that_is_mended(self, tmp_path: Path, clock: Clock):
        path = tmp_path / "keys"
        path.write_text(f"ci sha256:{ABC}\n")
        ring = Keyring(path=path, clock=clock)
        path.write_text("broken")
        clock.now_s = 1.0
        ring.owner("abc")

        path.write_text(f"alice sha256:{ABC}\n")
        clock.now_s = 2.0

        assert ring.owner("abc") == "alice"

    def test_reads_a_file_that_is_mended_without_a_change_of_its_size_or_time(
        self, tmp_path: Path, clock: Clock
    ):
        path = tmp_path / "keys"
        path.write_text(f"ci sha256:{ABC}\n")
        ring = Keyring(path=path, clock=clock)
        path.write_text(f"ci sha256_{DEF}\n")
        broken = path.stat()
        clock.now_s = 1.0
        ring.owner("abc")

        path.write_text(f"ci sha256:{DEF}\n")
        os.utime(path, ns=(broken.st_atime_ns, broken.st_mtime_ns))
        clock.now_s = 2.0

        assert (ring.owner("abc"), ring.owner("def")) == (None, "ci")

    def test_tries_a_file_that_cannot_be_read_until_it_can(self, tmp_path: Path, clock: Clock):
        path = tmp_path / "keys"
        path.write_text(f"ci sha256:{ABC}\n")
        ring = Keyring(path=path, clock=clock)
        path.write_text(f"ci sha256:{DEF}\n# rotated\n")
        with no_more_files():
            clock.now_s = 1.0
            assert ring.owner("abc") == "ci"

        clock.now_s = 2.0
        assert (ring.owner("abc"), ring.owner("def")) == (None, "ci")

    def test_tells_once_a_minute_that_its_file_is_broken(
        self, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
    ):
        path = tmp_path / "keys"
        path.write_text(f"ci sha256:{ABC}\n")
        ring = Keyring(path=path, clock=clock)
        path.write_text("broken")
        for clock.now_s in (1.0, 2.0, 59.0, 60.0, 61.0, 62.0):
            ring.owner("abc")

        assert caplog.text.count("API keys not reloaded") == 2


def test_a_file_that_cannot_be_read_says_why_and_not_where(tmp_path: Path):
    with pytest.raises(ValueError, match=r"^cannot read the key file: No such file or directory$"):
        read_key_file(tmp_path / "none")
